//! Reports: who says it, what it says, and whether it fits the signal, the ticks and the deadline.

use super::{
    AccountKey, Answer, Effect, Engine, Event, StoredTicks, Token, WishKey,
    event::{Decided, Reported, StateFact},
    io::{After, Alert},
    judge::{Quotes, Verdict},
    state::ReportKey,
    verify::{Finding, Terms, against_signal, finding},
};
use crate::error::Refusal;
use aitrading_env::Rng;
use aitrading_model::{Fence, Report, ReportState, Retcode, Timestamp};
use aitrading_risk::{StateScope, TradingState};
use aitrading_security::{sha256, signing::VerifyingKey};
use aitrading_wire::{REPORT_DOMAIN, ReportEnvelope, decode_report, services::Seat};

/// Most reports that wait for stored ticks.
const LOOKUPS_MAX: usize = 256;
/// A report that waits for stored ticks.
#[derive(Debug)]
pub(crate) struct Stashed {
    seat: Seat,
    envelope: ReportEnvelope,
    at: Timestamp,
}

impl Engine {
    pub(super) fn on_report(
        &mut self,
        now: Timestamp,
        token: Token,
        seat: Seat,
        envelope: ReportEnvelope,
        at: Timestamp,
        rng: &dyn Rng,
    ) {
        match self.authentic(&seat, &envelope) {
            Ok(report) => self.take_report(now, token, Stashed { seat, envelope, at }, report, &Quotes::Ring, rng),
            Err(refusal) => {
                if matches!(refusal, Refusal::BadSignature | Refusal::BadReport) {
                    self.suspend((seat.tenant, seat.account), refusal.code(), aitrading_model::TraceId::default());
                }
                self.out.after.push(After::Reply { token, answer: Answer::Refused(refusal) });
            }
        }
    }

    fn authentic(&self, seat: &Seat, envelope: &ReportEnvelope) -> Result<Report, Refusal> {
        if self.failed {
            return Err(Refusal::Halted);
        }
        let desk = self.desks.get(&(seat.tenant, seat.account)).filter(|desk| desk.is_seat(seat));
        let key = desk.and_then(super::session::Desk::device_key).ok_or(Refusal::Fenced)?;
        VerifyingKey::from_bytes(&key)
            .and_then(|key| key.verify_detached(REPORT_DOMAIN, &envelope.bytes, &envelope.signature))
            .map_err(|_| Refusal::BadSignature)?;
        let report = decode_report(&envelope.bytes).map_err(|_| Refusal::BadReport)?;
        // The device signed for somebody else's books: nothing of it can be stored under its own.
        let own = (report.tenant, report.account, report.device) == (seat.tenant, seat.account, seat.device);
        if own { Ok(report) } else { Err(Refusal::BadReport) }
    }

    fn take_report(
        &mut self,
        now: Timestamp,
        token: Token,
        stashed: Stashed,
        report: Report,
        quotes: &Quotes<'_>,
        rng: &dyn Rng,
    ) {
        let key = (report.tenant, report.account);
        let device = self.state.book(key).devices.get(&report.device).copied().unwrap_or_default();
        let mut reused = false;
        if report.seq <= device.report_seq {
            reused = report.seq == device.report_seq && sha256(&stashed.envelope.bytes) != device.report_hash;
            if !reused {
                return self.repeated(token, (key, report.device, report.seq));
            }
        }
        let verdict = if reused { Verdict::Unfit(finding("REPORT_REUSED")) } else { self.verdict(&report, quotes) };
        if matches!(verdict, Verdict::Unread) {
            return self.look_up(token, stashed, &report);
        }
        let open = self.state.open.get(&report.signal).filter(|open| open.decided.account() == key);
        let decided = open.map(|open| open.decided.clone());
        self.conclude(token, stashed, &report, verdict);
        self.after_report(now, &report, decided, rng);
    }

    /// Known already: told once it is durable.
    fn repeated(&mut self, token: Token, key: ReportKey) {
        let reply = After::Reply { token, answer: Answer::Done };
        match self.reports_in_flight.get(&key).and_then(|ticket| self.pending.get_mut(ticket)) {
            Some(after) => after.push(reply),
            None => self.out.after.push(reply),
        }
    }

    fn verdict(&self, report: &Report, quotes: &Quotes<'_>) -> Verdict {
        let key = (report.tenant, report.account);
        let Some(open) = self.state.open.get(&report.signal).filter(|open| open.decided.account() == key) else {
            return self.verdict_on_finished(report).into();
        };
        let desk = self.desks.get(&key);
        let terms = Terms {
            fence: desk.and_then(|d| d.seat()).map_or(Fence(0), |(_, fence)| fence),
            point: desk.map(|d| d.point(open.decided.signal.symbol)).unwrap_or_default(),
        };
        if let Err(finding) = against_signal(report, &open.decided, &terms) {
            return Verdict::Unfit(finding);
        }
        if report.state != ReportState::Executed {
            return Verdict::Fits;
        }
        self.plausible(report, &open.decided.priced, quotes)
    }

