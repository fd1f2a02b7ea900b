//! One tick source as the engine follows it: latest quote, recent ticks, and the strategies that live on it.

use super::lag::lag_ns;
use crate::strategy::{Intent, Strategy};
use aitrading_model::{Epoch, MarketTime, Price, StrategyId, Tick};
use aitrading_risk::{Quote, Stamped};
use aitrading_wire::services::FeedBatch;
use std::collections::VecDeque;

/// Ticks remembered per source for checking reports.
const RING: usize = 2_048;
/// Half-width of the window in which a deal's price must have been quoted.
pub(crate) const WINDOW_MS: i64 = 2_000;

/// Lowest bid and highest ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) low: Price,
    pub(crate) high: Price,
}

/// A tick source.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) quote: Option<Stamped<Quote>>,
    /// How far the quote lagged behind its market when it came.
    pub(crate) lag_ns: i64,
    pub(crate) market: MarketTime,
    pub(crate) reached: (Epoch, u64),
    ring: VecDeque<(MarketTime, Quote)>,
    machines: Vec<(StrategyId, Box<dyn Strategy>)>,
}

impl Span {
    /// Both together.
    pub(crate) fn join(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(a), Some(b)) => Some(Self { low: a.low.min(b.low), high: a.high.max(b.high) }),
            (one, other) => one.or(other),
        }
    }
}

impl Feed {
    pub(crate) fn new(machines: Vec<(StrategyId, Box<dyn Strategy>)>) -> Self {
        Self {
            quote: None,
            lag_ns: 0,
            market: MarketTime::default(),
            reached: (Epoch::default(), 0),
            ring: VecDeque::with_capacity(RING),
            machines,
        }
    }

    /// Takes a batch and returns what the strategies want, in order.
    pub(crate) fn take(&mut self, batch: &FeedBatch) -> Vec<(StrategyId, Intent)> {
        for tick in batch.ticks.iter() {
            self.market = self.market.max(tick.time);
            if tick.is_no_quote() {
                self.quote = None;
                continue;
            }
            let quote = Quote { bid: tick.bid, ask: tick.ask };
            self.quote = Some(Stamped { value: quote, at: batch.received });
            self.lag_ns = lag_ns(tick.time, batch.received);
            if self.ring.len() == RING {
                self.ring.pop_front();
            }
            self.ring.push_back((tick.time, quote));
        }
        self.reached = (batch.epoch, batch.last_seq);
        let mut wishes = Vec::new();
        for (id, machine) in &mut self.machines {
            if !batch.gaps.is_empty() {
                machine.on_gap();
            }
            wishes.extend(batch.bars.iter().filter_map(|bar| machine.on_bar(bar)).map(|intent| (*id, intent)));
        }
        wishes
    }

    /// The span of the remembered quotes around a market time; narrower than the truth where memory does not [reach
    /// back](Self::reaches).
    pub(crate) fn span(&self, at: MarketTime) -> Option<Span> {
        span_of(self.ring.iter().copied(), at)
    }

    /// Does memory hold the quote that prevailed when the window around `at` opened? After a start it begins anew.
    pub(crate) fn reaches(&self, at: MarketTime) -> bool {
        self.ring.front().is_some_and(|(oldest, _)| oldest.0 <= at.0.saturating_sub(WINDOW_MS))
    }

    /// Has the window around `at` gone by, so that no tick to come can add to it?
    pub(crate) fn is_past(&self, at: MarketTime) -> bool {
        self.market.0 > at.0.saturating_add(WINDOW_MS)
    }
}

/// The span of quotes within the window around `at`, the quote that prevailed at its beginning included.
pub(crate) fn span_of(quotes: impl Iterator<Item = (MarketTime, Quote)>, at: MarketTime) -> Option<Span> {
    let (from, to) = (at.0.saturating_sub(WINDOW_MS), at.0.saturating_add(WINDOW_MS));
    let mut prevailing = None;
    let mut span: Option<Span> = None;
    let widen = |span: &mut Option<Span>, q: Quote| {
        let old = span.unwrap_or(Span { low: q.bid, high: q.ask });
        *span = Some(Span { low: old.low.min(q.bid), high: old.high.max(q.ask) });
    };
    for (time, quote) in quotes {
        if time.0 < from {
            prevailing = Some(quote);
        } else if time.0 <= to {
            widen(&mut span, quote);
        }
    }
    if let Some(quote) = prevailing {
        widen(&mut span, quote);
    }
    span
}

/// As [`span_of`], over stored ticks.
pub(crate) fn span_of_ticks(ticks: &[Tick], at: MarketTime) -> Option<Span> {
    let quotes = ticks.iter().filter(|t| !t.is_no_quote());
    span_of(quotes.map(|t| (t.time, Quote { bid: t.bid, ask: t.ask })), at)
}

/// Is a batch's number of this epoch at or beyond what somebody waits for?
pub(crate) fn has_reached(reached: (Epoch, u64), epoch: Epoch, seq: u64) -> bool {
    reached >= (epoch, seq)
}
