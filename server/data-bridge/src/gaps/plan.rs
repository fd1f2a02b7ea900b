//! What is to be asked about one source, as a pure decision: no clock, no store, no session.

use aitrading_model::{Cursor, DayCheck, Gap, GapKind, GapState, HistoryFault, MarketTime, Timeframe};

/// Open holes of one source that are looked at together; others follow when these are settled.
pub(crate) const OPEN_MAX: usize = 256;
/// A longer hole is not asked about.
pub(crate) const HOLE_MS_MAX: i64 = 31 * 86_400_000;
const HOUR_MS: i64 = Timeframe::H1.millis();

/// How often and how fast one asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Tries in vain before a hole is given up.
    pub(crate) attempts: u32,
    /// Pause after the first try, in monotonic nanoseconds; it grows with every one.
    pub(crate) retry_ns: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Ask for `from <= time < to`, a part of a hole that lies in one hour; `last`: the hole ends in it.
    Fill { gap: Gap, from: MarketTime, to: MarketTime, last: bool },
    /// Nobody asks for so much.
    GiveUp { gap: Gap, state: GapState },
    /// Count a day that is over; the second round decides.
    Count { day: i64, round: u8 },
}

/// Tries in vain, and when the next one is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tries {
    count: u32,
    not_before: u64,
}

impl Tries {
    /// `true`: that was the last one.
    fn failed(&mut self, now: u64, patience: Patience) -> bool {
        self.count = self.count.saturating_add(1);
        self.not_before = now.saturating_add(patience.retry_ns.saturating_mul(u64::from(self.count)));
        self.count >= patience.attempts
    }
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    gap: Gap,
    /// The part before it is done.
    at: MarketTime,
    tries: Tries,
}

/// One source's holes and days.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Where the source stood when it was first opened.
    opened: Cursor,
    /// Holes ever seen when the store was last asked for open ones.
    seen: Option<u64>,
    open: Vec<Pending>,
    /// The next day to count, and in which round.
    day: Option<(i64, u8)>,
    count_tries: Tries,
}

impl Plan {
    pub(crate) fn new(opened: Cursor) -> Self {
        Self { opened, ..Self::default() }
    }

    /// Open holes.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Has the store to be asked for open holes, now that so many were ever seen?
    pub(crate) fn is_stale(&self, seen: u64) -> bool {
        self.seen != Some(seen)
    }

    /// The store's open holes, at most [`OPEN_MAX`].
    pub(crate) fn load(&mut self, seen: u64, open: Vec<Gap>) {
        // A full answer may not be all: it is asked again when these are done.
        self.seen = (open.len() < OPEN_MAX).then_some(seen);
        for gap in open {
            self.add(gap);
        }
    }

    /// A hole that was just recorded.
    pub(crate) fn add(&mut self, gap: Gap) {
        if !self.open.iter().any(|known| known.gap == gap) {
            self.open.push(Pending { gap, at: gap.from, tries: Tries::default() });
        }
    }

    /// Is it known which day is to be counted next?
    pub(crate) fn knows_day(&self) -> bool {
        self.day.is_some()
    }

    /// Where counting begins: behind the last counted day, else with the day in which the source was opened, or in which a
    /// source that was new then has its first tick.
    pub(crate) fn count_from(&mut self, last: Option<DayCheck>, first_tick: Option<MarketTime>) {
        let opened = if self.opened == Cursor::default() { first_tick } else { Some(self.opened.time) };
        let day = last.map(|last| last.day.saturating_add(1)).or(opened.map(MarketTime::day));
        self.day = day.map(|day| (day, 1));
    }

    /// What can be done when market time has reached `cursor`; `now` is monotonic.
    ///
    /// A hole waits until the hour in which it ends is over: then all its bars are closed, and no tick of the feed can come
    /// into it any more.
    pub(crate) fn next(&self, cursor: MarketTime, now: u64) -> Option<Job> {
        let due = |pending: &&Pending| pending.tries.not_before <= now && cursor >= hour_end(pending.gap.to);
        if let Some(pending) = self.open.iter().find(due) {
            return Some(fill(pending));
        }
        let (day, round) = self.day?;
        let over = cursor.day() > day && self.count_tries.not_before <= now;
        let touched = self.open.iter().any(|pending| pending.gap.from.day() <= day && day <= pending.gap.to.day());
        (over && !touched).then_some(Job::Count { day, round })
    }

    /// The part before `to` was answered.
    pub(crate) fn filled(&mut self, gap: Gap, to: MarketTime) {
        for pending in self.open.iter_mut().filter(|pending| pending.gap == gap) {
            (pending.at, pending.tries) = (to, Tries::default());
        }
        self.open.retain(|pending| pending.at <= pending.gap.to);
    }

    /// Forgets a hole that is settled or given up.
    pub(crate) fn done(&mut self, gap: Gap) {
        self.open.retain(|pending| pending.gap != gap);
    }

    /// A hole was asked about in vain; the state in which to give it up, if that is due.
    pub(crate) fn failed(&mut self, gap: Gap, fault: HistoryFault, now: u64, patience: Patience) -> Option<GapState> {
        let pending = self.open.iter_mut().find(|pending| pending.gap == gap)?;
        let last = pending.tries.failed(now, patience);
        last.then_some(GapState::GivenUp { attempts: pending.tries.count, fault })
    }

    /// The count of a day could not be had. `true`: it is given up.
    pub(crate) fn count_failed(&mut self, now: u64, patience: Patience) -> bool {
        self.count_tries.failed(now, patience)
    }

    /// Holes to record for a count: one for each hour that differs in the first round.
    pub(crate) fn found(source: aitrading_model::Source, check: &DayCheck, round: u8) -> Vec<Gap> {
        if round > 1 {
            return Vec::new();
        }
        let gap = |from: MarketTime| {
            let to = MarketTime(from.0.saturating_add(HOUR_MS).saturating_sub(1));
            Gap { source, from, to, kind: GapKind::Difference }
        };
        check.differing_hours().map(gap).collect()
    }

    /// A day was counted and `found` recorded: with holes it is counted once more when they are settled.
    pub(crate) fn counted(&mut self, day: i64, found: &[Gap]) {
        self.count_tries = Tries::default();
        self.day = Some(if found.is_empty() { (day.saturating_add(1), 1) } else { (day, 2) });
        found.iter().for_each(|gap| self.add(*gap));
    }
}

fn fill(pending: &Pending) -> Job {
    let Pending { gap, at, .. } = *pending;
    if gap.to.since_ms(gap.from) > HOLE_MS_MAX {
        return Job::GiveUp { gap, state: GapState::GivenUp { attempts: 0, fault: HistoryFault::TooLong } };
    }
    let behind = MarketTime(gap.to.0.saturating_add(1));
    let to = hour_end(at).min(behind);
    Job::Fill { gap, from: at, to, last: to == behind }
}

fn hour_end(time: MarketTime) -> MarketTime {
    MarketTime(Timeframe::H1.start_of(time).0.saturating_add(HOUR_MS))
}
