//! What comes out of a file: ticks, bars, rejects; who takes them; and the rules that each record must keep.

use crate::{Reject, RejectCode};
use aitrading_model::{Bar, MarketTime, Price, Tick, Timeframe, Volume};

/// A bar as files have them: any length, prices of one side (MetaTrader: the bid).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BarRow {
    /// First millisecond.
    pub start: MarketTime,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Ticks in it; 0 where the file has no such column.
    pub ticks: u64,
    /// Traded volume; 0 where the file has none.
    pub volume: Volume,
    /// Spread in points; 0 where the file has none.
    pub spread: u32,
}

impl BarRow {
    /// As a bar of the product, `point` being the price of one point of spread. `None` if a number does not fit.
    #[must_use]
    pub fn to_bar(&self, timeframe: Timeframe, point: Price) -> Option<Bar> {
        Some(Bar {
            timeframe,
            start: self.start,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            ticks: u32::try_from(self.ticks).ok()?,
            spread_min: point.scale(i64::from(self.spread), 1)?,
        })
    }

    /// From a bar of the product; [`Self::to_bar`] with the same `point` gives it back. `None` if its spread is no whole number
    /// of points.
    #[must_use]
    pub fn from_bar(bar: &Bar, point: Price) -> Option<Self> {
        let (spread, unit) = (bar.spread_min.raw(), point.raw());
        if spread.checked_rem(unit)? != 0 {
            return None;
        }
        Some(Self {
            start: bar.start,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            ticks: u64::from(bar.ticks),
            volume: Volume::ZERO,
            spread: u32::try_from(spread.checked_div(unit)?).ok()?,
        })
    }
}

/// Takes what a reader finds, in the file's order. What a refused file's reader handed over before is void.
pub trait Sink {
    /// A good tick.
    fn tick(&mut self, line: u64, tick: Tick);
    /// A good bar.
    fn bar(&mut self, line: u64, bar: BarRow);
    /// A refused line.
    fn reject(&mut self, reject: Reject);
}

/// Everything in memory: for files whose size the caller knows to be small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Good ticks.
    pub ticks: Vec<Tick>,
    /// Good bars.
    pub bars: Vec<BarRow>,
    /// Refused lines.
    pub rejects: Vec<Reject>,
}

impl Sink for Collected {
    fn tick(&mut self, _line: u64, tick: Tick) {
        self.ticks.push(tick);
    }

    fn bar(&mut self, _line: u64, bar: BarRow) {
        self.bars.push(bar);
    }

    fn reject(&mut self, reject: Reject) {
        self.rejects.push(reject);
    }
}

/// What every tick must keep, order apart. Bid and ask both 0 stand for an empty book and are good if `empty_book`.
///
/// # Errors
/// `BadPrice`, `Crossed` or `BadVolume`.
pub fn check_tick(tick: &Tick, empty_book: bool) -> Result<(), RejectCode> {
    if tick.last < Price::ZERO || tick.volume < Volume::ZERO {
        return Err(RejectCode::BadVolume);
    }
    if empty_book && tick.is_no_quote() {
        return Ok(());
    }
    if !tick.bid.is_positive() || !tick.ask.is_positive() {
        return Err(RejectCode::BadPrice);
    }
    if tick.ask < tick.bid { Err(RejectCode::Crossed) } else { Ok(()) }
}

/// What every bar must keep, order apart.
///
/// # Errors
/// `BadPrice`, `BadBar` or `BadVolume`.
pub fn check_bar(bar: &BarRow) -> Result<(), RejectCode> {
    if bar.volume < Volume::ZERO {
        return Err(RejectCode::BadVolume);
    }
    if [bar.open, bar.high, bar.low, bar.close].iter().any(|price| !price.is_positive()) {
        return Err(RejectCode::BadPrice);
    }
    let enclosed = |price: Price| bar.low <= price && price <= bar.high;
    if enclosed(bar.open) && enclosed(bar.close) { Ok(()) } else { Err(RejectCode::BadBar) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    Tick(Tick),
    Bar(BarRow),
}

impl Record {
    pub(crate) fn time(&self) -> MarketTime {
        match self {
            Self::Tick(tick) => tick.time,
            Self::Bar(bar) => bar.start,
        }
    }
}
