//! Reports: who says it, what it says, and whether it fits the signal, the ticks and the deadline.

use super::{
    AccountKey, Answer, Effect, Engine, Event, Token, WishKey,
    event::{Decided, Reported, StateFact},
    feed::{WINDOW_MS, span_of_ticks},
    io::{After, Alert},
    verify::{Finding, Terms, against_signal, against_ticks, finding},
};
use crate::error::Refusal;
use aitrading_env::Rng;
use aitrading_model::{DeviceId, Fence, MarketTime, Report, ReportState, Retcode, Tick, Timestamp};
use aitrading_risk::TradingState;
use aitrading_security::{sha256, signing::VerifyingKey};
use aitrading_wire::{REPORT_DOMAIN, ReportEnvelope, decode_report, services::Seat};

/// Most reports that wait for stored ticks.
const LOOKUPS_MAX: usize = 256;
/// How far before a deal stored ticks are looked for: the quote that prevailed may be older than the window.
const LOOK_BACK_MS: i64 = 60_000;

/// A report by who numbered it.
pub(crate) type ReportKey = (AccountKey, DeviceId, u64);

/// A report that waits for stored ticks.
#[derive(Debug)]
pub(crate) struct Stashed {
    seat: Seat,
    envelope: ReportEnvelope,
    at: Timestamp,
}

/// Where the spans of quotes come from.
enum Quotes<'a> {
    Ring,
    Stored(&'a [Tick]),
    /// The store was asked and has no answer.
    Nowhere,
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
        let verdict = if reused {
            Err(finding("REPORT_REUSED"))
        } else {
            match self.verdict(&report, quotes) {
                Some(verdict) => verdict,
                None => return self.look_up(token, stashed, &report),
            }
        };
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

    /// `None`: stored ticks are needed first.
    fn verdict(&self, report: &Report, quotes: &Quotes<'_>) -> Option<Result<(), Finding>> {
        let key = (report.tenant, report.account);
        let Some(open) = self.state.open.get(&report.signal).filter(|open| open.decided.account() == key) else {
            return Some(self.verdict_on_finished(report));
        };
        let desk = self.desks.get(&key);
        let terms = Terms {
            fence: desk.and_then(|d| d.seat()).map_or(Fence(0), |(_, fence)| fence),
            point: desk.map(|d| d.point(open.decided.signal.symbol)).unwrap_or_default(),
        };
        if let Err(finding) = against_signal(report, &open.decided, &terms) {
            return Some(Err(finding));
        }
        if report.state != ReportState::Executed {
            return Some(Ok(()));
        }
        match quotes {
            Quotes::Ring => {
                let feed = self.feeds.get(&open.decided.priced);
                let known = report.deals.iter().all(|d| feed.is_some_and(|f| f.span(d.time).is_some()));
                known.then(|| against_ticks(report, |at| feed.and_then(|f| f.span(at))))
            }
            Quotes::Stored(ticks) => Some(against_ticks(report, |at| span_of_ticks(ticks, at))),
            Quotes::Nowhere => Some(against_ticks(report, |_| None)),
        }
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
        let times = || report.deals.iter().map(|d| d.time);
        let source = self.state.open.get(&report.signal).map(|open| open.decided.priced);
        let (Some(source), Some(first), Some(last)) = (source, times().min(), times().max()) else {
            return self.refuse(token, Refusal::UnknownSignal);
        };
        if self.lookups.len() >= LOOKUPS_MAX {
            return self.refuse(token, Refusal::TooMany);
        }
        let from = MarketTime(first.0.saturating_sub(LOOK_BACK_MS));
        let to = MarketTime(last.0.saturating_add(WINDOW_MS).saturating_add(1));
        self.lookups.insert(token, stashed);
        self.out.effects.push(Effect::LookupTicks { token, source, from, to });
    }

    pub(super) fn on_ticks(&mut self, now: Timestamp, token: Token, ticks: Option<Vec<Tick>>, rng: &dyn Rng) {
        let Some(stashed) = self.lookups.remove(&token) else { return };
        match self.authentic(&stashed.seat, &stashed.envelope) {
            Ok(report) => {
                let quotes = ticks.as_deref().map_or(Quotes::Nowhere, Quotes::Stored);
                self.take_report(now, token, stashed, report, &quotes, rng);
            }
            // The session ended meanwhile: the client reports again.
            Err(refusal) => self.refuse(token, refusal),
        }
    }

    fn conclude(&mut self, token: Token, stashed: Stashed, report: &Report, verdict: Result<(), Finding>) {
        let key = (report.tenant, report.account);
        let found = verdict.err();
        self.reports_in_flight.insert((key, report.device, report.seq), self.ticket());
        self.record(Event::Reported(Box::new(Reported {
            report: report.clone(),
            envelope: stashed.envelope,
            at: stashed.at,
            finding: found.map_or(String::new(), |f| f.code.into()),
            value: found.map_or(0, |f| f.value),
            bound: found.map_or(0, |f| f.bound),
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
    fn suspend(&mut self, key: AccountKey, code: &'static str, trace: aitrading_model::TraceId) {
        self.out.effects.push(Effect::Alert(Alert { code, account: Some(key), trace }));
        if self.failed || self.state.book(key).state == TradingState::Halted {
            return;
        }
        let fact = StateFact { account: Some(key), state: TradingState::Halted, code: code.into(), trace };
        self.record(Event::State(fact));
    }

    /// The own view of the account follows, and the strategy's wish goes on or ends.
    fn after_report(&mut self, now: Timestamp, report: &Report, decided: Option<Decided>, rng: &dyn Rng) {
        let Some(decided) = decided else { return };
        let (account, signal) = (decided.account(), &decided.signal);
        let settled = self.state.finished.contains_key(&report.signal);
        if settled && let Some(desk) = self.desks.get_mut(&account) {
            desk.follow(&report.deals, signal.symbol, (signal.stop_loss, signal.take_profit));
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
