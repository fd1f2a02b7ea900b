//! Was a deal's price quoted? Ticks and reports travel on different ways: a report may be here before the tick that it was
//! executed at. What the quotes so far do not bear out is judged again until no tick to come could.

use super::{
    Effect, Engine, Event, Token,
    event::Judged,
    feed::{Feed, Span, WINDOW_MS, span_of_ticks},
    io::StoredTicks,
    session::Desk,
    state::{Judging, ReportKey},
    verify::{Finding, against_ticks},
};
use aitrading_model::{MarketTime, Report, Source, Timestamp};

/// How far before a deal stored ticks are looked for: the quote that prevailed may be older than the window.
const LOOK_BACK_MS: i64 = 60_000;
/// Longest wait for the ticks around a deal, in receive time while their account's session is open: a market that stands still
/// sends none. Ticks are older in the client's outbox than reports when a backlog drains, so this covers an outage's.
const JUDGE_WAIT_NS: u64 = 60_000_000_000;
/// Longest wait at all: without a session nobody could send them, without its store the server could not find them.
const JUDGE_LONGEST_NS: u64 = 86_400_000_000_000;
/// Most reports whose price is to be judged later; beyond it the quotes so far decide.
const JUDGING_MAX: usize = 1_024;
/// The shell counts callers from 1; lookups of the engine's own count from here.
const OWN_TOKENS: Token = 1 << 63;

/// Where quotes come from besides memory.
pub(super) enum Quotes<'a> {
    Ring,
    Stored(&'a StoredTicks),
    /// The store was asked and has no answer.
    Nowhere,
}

impl Quotes<'_> {
    /// Can nothing come from there any more but what is there? Memory tells by itself how far [it reaches](Feed::reaches).
    const fn are_complete(&self) -> bool {
        match self {
            Self::Ring => true,
            Self::Stored(stored) => stored.complete,
            Self::Nowhere => false,
        }
    }
}

/// What is found of a report.
pub(super) enum Verdict {
    Fits,
    Unfit(Finding),
    /// Ticks that bear it out may still come.
    Later,
    /// Stored ticks are needed first.
    Unread,
}

impl From<Result<(), Finding>> for Verdict {
    fn from(outcome: Result<(), Finding>) -> Self {
        outcome.map_or_else(Self::Unfit, |()| Self::Fits)
    }
}

impl Engine {
    /// The verdict on the prices of a report that has just come.
    pub(super) fn plausible(&self, report: &Report, source: &Source, quotes: &Quotes<'_>) -> Verdict {
        let feed = self.feeds.get(source);
        let verdict = prices(report, feed, quotes);
        let past = report.deals.iter().all(|d| feed.is_some_and(|f| f.is_past(d.time)));
        match verdict {
            Verdict::Unfit(_) if !(past && quotes.are_complete()) && self.state.judging.len() < JUDGING_MAX => {
                Verdict::Later
            }
            verdict => verdict,
        }
    }

    /// New ticks on a source: those whose price they hold are through, and those whose window is over are judged.
    pub(super) fn judge_source(&mut self, source: &Source) {
        if self.failed || self.state.judging.is_empty() {
            return;
        }
        let feed = self.feeds.get(source);
        let past = |j: &Judging| j.report.deals.iter().all(|d| feed.is_some_and(|f| f.is_past(d.time)));
        let due = self.state.judging.iter().filter(|(_, j)| j.source == *source);
        let due: Vec<_> = due.map(|(key, j)| (*key, past(j))).collect();
        for (key, over) in due {
            self.judge_price(key, over);
        }
    }

    /// Those that have waited long enough are judged by what is there, and the store is asked again where it was behind.
    pub(super) fn judge_overdue(&mut self, now: Timestamp) {
        if self.failed {
            return;
        }
        let again = std::mem::take(&mut self.judge_again);
        let over = |j: &Judging| matches!(self.waited(now, j), (true, _) | (_, true));
        let due = self.state.judging.iter().filter(|(key, j)| again.contains(key) || over(j));
        let due: Vec<_> = due.map(|(key, _)| *key).collect();
        for key in due {
            self.judge_price(key, true);
        }
    }

    /// Has a report waited as long as one does while its account has a session, and as long as any does?
    fn waited(&self, now: Timestamp, judging: &Judging) -> (bool, bool) {
        // A clock that was set must not make the wait endless.
        let waited = |since: Timestamp| now.since(since).unsigned_abs();
        let desk = self.desks.get(&(judging.source.tenant, judging.source.account));
        let there = desk.and_then(Desk::ready_at).is_some_and(|ready| waited(ready.max(judging.at)) >= JUDGE_WAIT_NS);
        (there, waited(judging.at) >= JUDGE_LONGEST_NS)
    }

