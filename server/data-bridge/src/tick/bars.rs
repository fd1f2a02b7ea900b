//! Bid bars out of ticks. A period without quotes makes no bar: nothing is ever invented over a hole.

use aitrading_model::{Bar, Price, Tick, Timeframe};

/// The bars that are still open, one for each of [`Timeframe::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bars {
    pub(crate) open: [Option<Bar>; Timeframe::ALL.len()],
}

impl Bars {
    /// Takes a tick; bars that it closes are appended to `closed`, shortest first.
    pub(crate) fn push(&mut self, tick: &Tick, closed: &mut Vec<Bar>) {
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
