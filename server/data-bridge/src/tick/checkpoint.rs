//! All sources' states at one journal position, as a file: what lets old journal segments go.

use super::{
    record::{get, get_cursor, get_source, put, put_cursor, put_source},
    state::{Counters, SourceState},
};
use aitrading_journal::Position;
use aitrading_model::{Bar, MarketTime, OpenBars, Price, Source, Tick, TickFlags, Timeframe, Volume};
use aitrading_wire::{Reader, WireError, Writer};
use std::collections::BTreeMap;

const MAGIC: [u8; 4] = *b"ATCP";
const VERSION: u16 = 1;

/// States of all sources after every record up to `position`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Checkpoint {
    pub(crate) position: Position,
    pub(crate) sources: BTreeMap<Source, SourceState>,
}

impl Checkpoint {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(64 + self.sources.len() * 320);
        w.raw(&MAGIC).u16(VERSION).u64(self.position.segment).u64(self.position.offset);
        put(&mut w, self.sources.len() as u64);
        for (source, state) in &self.sources {
            put_source(&mut w, source);
            put_state(&mut w, state);
        }
        let mut bytes = w.into_bytes();
        let check = checksum(&bytes);
        bytes.extend(check.to_be_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (body, check) = bytes.split_last_chunk().ok_or(WireError::Truncated)?;
        if u64::from_be_bytes(*check) != checksum(body) {
            return Err(WireError::Checksum);
        }
        let r = &mut Reader::new(body);
        if r.array()? != MAGIC {
            return Err(WireError::BadValue("checkpoint"));
        }
        let version = r.u16()?;
        if version != VERSION {
            return Err(WireError::Version(version));
        }
        let position = Position { segment: r.u64()?, offset: r.u64()? };
        let mut sources = BTreeMap::new();
        for _ in 0..get(r)? {
            sources.insert(get_source(r)?, get_state(r)?);
        }
        if r.remaining() == 0 { Ok(Self { position, sources }) } else { Err(WireError::Trailing) }
    }
}

/// FNV-1a: finds torn and rotten bytes. The file is replaced whole, and an intruder could write any checksum.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

fn put_state(w: &mut Writer, state: &SourceState) {
    put_cursor(w, &state.cursor);
    put(w, state.counters.accepted);
    state.counters.rejected.iter().for_each(|count| put(w, *count));
    put(w, state.counters.duplicates);
    put(w, state.counters.gaps);
    w.u8(state.digits).u8(u8::from(state.latest.is_some()));
    if let Some(t) = &state.latest {
        w.i64(t.time.0).i64(t.bid.raw()).i64(t.ask.raw()).i64(t.last.raw()).i64(t.volume.raw()).u8(t.flags.bits());
    }
    for bar in &state.bars.open {
        w.u8(u8::from(bar.is_some()));
        if let Some(b) = bar {
            w.i64(b.start.0).u32(b.ticks);
            for price in [b.open, b.high, b.low, b.close, b.spread_min] {
                w.i64(price.raw());
            }
        }
    }
}

fn get_state(r: &mut Reader<'_>) -> Result<SourceState, WireError> {
    let cursor = get_cursor(r)?;
    let mut counters = Counters { accepted: get(r)?, ..Counters::default() };
    for count in &mut counters.rejected {
        *count = get(r)?;
    }
    counters.duplicates = get(r)?;
    counters.gaps = get(r)?;
    let digits = r.u8()?;
    let latest = if flag(r)? {
        let (time, bid, ask) = (MarketTime(r.i64()?), Price::from_raw(r.i64()?), Price::from_raw(r.i64()?));
        let (last, volume) = (Price::from_raw(r.i64()?), Volume::from_raw(r.i64()?));
        Some(Tick { time, bid, ask, last, volume, flags: TickFlags::from_bits(u32::from(r.u8()?)) })
    } else {
        None
    };
    let mut bars = OpenBars::default();
    for (timeframe, open) in Timeframe::ALL.into_iter().zip(&mut bars.open) {
        if flag(r)? {
            *open = Some(get_bar(r, timeframe)?);
        }
    }
    Ok(SourceState { cursor, counters, latest, digits, bars })
}

fn get_bar(r: &mut Reader<'_>, timeframe: Timeframe) -> Result<Bar, WireError> {
    let (start, ticks) = (MarketTime(r.i64()?), r.u32()?);
    let mut price = || r.i64().map(Price::from_raw);
    let (open, high, low, close, spread_min) = (price()?, price()?, price()?, price()?, price()?);
    Ok(Bar { timeframe, start, open, high, low, close, ticks, spread_min })
}

fn flag(r: &mut Reader<'_>) -> Result<bool, WireError> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(WireError::BadValue("flag")),
    }
}
