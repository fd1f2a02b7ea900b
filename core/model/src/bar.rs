//! Bars over bid prices.

use crate::{MarketTime, Price, Tick};

/// A bar's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Timeframe {
    /// One minute.
    M1,
    /// Five minutes.
    M5,
    /// One hour.
    H1,
}

impl Timeframe {
    /// All timeframes, shortest first.
    pub const ALL: [Self; 3] = [Self::M1, Self::M5, Self::H1];

    /// Length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::M1 => 60_000,
            Self::M5 => 300_000,
            Self::H1 => 3_600_000,
        }
    }

    /// The name: `M1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::M1 => "M1",
            Self::M5 => "M5",
            Self::H1 => "H1",
        }
    }

    /// Start of the bar that `time` falls into.
    #[must_use]
    pub const fn start_of(self, time: MarketTime) -> MarketTime {
        MarketTime(time.0.saturating_sub(time.0.rem_euclid(self.millis())))
    }
}

/// Open, high, low and close of the bid over one timeframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bar {
    /// Length.
    pub timeframe: Timeframe,
    /// First millisecond.
    pub start: MarketTime,
    /// First bid.
    pub open: Price,
    /// Highest bid.
    pub high: Price,
    /// Lowest bid.
    pub low: Price,
    /// Last bid.
    pub close: Price,
    /// Ticks in it.
    pub ticks: u32,
    /// Smallest ask - bid seen.
    pub spread_min: Price,
}

/// The bars that are still open, one for each of [`Timeframe::ALL`]: bid bars out of ticks. A period without quotes makes no
/// bar: nothing is ever invented over a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenBars {
    /// In the order of [`Timeframe::ALL`]; `None` before the first quote.
    pub open: [Option<Bar>; Timeframe::ALL.len()],
}

impl OpenBars {
    /// Takes a tick; bars that it closes are appended to `closed`, shortest first.
    pub fn push(&mut self, tick: &Tick, closed: &mut Vec<Bar>) {
        if tick.is_no_quote() {
            return;
        }
        let spread = tick.ask.checked_sub(tick.bid).unwrap_or(Price::ZERO);
        for (timeframe, open) in Timeframe::ALL.into_iter().zip(&mut self.open) {
            let start = timeframe.start_of(tick.time);
            match open {
                Some(bar) if bar.start == start => {
                    bar.high = bar.high.max(tick.bid);
                    bar.low = bar.low.min(tick.bid);
                    bar.close = tick.bid;
                    bar.ticks = bar.ticks.saturating_add(1);
                    bar.spread_min = bar.spread_min.min(spread);
                }
                _ => closed.extend(open.replace(first(timeframe, tick, spread))),
            }
        }
    }
}

fn first(timeframe: Timeframe, tick: &Tick, spread: Price) -> Bar {
    Bar {
        timeframe,
        start: timeframe.start_of(tick.time),
        open: tick.bid,
        high: tick.bid,
        low: tick.bid,
        close: tick.bid,
        ticks: 1,
        spread_min: spread,
    }
}
