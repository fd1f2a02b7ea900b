//! The example: two moving averages of closing prices; when the fast one crosses the slow one, turn.

use super::{Intent, StopDistance, Strategy};
use aitrading_model::{Bar, Price, Side, Timeframe};
use std::collections::VecDeque;

/// Figures of the crossing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) timeframe: Timeframe,
    pub(crate) fast: usize,
    pub(crate) slow: usize,
    pub(crate) atr_bars: usize,
    pub(crate) atr_percent: u32,
    pub(crate) min_points: u32,
    pub(crate) target_percent: u32,
}

/// Moving-average crossing with a stop by average true range.
#[derive(Debug)]
pub struct MaCross {
    figures: Figures,
    closes: VecDeque<i64>,
    /// Wilder's average true range, once enough bars were seen.
    ranges: VecDeque<i64>,
    atr: Option<i64>,
    above: Option<bool>,
}

impl MaCross {
    pub(crate) fn new(figures: Figures) -> Self {
        Self { figures, closes: VecDeque::new(), ranges: VecDeque::new(), atr: None, above: None }
    }

    fn learn_range(&mut self, bar: &Bar) {
        let last = self.closes.back().copied().unwrap_or_else(|| bar.close.raw());
        let high = bar.high.raw().max(last);
        let low = bar.low.raw().min(last);
        let range = high.saturating_sub(low);
        let n = i64::try_from(self.figures.atr_bars).unwrap_or(i64::MAX).max(1);
        self.atr = match self.atr {
            Some(atr) => atr.saturating_mul(n.saturating_sub(1)).saturating_add(range).checked_div(n),
            None => {
                self.ranges.push_back(range);
                if self.ranges.len() < self.figures.atr_bars {
                    None
                } else {
                    let sum = self.ranges.iter().fold(0_i64, |sum, r| sum.saturating_add(*r));
                    self.ranges.clear();
                    sum.checked_div(n)
                }
            }
        };
    }

    /// Is the fast average above the slow one? `None` while either is unknown, or when they are equal.
    fn compare(&self) -> Option<bool> {
        let (fast, slow) = (self.figures.fast, self.figures.slow);
        if self.closes.len() < slow {
            return None;
        }
        let sum = |n: usize| self.closes.iter().rev().take(n).map(|c| i128::from(*c)).sum::<i128>();
        // fast_sum / fast against slow_sum / slow, without dividing.
        let left = sum(fast).checked_mul(i128::try_from(slow).ok()?)?;
        let right = sum(slow).checked_mul(i128::try_from(fast).ok()?)?;
        (left != right).then_some(left > right)
    }
}

impl Strategy for MaCross {
    fn on_bar(&mut self, bar: &Bar) -> Option<Intent> {
        if bar.timeframe != self.figures.timeframe {
            return None;
        }
        self.learn_range(bar);
        self.closes.push_back(bar.close.raw());
        while self.closes.len() > self.figures.slow {
            self.closes.pop_front();
        }
        let above = self.compare()?;
        let before = self.above.replace(above)?;
        if above == before {
            return None;
        }
        let atr = self.atr?;
        let price = Price::from_raw(atr).scale(i64::from(self.figures.atr_percent), 100);
        let stop =
            StopDistance { price, min_points: self.figures.min_points, target_percent: self.figures.target_percent };
        Some(Intent::Turn { side: if above { Side::Buy } else { Side::Sell }, stop })
    }

    fn on_gap(&mut self) {
        *self = Self::new(self.figures);
    }
}
