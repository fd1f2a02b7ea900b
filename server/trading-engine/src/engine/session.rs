//! Sessions and what they tell: who is there, with which account, specifications and entitlement.

use super::{
    AccountKey, Answer, Effect, Engine, Event, Token,
    event::{End, SessionFact, StateFact},
    io::{After, Alert},
    state::{Held, Stage},
};
use crate::error::Refusal;
use aitrading_model::{
    AccountState, Deal, DealEntry, Fence, MarginMode, MarketTime, Money, PositionState, Price, SignalId, Symbol,
    SymbolSpec, Timestamp, TraceId,
};
use aitrading_risk::{Entitlement, Gate, Stamped, StateScope, TradingState};
use aitrading_store::{Subscription, SubscriptionStatus};
use aitrading_wire::{
    limits::SYMBOLS_PER_SESSION_MAX,
    services::{Seat, SessionGrant, SessionOpened},
};
use std::collections::BTreeMap;

/// Most accounts in one engine.
const DESKS_MAX: usize = 4_096;
/// So long a snapshot may trail the report of a deal: the terminal tells both at once, on two connections of one machine.
const SNAPSHOT_TRAILS_NS: i64 = 500_000_000;

/// The session that counts for an account.
#[derive(Debug, Clone)]
struct Session {
    seat: Seat,
    fence: Fence,
    device_key: [u8; 32],
    /// Since when it is set up.
    ready: Option<Timestamp>,
}

/// What is known of an account while the process lives.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    session: Option<Session>,
    pub(crate) account: Option<Stamped<AccountState>>,
    pub(crate) specs: BTreeMap<Symbol, Stamped<SymbolSpec>>,
    subscription: Option<(Option<Subscription>, Timestamp)>,
    /// The last deal, in market time and by when its report came: a snapshot from before it is stale.
    last_deal: (MarketTime, Timestamp),
}

impl Desk {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready_at().is_some()
    }

    /// Since when a session is open and set up.
    pub(crate) fn ready_at(&self) -> Option<Timestamp> {
        self.session.as_ref().and_then(|s| s.ready)
    }

    pub(crate) fn knows(&self, symbol: Symbol) -> bool {
        self.specs.contains_key(&symbol)
    }

    pub(crate) fn seat(&self) -> Option<(Seat, Fence)> {
        self.session.as_ref().map(|s| (s.seat, s.fence))
    }

    pub(crate) fn is_seat(&self, seat: &Seat) -> bool {
        self.session.as_ref().is_some_and(|s| s.seat == *seat)
    }

    pub(crate) fn device_key(&self) -> Option<[u8; 32]> {
        self.session.as_ref().map(|s| s.device_key)
    }

    pub(crate) fn gate(&self, unresolved: bool) -> Gate {
        match &self.session {
            None => Gate::Down,
            Some(session) if session.ready.is_none() => Gate::Opening,
            Some(_) if unresolved => Gate::Unresolved,
            Some(_) => Gate::Ready,
        }
    }

    pub(crate) fn entitlement(
        &self,
        now: Timestamp,
        (max_age_ns, clock_step_ns): (i64, i64),
        symbol: Symbol,
    ) -> Entitlement {
        let Some((answer, at)) = &self.subscription else { return Entitlement::Unreadable };
        // A stamp after now has no age: the clock was set back.
        if now.since(*at) > max_age_ns || at.since(now) > clock_step_ns {
            return Entitlement::Unreadable;
        }
        let Some(subscription) = answer else { return Entitlement::Absent };
        match subscription.status {
            SubscriptionStatus::Lapsed => Entitlement::Lapsed,
            SubscriptionStatus::Suspended => Entitlement::Suspended,
            SubscriptionStatus::Active if now >= subscription.expires_at => Entitlement::Expired,
            SubscriptionStatus::Active if !subscription.auto_trading => Entitlement::AutoTradingOff,
            SubscriptionStatus::Active if !subscription.symbols.covers(symbol) => Entitlement::SymbolNotCovered,
            SubscriptionStatus::Active => Entitlement::Active,
        }
    }

    fn take_specs(&mut self, specs: Vec<SymbolSpec>, at: Timestamp) {
        for spec in specs {
            if self.specs.len() < SYMBOLS_PER_SESSION_MAX || self.specs.contains_key(&spec.symbol) {
                self.specs.insert(spec.symbol, Stamped { value: spec, at });
            }
        }
    }

    pub(crate) fn point(&self, symbol: Symbol) -> Price {
        self.specs.get(&symbol).map_or(Price::ZERO, |s| s.value.point())
    }

    /// Lets the own view of the account follow an executed report until the terminal's next snapshot.
    pub(crate) fn follow(&mut self, deals: &[Deal], now: Timestamp, symbol: Symbol, stops: (Price, Price)) {
        if let Some(last) = deals.iter().map(|d| d.time).max() {
            self.last_deal = (self.last_deal.0.max(last), now);
        }
        let Some(account) = &mut self.account else { return };
        let hedging = account.value.margin_mode == MarginMode::RetailHedging;
        let snapshot = account.value.time;
        let positions = &mut account.value.positions;
        for deal in deals {
            let known = positions.iter_mut().find(|p| p.ticket == deal.position);
            match (deal.entry, known) {
                // On a hedging account every opening deal has a position of its own: one that is known came with a snapshot
                // that overtook the report, and must not be counted twice.
                (DealEntry::In, Some(_)) if hedging => {}
                (DealEntry::In, Some(p)) => p.volume = p.volume.checked_add(deal.volume).unwrap_or(p.volume),
                // A part that was closed before the snapshot is missing from it already.
                (DealEntry::Out, Some(p)) if deal.volume < p.volume && snapshot >= deal.time => {}
                (DealEntry::Out, Some(p)) => {
                    p.volume = p.volume.checked_sub(deal.volume).unwrap_or_default();
                }
                (DealEntry::In, None) => positions.push(position(deal, symbol, stops)),
                (DealEntry::Out, None) => {}
            }
        }
        positions.retain(|p| p.volume.is_positive());
    }
}

