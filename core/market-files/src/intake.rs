//! The door between parsed rows and the sink: order, plausibility, counts, and the verdict on the file as a whole.

use crate::record::{Record, check_bar, check_tick};
use crate::{Format, MarketFileError, Reject, RejectCode, Rejects, Sink};
use aitrading_model::{MarketTime, Price, Symbol, Tick, TickFlags, Volume};

/// A file whose first lines are all bad is refused after so many.
pub const REFUSE_AFTER: u64 = 100;
/// With so many of them going backwards in time, the file is refused as unsorted.
const BACKWARDS_MAX: u64 = 90;
/// A record this far ahead of the one before waits until the next one confirms it: one absurd stamp must not make all
/// later records look late.
pub const JUMP_MS: i64 = 7 * 86_400_000;
/// 1990-01-01: an earlier time is a unit mistaken, not a market.
const EARLIEST: MarketTime = MarketTime(631_152_000_000);
/// 2100-01-01, where the caller names no bound.
const LATEST: MarketTime = MarketTime(4_102_444_800_000);

/// What a file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// As which it was read.
    pub format: Format,
    /// The symbol that the file names, if its format does.
    pub symbol: Option<Symbol>,
    /// Lines with data: neither header nor empty.
    pub rows: u64,
    /// Good ticks.
    pub ticks: u64,
    /// Good bars.
    pub bars: u64,
    /// Refused lines by code.
    pub rejects: Rejects,
    /// Times that the wall clock showed twice, read by the rule that time does not go backwards.
    pub ambiguous_times: u64,
    /// First and last time.
    pub span: Option<(MarketTime, MarketTime)>,
}

/// A record and the place that it came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) record: Record,
    pub(crate) line: u64,
    /// Of its time.
    pub(crate) column: u32,
    /// The file does not say what changed: found out by comparing.
    pub(crate) wants_flags: bool,
}

#[derive(Debug)]
pub(crate) struct Intake {
    latest: MarketTime,
    held: Option<Placed>,
    last: Option<MarketTime>,
    quote: Option<(Price, Price)>,
    pub(crate) summary: Summary,
}

impl Intake {
    pub(crate) fn new(format: Format, latest: Option<MarketTime>) -> Self {
        let summary = Summary {
            format,
            symbol: None,
            rows: 0,
            ticks: 0,
            bars: 0,
            rejects: Rejects::default(),
            ambiguous_times: 0,
            span: None,
        };
        Self { latest: latest.unwrap_or(LATEST), held: None, last: None, quote: None, summary }
    }

    /// Records that are good so far.
    pub(crate) fn good(&self) -> u64 {
        self.summary.ticks + self.summary.bars + u64::from(self.held.is_some())
    }

    /// The earliest time that is in order.
    pub(crate) fn floor(&self) -> Option<MarketTime> {
        let last = self.held.map(|held| held.record.time()).or(self.last)?;
        // Ticks may share a time, bars may not.
        Some(match self.summary.format.content() {
            crate::Content::Ticks => last,
            crate::Content::Bars => MarketTime(last.0.saturating_add(1)),
        })
    }

    /// Rules that concern one record alone.
    pub(crate) fn check(&self, record: &Record) -> Result<(), RejectCode> {
        if !is_plausible(record.time()) || record.time() > self.latest {
            return Err(RejectCode::TimeImplausible);
        }
        match record {
            Record::Tick(tick) => check_tick(tick, self.summary.format.knows_empty_books()),
            Record::Bar(bar) => check_bar(bar),
        }
    }

    pub(crate) fn refuse(&mut self, reject: Reject, sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        self.count_out(reject, sink);
        self.judge()
    }

    /// Takes a checked record into the order.
    pub(crate) fn accept(&mut self, next: Placed, sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        let time = next.record.time();
        if let Some(held) = self.held.take() {
            let held_time = held.record.time();
            if held_time.since_ms(time) > JUMP_MS && self.last.is_none_or(|last| time >= last) {
                let reject = Reject { line: held.line, column: held.column, code: RejectCode::TimeJump };
                self.count_out(reject, sink);
            } else {
                self.emit(held, sink);
            }
        }
        match self.last {
            Some(last) if time < last => self.count_out(late(&next, RejectCode::TimeBackwards), sink),
            Some(last) if time == last && matches!(next.record, Record::Bar(_)) => {
                self.count_out(late(&next, RejectCode::Duplicate), sink);
            }
            Some(last) if time.since_ms(last) <= JUMP_MS => self.emit(next, sink),
            _ => self.held = Some(next),
        }
        self.judge()
    }

    /// The last record, and the verdict.
    pub(crate) fn finish(mut self, may_be_empty: bool, sink: &mut dyn Sink) -> Result<Summary, MarketFileError> {
        if let Some(held) = self.held.take() {
            self.emit(held, sink);
        }
        if self.good() > 0 || (may_be_empty && self.summary.rejects.total() == 0) {
            return Ok(self.summary);
        }
        Err(self.wrong_format().unwrap_or(MarketFileError::Empty))
    }

    fn count_out(&mut self, reject: Reject, sink: &mut dyn Sink) {
        self.summary.rejects.add(reject);
        sink.reject(reject);
    }

    fn emit(&mut self, placed: Placed, sink: &mut dyn Sink) {
        let time = placed.record.time();
        match placed.record {
            Record::Tick(mut tick) => {
                if placed.wants_flags {
                    tick.flags = changed(self.quote, &tick);
                }
                self.quote = Some((tick.bid, tick.ask));
                self.summary.ticks += 1;
                sink.tick(placed.line, tick);
            }
            Record::Bar(bar) => {
                self.summary.bars += 1;
                sink.bar(placed.line, bar);
            }
        }
        self.last = Some(time);
        let from = self.summary.span.map_or(time, |(from, _)| from);
        self.summary.span = Some((from, time));
    }

    /// Called once for each row.
    fn judge(&mut self) -> Result<(), MarketFileError> {
        self.summary.rows += 1;
        if self.summary.rows != REFUSE_AFTER {
            return Ok(());
        }
        let rejects = &self.summary.rejects;
        let backwards =
            rejects.iter().find(|(count, first)| first.code == RejectCode::TimeBackwards && *count >= BACKWARDS_MAX);
        if let Some((_, first)) = backwards {
            return Err(MarketFileError::NotAscending { line: first.line });
        }
        if self.good() > 0 { Ok(()) } else { self.wrong_format().map_or(Ok(()), Err) }
    }

    fn wrong_format(&self) -> Option<MarketFileError> {
        let Reject { line, column, code } = self.summary.rejects.first()?;
        let (format, lines) = (self.summary.format, self.summary.rows);
        Some(MarketFileError::WrongFormat { format, lines, line, column, code })
    }
}

/// Within the years in which electronic markets have been, and this format will be.
pub(crate) fn is_plausible(time: MarketTime) -> bool {
    (EARLIEST..=LATEST).contains(&time)
}

fn late(placed: &Placed, code: RejectCode) -> Reject {
    Reject { line: placed.line, column: placed.column, code }
}

/// What changed since the quote before; a tick that repeats it counts as both sides quoted anew.
fn changed(before: Option<(Price, Price)>, tick: &Tick) -> TickFlags {
    let (bid, ask) = before.map_or((true, true), |(bid, ask)| (bid != tick.bid, ask != tick.ask));
    let quote = match (bid, ask) {
        (true, false) => TickFlags::BID,
        (false, true) => TickFlags::ASK,
        _ => TickFlags::BID.with(TickFlags::ASK),
    };
    if tick.volume == Volume::ZERO { quote } else { quote.with(TickFlags::VOLUME) }
}
