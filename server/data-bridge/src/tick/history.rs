//! A journal record about a source's past: ticks that came late, what became of a hole, how a day's count came out. Layout in
//! docs/specs/journal-ticks.md.

use super::record::{
    BatchRecord, gap_kind, gap_number, get_list, get_signed, get_source, get_ticks, put, put_signed, put_source,
    put_ticks,
};
use aitrading_model::{
    Bar, DayCheck, Gap, GapState, MarketTime, OpenBars, Price, Source, Tick, Timestamp, TraceId, Volume,
};
use aitrading_wire::{Reader, WireError, Writer};
use std::collections::BTreeMap;

/// First byte of the record: kind and version in one.
const KIND: u8 = 2;

/// One entry of the tick journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// What became of a batch.
    Batch(BatchRecord),
    /// What became known of the past.
    History(HistoryRecord),
}

impl Record {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        match bytes.first() {
            Some(&KIND) => HistoryRecord::decode(bytes).map(Self::History),
            _ => BatchRecord::decode(bytes).map(Self::Batch),
        }
    }
}

/// What became known of a source's past. It moves neither the cursor nor the open bars, so it can stand anywhere behind the
/// ticks between which its own belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryRecord {
    pub(crate) trace: TraceId,
    pub(crate) source: Source,
    pub(crate) received: Timestamp,
    /// Span of market time whose every acceptable tick at the terminal is in `ticks`; the end is no part of it.
    pub(crate) span: (MarketTime, MarketTime),
    pub(crate) ticks: Vec<Tick>,
    /// Holes that were found by looking back.
    pub(crate) found: Vec<Gap>,
    /// The hole that the ticks were asked for, and where it stands with them.
    pub(crate) change: Option<(Gap, GapState)>,
    /// A day that was counted.
    pub(crate) day: Option<DayCheck>,
}

impl HistoryRecord {
    pub(crate) const fn new(trace: TraceId, source: Source, received: Timestamp) -> Self {
        let nowhere = (MarketTime(0), MarketTime(0));
        Self { trace, source, received, span: nowhere, ticks: Vec::new(), found: Vec::new(), change: None, day: None }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(128 + self.ticks.len() * 8);
        w.u8(KIND).raw(&self.trace.0);
        put_source(&mut w, &self.source);
        w.i64(self.received.0);
        put_signed(&mut w, self.span.0.0);
        put_signed(&mut w, self.span.1.0);
        put(&mut w, self.found.len() as u64);
        self.found.iter().for_each(|gap| put_gap(&mut w, gap));
        w.u8(u8::from(self.change.is_some()));
        if let Some((gap, state)) = &self.change {
            put_gap(&mut w, gap);
            let (number, attempts) = state.numbers();
            w.u8(number).u32(attempts);
        }
        w.u8(u8::from(self.day.is_some()));
        if let Some(day) = &self.day {
            put_signed(&mut w, day.day);
            w.u64(day.terminal).u64(day.stored).u64(day.refused).u32(day.hours).i64(day.at.0);
        }
        put_ticks(&mut w, &self.ticks);
        w.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(bytes);
        if r.u8()? != KIND {
            return Err(WireError::BadValue("record kind"));
        }
        let trace = TraceId(r.array()?);
        let source = get_source(r)?;
        let received = Timestamp(r.i64()?);
        let span = (MarketTime(get_signed(r)?), MarketTime(get_signed(r)?));
        let found = get_list(r, "gaps", |r| get_gap(r, source))?;
        let change = if flag(r)? { Some((get_gap(r, source)?, get_state(r)?)) } else { None };
        let day = if flag(r)? { Some(get_day(r)?) } else { None };
        let ticks = get_ticks(r)?;
        if r.remaining() == 0 {
            Ok(Self { trace, source, received, span, ticks, found, change, day })
        } else {
            Err(WireError::Trailing)
        }
    }
}

fn put_gap(w: &mut Writer, gap: &Gap) {
    put_signed(w, gap.from.0);
    put_signed(w, gap.to.0);
    w.u8(gap_number(gap.kind));
}

fn get_gap(r: &mut Reader<'_>, source: Source) -> Result<Gap, WireError> {
    let (from, to) = (MarketTime(get_signed(r)?), MarketTime(get_signed(r)?));
    Ok(Gap { source, from, to, kind: gap_kind(r.u8()?)? })
}

fn get_state(r: &mut Reader<'_>) -> Result<GapState, WireError> {
    let (number, attempts) = (r.u8()?, r.u32()?);
    GapState::from_numbers(number, attempts).ok_or(WireError::BadValue("gap state"))
}

fn get_day(r: &mut Reader<'_>) -> Result<DayCheck, WireError> {
    let day = get_signed(r)?;
    let (terminal, stored, refused) = (r.u64()?, r.u64()?, r.u64()?);
    Ok(DayCheck { day, terminal, stored, refused, hours: r.u32()?, at: Timestamp(r.i64()?) })
}

fn flag(r: &mut Reader<'_>) -> Result<bool, WireError> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(WireError::BadValue("flag")),
    }
}

type Content = (MarketTime, Price, Price, Price, Volume, u8);

fn content(tick: &Tick) -> Content {
    (tick.time, tick.bid, tick.ask, tick.last, tick.volume, tick.flags.bits())
}

/// Ticks that are there and not here, in their order. Equal ticks count: of three there and one here, two are missing.
pub(crate) fn missing(there: &[Tick], here: &[Tick]) -> Vec<Tick> {
    let mut stock: BTreeMap<Content, u32> = BTreeMap::new();
    for tick in here {
        *stock.entry(content(tick)).or_default() += 1;
    }
    let lacks = |tick: &&Tick| match stock.get_mut(&content(tick)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    there.iter().filter(lacks).copied().collect()
}

/// The bars that late ticks change, made anew from all ticks of their hours. `around` holds what was stored of these hours.
pub(crate) fn changed_bars(around: &[Tick], late: &[Tick]) -> Vec<Bar> {
    let mut all = [around, late].concat();
    all.sort_by_key(|tick| tick.time);
    let (mut open, mut bars) = (OpenBars::default(), Vec::new());
    all.iter().for_each(|tick| open.push(tick, &mut bars));
    bars.extend(open.open.into_iter().flatten());
    bars.retain(|bar| late.iter().any(|tick| bar.timeframe.start_of(tick.time) == bar.start));
    bars
}