    /// `over`: nothing more is waited for, except for stored ticks where memory does not reach.
    fn judge_price(&mut self, key: ReportKey, over: bool) {
        let Some(judging) = self.state.judging.get(&key) else { return };
        match prices(&judging.report, self.feeds.get(&judging.source), &Quotes::Ring) {
            Verdict::Fits => self.close_judgement(key, None),
            Verdict::Unfit(finding) if over => self.close_judgement(key, Some(finding)),
            Verdict::Unread if over && !self.is_asked(key) => {
                let (source, report) = (judging.source, judging.report.clone());
                let token = OWN_TOKENS | self.next_lookup;
                self.next_lookup = self.next_lookup.saturating_add(1);
                self.judge_lookups.insert(token, key);
                self.ask_ticks(token, source, &report);
            }
            Verdict::Unfit(_) | Verdict::Unread | Verdict::Later => {}
        }
    }

    fn is_asked(&self, key: ReportKey) -> bool {
        self.judge_again.contains(&key) || self.judge_lookups.values().any(|asked| *asked == key)
    }

    pub(super) fn ask_ticks(&mut self, token: Token, source: Source, report: &Report) {
        let times = || report.deals.iter().map(|d| d.time);
        let (first, last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        let from = MarketTime(first.0.saturating_sub(LOOK_BACK_MS));
        let to = MarketTime(last.0.saturating_add(WINDOW_MS).saturating_add(1));
        self.out.effects.push(Effect::LookupTicks { token, source, from, to });
    }

    /// The store has answered one of the engine's own questions: now it is decided, unless the store is behind and there is time.
    pub(super) fn judge_by_store(&mut self, now: Timestamp, token: Token, quotes: &Quotes<'_>) {
        let Some(key) = self.judge_lookups.remove(&token) else { return };
        let Some(judging) = self.state.judging.get(&key).filter(|_| !self.failed) else { return };
        let found = match prices(&judging.report, self.feeds.get(&judging.source), quotes) {
            Verdict::Unfit(_) if self.may_catch_up(now, judging, quotes) => {
                self.judge_again.insert(key);
                return;
            }
            Verdict::Unfit(finding) => Some(finding),
            Verdict::Fits | Verdict::Unread | Verdict::Later => None,
        };
        self.close_judgement(key, found);
    }

    /// May the store have more to say than it said? Nobody is judged for a store that is away, or behind a market that the feed
    /// has passed: that is the server's own fault, for a day at most.
    fn may_catch_up(&self, now: Timestamp, judging: &Judging, quotes: &Quotes<'_>) -> bool {
        let (overdue, lost) = self.waited(now, judging);
        let feed = self.feeds.get(&judging.source);
        let past = judging.report.deals.iter().all(|d| feed.is_some_and(|f| f.is_past(d.time)));
        match quotes {
            Quotes::Ring => false,
            Quotes::Nowhere => !lost,
            Quotes::Stored(stored) if past => !stored.complete && !lost,
            Quotes::Stored(stored) => !stored.complete && !overdue && !lost,
        }
    }

    fn close_judgement(&mut self, key: ReportKey, found: Option<Finding>) {
        let Some(judging) = self.state.judging.get(&key) else { return };
        self.judge_again.remove(&key);
        let ((tenant, account), device, seq) = key;
        let trace = judging.report.trace;
        self.record(Event::Judged(Box::new(Judged {
            tenant,
            account,
            device,
            seq,
            signal: judging.report.signal,
            trace,
            hash: judging.hash,
            finding: found.map_or(String::new(), |f| f.code.into()),
            value: found.map_or(0, |f| f.value),
            bound: found.map_or(0, |f| f.bound),
        })));
        if let Some(found) = found {
            self.out.effects.push(Effect::Count("engine_anomalies_total"));
            self.suspend(key.0, found.code, trace);
        }
    }
}

/// The prices against all quotes that are known. What memory does not bear out and does not reach back to needs the store.
fn prices(report: &Report, feed: Option<&Feed>, quotes: &Quotes<'_>) -> Verdict {
    let remembered = |at| feed.and_then(|f| f.span(at));
    let span = |at| -> Option<Span> {
        match quotes {
            Quotes::Ring | Quotes::Nowhere => remembered(at),
            Quotes::Stored(stored) => Span::join(remembered(at), span_of_ticks(&stored.ticks, at)),
        }
    };
    let verdict = Verdict::from(against_ticks(report, span));
    let reaches = || report.deals.iter().all(|d| feed.is_some_and(|f| f.reaches(d.time)));
    match (verdict, quotes) {
        (Verdict::Unfit(_), Quotes::Ring) if !reaches() => Verdict::Unread,
        (verdict, _) => verdict,
    }
}