/// Is a snapshot that came `at` from before a deal? Market time says so. A terminal that has seen no tick since it started has no
/// market time, but neither has it executed anything since: what its broker lists is later than every deal whose report is here,
/// unless that came just now. Without this a position that was closed while the terminal was down would be taken for open, and
/// every wish to close it denied, until the next snapshot.
const fn is_before(state: &AccountState, at: Timestamp, (deal, heard): (MarketTime, Timestamp)) -> bool {
    let started = state.time.0 == 0 && state.permissions.blocked_by().is_none();
    if started && at.since(heard) >= SNAPSHOT_TRAILS_NS {
        return false;
    }
    state.time.0 < deal.0
}

const fn position(deal: &Deal, symbol: Symbol, (stop_loss, take_profit): (Price, Price)) -> PositionState {
    PositionState {
        ticket: deal.position,
        symbol,
        side: deal.side,
        volume: deal.volume,
        price_open: deal.price,
        stop_loss,
        take_profit,
        profit: Money::ZERO,
        magic: deal.magic,
    }
}

impl Engine {
    pub(super) fn on_session_opened(&mut self, token: Token, session: SessionOpened) {
        let seat = session.seat;
        let key = (seat.tenant, seat.account);
        if self.failed {
            return self.refuse(token, Refusal::Halted);
        }
        if session.state.account != seat.account {
            return self.refuse(token, Refusal::WrongAccount);
        }
        if self.desks.len() >= DESKS_MAX && !self.desks.contains_key(&key) {
            return self.refuse(token, Refusal::TooMany);
        }
        let book = self.state.book(key);
        let device = book.devices.get(&seat.device).copied().unwrap_or_default();
        if session.ledger_generation < device.generation || session.last_signal_seq < device.delivered_seq {
            return self.quarantine(token, key, session.trace);
        }
        let fence = Fence(book.fence.0.saturating_add(1));
        let fact = SessionFact {
            tenant: seat.tenant,
            account: seat.account,
            device: seat.device,
            fence,
            generation: session.ledger_generation,
        };
        self.record(Event::Session(fact));
        self.resolve_lost(key, &seat, session.last_signal_seq);
        let desk = self.desks.entry(key).or_default();
        desk.session = Some(Session { seat, fence, device_key: session.device_key, ready: None });
        desk.take_specs(session.specs, session.at);
        self.take_snapshot(key, session.state, session.at);
        let current = self.keys.signal.verifying_key().to_bytes();
        let grant = SessionGrant {
            fence,
            policy: self.config.policy,
            signal_keys: std::iter::once(current).chain(self.keys.next).collect(),
            last_report_seq: device.report_seq,
        };
        self.out.after.push(After::Reply { token, answer: Answer::Grant(grant) });
    }

