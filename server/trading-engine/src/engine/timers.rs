//! What time alone does: signals that expire, reports that do not come, wishes that grow old.

use super::{Effect, Engine, Event, Stage, WishKey, event::End, io::Alert};
use aitrading_env::Rng;
use aitrading_model::{SignalId, Timestamp};

/// A wish older than this is dropped: it is the age at which risk would refuse it.
const WISH_AGE_NS: i64 = 300_000_000_000;

impl Engine {
    pub(super) fn on_timer(&mut self, now: Timestamp, rng: &dyn Rng) {
        self.expire(now);
        self.judge_overdue(now);
        self.resend(now);
        self.maybe_left.retain(|id| self.state.open.contains_key(id));
        self.wishes.retain(|_, wish| now.since(wish.decided_at) <= WISH_AGE_NS);
        let keys: Vec<WishKey> = self.wishes.keys().copied().collect();
        for key in keys {
            self.advance(now, key, rng);
        }
    }

    /// Ends what is over. Nothing happens after a failure: what cannot be audited must not be forgotten either.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if self.failed {
            return;
        }
        let grace = self.config.report_grace;
        let over = self.state.open.iter().filter_map(|(id, open)| {
            let expires = open.decided.signal.expires_at;
            match open.stage {
                Stage::Outbox if now >= expires => Some((*id, End::Expired)),
                Stage::Sent | Stage::Delivered if now > expires.plus(grace) => Some((*id, End::Unconfirmed)),
                _ => None,
            }
        });
        let over: Vec<_> = over.collect();
        for (id, end) in over {
            self.end(id, end);
        }
    }

    fn end(&mut self, id: SignalId, end: End) {
        let Some(open) = self.state.open.get(&id) else { return };
        let signal = &open.decided.signal;
        let (tenant, account, trace) = (signal.tenant, signal.account, signal.trace);
        let key = WishKey { account: (tenant, account), strategy: open.decided.strategy, symbol: signal.symbol };
        self.wishes.remove(&key);
        if end == End::Unconfirmed {
            let alert = Alert { code: end.code(), account: Some((tenant, account)), trace };
            self.out.effects.push(Effect::Alert(alert));
        }
        self.record(Event::Ended { tenant, account, signal: id, trace, end });
    }

    /// After a restart: decisions without an audit leaf never left, and never will.
    pub(super) fn void(&mut self, signals: &[SignalId]) {
        for id in signals {
            self.end(*id, End::Voided);
        }
    }
}
