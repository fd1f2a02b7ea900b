//! What decides: a strategy hears the closed bars of one source and says which way it wants to be.

mod ma_cross;

pub use ma_cross::MaCross;

use aitrading_model::{Bar, Price, Side};

/// How far the stop is from the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopDistance {
    /// A distance in price, from volatility; `None` for points alone.
    pub price: Option<Price>,
    /// At least so many points.
    pub min_points: u32,
    /// Take profit in percent of the stop's distance; 0 for none.
    pub target_percent: u32,
}

/// What a strategy wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Be on this side: close what is open the other way, then open.
    Turn {
        /// Which side.
        side: Side,
        /// Its stop.
        stop: StopDistance,
    },
}

/// A strategy's life on one source. It must be a function of the bars alone: replay gives the same wishes.
pub trait Strategy: Send + std::fmt::Debug {
    /// A bar has closed.
    fn on_bar(&mut self, bar: &Bar) -> Option<Intent>;
    /// History has a hole: what was learnt before it no longer holds.
    fn on_gap(&mut self);
}

/// The figures of a crossing as set.
pub(crate) fn ma_cross_figures(s: &crate::settings::StrategySettings) -> ma_cross::Figures {
    ma_cross::Figures {
        timeframe: s.timeframe,
        fast: s.fast,
        slow: s.slow,
        atr_bars: s.atr_bars,
        atr_percent: s.atr_percent,
        min_points: s.min_points,
        target_percent: s.target_percent,
    }
}