    /// The ledger is older than what it confirmed: it could execute a second time.
    fn quarantine(&mut self, token: Token, key: AccountKey, trace: TraceId) {
        let code = Refusal::LedgerRollback.code();
        self.out.effects.push(Effect::Alert(Alert { code, account: Some(key), trace }));
        if !self.is_halted(key) {
            let scope = StateScope::Account(key.0, key.1);
            let fact = StateFact { scope, state: TradingState::Halted, code: code.into(), trace };
            self.record(Event::State(fact));
        }
        let answer = Answer::Refused(Refusal::LedgerRollback);
        self.out.after.push(After::Reply { token, answer });
    }

    /// Unconfirmed signals that the device's ledger has never seen can no longer be executed: their time is over.
    fn resolve_lost(&mut self, key: AccountKey, seat: &Seat, last_signal_seq: u64) {
        for id in self.state.open_of(key) {
            let Some(open) = self.state.open.get(&id) else { continue };
            let signal = &open.decided.signal;
            let lost = open.stage == Stage::Unconfirmed && signal.device == seat.device && signal.seq > last_signal_seq;
            if lost {
                let (tenant, account, trace) = (signal.tenant, signal.account, signal.trace);
                self.record(Event::Ended { tenant, account, signal: id, trace, end: End::Lost });
            }
        }
    }

    pub(super) fn on_session_ready(&mut self, now: Timestamp, seat: Seat, fence: Fence) {
        let key = (seat.tenant, seat.account);
        let Some(session) = self.desks.get_mut(&key).and_then(|desk| desk.session.as_mut()) else { return };
        if session.seat != seat || session.fence != fence {
            return;
        }
        session.ready.get_or_insert(now);
        self.undelivered.remove(&key);
        self.expire(now);
        self.next_round(key);
        for id in self.state.open_of(key) {
            let again = self.state.open.get(&id).is_some_and(|open| {
                matches!(open.stage, Stage::Outbox | Stage::Sent) && now < open.decided.signal.expires_at
            });
            if again {
                let effect = self.send(id);
                self.out.effects.extend(effect);
            }
        }
    }

    pub(super) fn on_session_closed(&mut self, seat: Seat, fence: Fence) {
        let Some(desk) = self.desks.get_mut(&(seat.tenant, seat.account)) else { return };
        if desk.session.as_ref().is_some_and(|s| s.seat == seat && s.fence == fence) {
            desk.session = None;
        }
    }

    /// Hands a durable signal to the session it was signed for, if that is up.
    pub(super) fn send(&mut self, id: SignalId) -> Option<Effect> {
        if self.failed {
            return None;
        }
        let open = self.state.open.get_mut(&id)?;
        let session = self.desks.get(&open.decided.account())?.session.as_ref()?;
        let fits = session.ready.is_some() && session.seat.device == open.decided.signal.device;
        // Nothing overtakes a signal that waits for its next try.
        if !fits
            || self.undelivered.contains_key(&open.decided.account())
            || !matches!(open.stage, Stage::Outbox | Stage::Sent)
        {
            return None;
        }
        if std::mem::replace(&mut open.stage, Stage::Sent) == Stage::Sent {
            self.maybe_left.insert(id);
        }
        let round = self.rounds.get(&open.decided.account()).copied().unwrap_or_default();
        Some(Effect::Deliver { seat: session.seat, signal: id, envelope: open.decided.envelope.clone(), round })
    }

    fn next_round(&mut self, key: AccountKey) {
        let round = self.rounds.entry(key).or_default();
        *round = round.saturating_add(1);
    }