    /// A report for a signal that is settled may repeat its outcome, never change it.
    fn verdict_on_finished(&self, report: &Report) -> Result<(), Finding> {
        let key = (report.tenant, report.account);
        match self.state.finished.get(&report.signal).filter(|f| f.account == key) {
            None => Err(finding("UNKNOWN_SIGNAL")),
            Some(f) if f.report == Some(report.state) => Ok(()),
            // It never left or never arrived, so the client cannot have executed it; saying so is fine.
            Some(f) if f.report.is_none() && report.state != ReportState::Executed => Ok(()),
            Some(_) => Err(finding("CONFLICTING_OUTCOME")),
        }
    }

    fn look_up(&mut self, token: Token, stashed: Stashed, report: &Report) {
        let source = self.state.open.get(&report.signal).map(|open| open.decided.priced);
        let Some(source) = source else {
            return self.refuse(token, Refusal::UnknownSignal);
        };
        if self.lookups.len() >= LOOKUPS_MAX {
            return self.refuse(token, Refusal::TooMany);
        }
        self.lookups.insert(token, stashed);
        self.ask_ticks(token, source, report);
    }

    pub(super) fn on_ticks(&mut self, now: Timestamp, token: Token, stored: Option<&StoredTicks>, rng: &dyn Rng) {
        let quotes = stored.map_or(Quotes::Nowhere, Quotes::Stored);
        let Some(stashed) = self.lookups.remove(&token) else { return self.judge_by_store(now, token, &quotes) };
        match self.authentic(&stashed.seat, &stashed.envelope) {
            Ok(report) => {
                self.take_report(now, token, stashed, report, &quotes, rng);
            }
            // The session ended meanwhile: the client reports again.
            Err(refusal) => self.refuse(token, refusal),
        }
    }

    fn conclude(&mut self, token: Token, stashed: Stashed, report: &Report, verdict: Verdict) {
        let key = (report.tenant, report.account);
        let (found, provisional) = match verdict {
            Verdict::Unfit(found) => (Some(found), false),
            Verdict::Later => (None, true),
            Verdict::Fits | Verdict::Unread => (None, false),
        };
        self.reports_in_flight.insert((key, report.device, report.seq), self.ticket());
        self.record(Event::Reported(Box::new(Reported {
            report: report.clone(),
            envelope: stashed.envelope,
            at: stashed.at,
            finding: found.map_or(String::new(), |f| f.code.into()),
            value: found.map_or(0, |f| f.value),
            bound: found.map_or(0, |f| f.bound),
            provisional,
        })));
        self.out.after.push(After::Reply { token, answer: Answer::Done });
        match found {
            Some(found) => {
                self.out.effects.push(Effect::Count("engine_anomalies_total"));
                self.suspend(key, found.code, report.trace);
            }
            None => self.out.effects.push(Effect::Count("engine_reports_total")),
        }
    }

    /// Stops an account until an operator resumes it.
    pub(super) fn suspend(&mut self, key: AccountKey, code: &'static str, trace: aitrading_model::TraceId) {
        self.out.effects.push(Effect::Alert(Alert { code, account: Some(key), trace }));
        if self.failed || self.is_halted(key) {
            return;
        }
        let scope = StateScope::Account(key.0, key.1);
        let fact = StateFact { scope, state: TradingState::Halted, code: code.into(), trace };
        self.record(Event::State(fact));
    }

    /// The own view of the account follows, and the strategy's wish goes on or ends.
    fn after_report(&mut self, now: Timestamp, report: &Report, decided: Option<Decided>, rng: &dyn Rng) {
        let Some(decided) = decided else { return };
        let (account, signal) = (decided.account(), &decided.signal);
        let settled = self.state.finished.contains_key(&report.signal);
        if settled && let Some(desk) = self.desks.get_mut(&account) {
            desk.follow(&report.deals, now, signal.symbol, (signal.stop_loss, signal.take_profit));
        }
        let done = report.state == ReportState::Executed || report.retcode == Retcode::POSITION_CLOSED;
        let key = WishKey { account, strategy: decided.strategy, symbol: signal.symbol };
        if settled && done {
            self.advance(now, key, rng);
        } else {
            // What could not be closed, or is not known to be, must not be turned into a second position.
            self.wishes.remove(&key);
        }
    }
}
