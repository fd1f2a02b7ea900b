//! Ticks, bars and gaps as numbers and back.

#[cfg(test)]
mod tests;

use crate::rows::{StoredBar, StoredGap, StoredTick};
use aitrading_model::{
    Bar, Gap, GapKind, GapRecord, GapState, MarketTime, Price, Source, Tick, TickFlags, Timeframe, Volume,
};
use aitrading_store::StoreError;

/// Decimals of a price as the model counts.
const DECIMALS: u8 = 8;

/// 1900-01-01 and 2300-01-01: what the server's calendar, by which the tables are cut, can name.
pub(crate) const TIME: std::ops::Range<i64> = -2_208_988_800_000..10_413_792_000_000;

/// Bid, spread and last with `scale` decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scaled {
    pub(crate) scale: u8,
    pub(crate) bid: i64,
    pub(crate) spread: i64,
    pub(crate) last: i64,
}

/// With the symbol's `digits` if nothing is lost by it, else with all decimals. Wraps where the spread overflows, and
/// [`tick`] wraps back.
pub(crate) fn scaled(tick: &Tick, digits: u8) -> Scaled {
    let (bid, last) = (tick.bid.raw(), tick.last.raw());
    let spread = tick.ask.raw().wrapping_sub(bid);
    let unit = unit(digits).unwrap_or(1);
    let whole = |raw: i64| raw.checked_rem(unit) == Some(0);
    if !(whole(bid) && whole(spread) && whole(last)) {
        return Scaled { scale: DECIMALS, bid, spread, last };
    }
    let part = |raw: i64| raw.checked_div(unit).unwrap_or(raw);
    Scaled { scale: digits, bid: part(bid), spread: part(spread), last: part(last) }
}

pub(crate) fn tick(row: &StoredTick) -> Result<Tick, StoreError> {
    let unit = unit(row.scale).ok_or_else(|| StoreError::corrupt("a tick's scale on the server"))?;
    let full = |part: i64| part.checked_mul(unit).ok_or_else(|| StoreError::corrupt("a tick's price on the server"));
    let bid = full(row.bid)?;
    Ok(Tick {
        time: MarketTime(row.time_ms),
        bid: Price::from_raw(bid),
        ask: Price::from_raw(bid.wrapping_add(full(row.spread)?)),
        last: Price::from_raw(full(row.last)?),
        volume: Volume::from_raw(row.volume),
        flags: TickFlags::from_bits(row.flags.into()),
    })
}

/// Steps of the last of `scale` decimals, in the model's steps.
fn unit(scale: u8) -> Option<i64> {
    10_i64.checked_pow(u32::from(DECIMALS.checked_sub(scale)?))
}

pub(crate) fn bar(timeframe: Timeframe, row: &StoredBar) -> Bar {
    Bar {
        timeframe,
        start: MarketTime(row.start_ms),
        open: Price::from_raw(row.open),
        high: Price::from_raw(row.high),
        low: Price::from_raw(row.low),
        close: Price::from_raw(row.close),
        ticks: row.ticks,
        spread_min: Price::from_raw(row.spread_min),
    }
}

pub(crate) const fn kind_number(kind: GapKind) -> u8 {
    match kind {
        GapKind::Silence => 1,
        GapKind::Discontinuity => 2,
        GapKind::Difference => 3,
    }
}

pub(crate) fn gap(source: Source, row: &StoredGap) -> Result<GapRecord, StoreError> {
    let kind = match row.kind {
        1 => GapKind::Silence,
        2 => GapKind::Discontinuity,
        3 => GapKind::Difference,
        _ => return Err(StoreError::corrupt("a gap's kind on the server")),
    };
    let gap = Gap { source, from: MarketTime(row.from_ms), to: MarketTime(row.to_ms), kind };
    let state = GapState::from_numbers(row.now, row.tries);
    let state = state.ok_or_else(|| StoreError::corrupt("a gap's state on the server"))?;
    Ok(GapRecord { gap, added: row.late, state })
}

/// Only times that the server's calendar can name.
pub(crate) fn check_time(time: MarketTime) -> Result<(), StoreError> {
    if TIME.contains(&time.0) { Ok(()) } else { Err(StoreError::Invalid { what: "a time before 1900 or after 2299" }) }
}

/// A question's bound, brought into the calendar: nothing is stored beyond it.
pub(crate) fn bound(time: MarketTime) -> i64 {
    time.0.clamp(TIME.start, TIME.end)
}