    /// Back to the outbox, until the timer tries again.
    pub(super) fn on_not_delivered(&mut self, seat: &Seat, signal: SignalId, kept: bool) {
        let key = (seat.tenant, seat.account);
        let open = self.state.open.get_mut(&signal).filter(|open| open.decided.account() == key);
        let Some(open) = open.filter(|open| open.stage == Stage::Sent) else { return };
        if !self.desks.get(&key).is_some_and(|desk| desk.is_seat(seat)) {
            return;
        }
        // It may have left by an earlier session; only what was never tried before is certainly still here.
        if kept && !self.maybe_left.contains(&signal) {
            open.stage = Stage::Outbox;
        } else {
            self.maybe_left.insert(signal);
        }
        self.undelivered.entry(key).or_default().insert(signal);
    }

    /// Tries again what was not taken, in the order of the numbers, and what came after it.
    pub(super) fn resend(&mut self, now: Timestamp) {
        for (key, failed) in std::mem::take(&mut self.undelivered) {
            self.next_round(key);
            for id in self.state.open_of(key) {
                let due = self.state.open.get(&id).is_some_and(|open| {
                    let waits = open.stage == Stage::Outbox || failed.contains(&id);
                    waits && now < open.decided.signal.expires_at
                });
                if due {
                    let effect = self.send(id);
                    self.out.effects.extend(effect);
                }
            }
        }
    }

    pub(super) fn on_account(&mut self, seat: Seat, state: AccountState, at: Timestamp) {
        let key = (seat.tenant, seat.account);
        let current = self.desks.get(&key).is_some_and(|desk| desk.is_seat(&seat));
        if current && state.account == seat.account {
            self.take_snapshot(key, state, at);
        }
    }

    fn take_snapshot(&mut self, key: AccountKey, state: AccountState, at: Timestamp) {
        // A terminal that has seen no tick has no market time.
        if state.time != MarketTime::default() && self.desks.contains_key(&key) {
            self.hear_lag(key, state.time, at);
        }
        let Some(desk) = self.desks.get_mut(&key) else { return };
        if is_before(&state, at, desk.last_deal) || state.positions.len() > AccountState::MAX_POSITIONS {
            return;
        }
        // What the terminal no longer lists was closed there, by its stops or by hand; a deal of this very moment may be missing.
        let listed = |ticket| state.positions.iter().any(|p| p.ticket == ticket);
        let missing = |held: &Held| {
            let unseen = MarketTime(held.opened.0.saturating_add(1));
            !is_before(&state, at, (unseen, held.heard))
        };
        self.state.book(key).held.retain(|ticket, held| listed(*ticket) || !missing(held));
        desk.account = Some(Stamped { value: state, at });
    }

    pub(super) fn on_specs(&mut self, seat: Seat, specs: Vec<SymbolSpec>, at: Timestamp) {
        if let Some(desk) = self.desks.get_mut(&(seat.tenant, seat.account)).filter(|desk| desk.is_seat(&seat)) {
            desk.take_specs(specs, at);
        }
    }

    /// An unreadable store leaves the last answer to age.
    pub(super) fn on_entitlement(
        &mut self,
        now: Timestamp,
        account: AccountKey,
        answer: Result<Option<Subscription>, ()>,
    ) {
        let known = self.desks.contains_key(&account);
        if (known || self.desks.len() < DESKS_MAX)
            && let Ok(subscription) = answer
        {
            self.desks.entry(account).or_default().subscription = Some((subscription, now));
        }
    }

    pub(super) fn on_delivered(&mut self, token: Token, seat: Seat, signal: SignalId, at: Timestamp) {
        let key = (seat.tenant, seat.account);
        let stage = self.state.open.get(&signal).filter(|open| open.decided.account() == key).map(|open| open.stage);
        match stage {
            Some(Stage::Committing) => self.refuse(token, Refusal::UnknownSignal),
            Some(Stage::Outbox | Stage::Sent) => {
                self.record(Event::Delivered { tenant: seat.tenant, account: seat.account, signal, at });
                self.out.after.push(After::Reply { token, answer: Answer::Done });
            }
            // Known already, or settled: nothing is added.
            Some(_) => self.out.after.push(After::Reply { token, answer: Answer::Done }),
            None if self.state.finished.get(&signal).is_some_and(|f| f.account == key) => {
                self.out.after.push(After::Reply { token, answer: Answer::Done });
            }
            None => self.refuse(token, Refusal::UnknownSignal),
        }
    }
}
