//! The latest prices, and those of a while before: what a source quoted at a moment, answered from memory.
//!
//! Filled with what is durable, in the order of the journal. What is older than memory reaches, or came before the start, is not
//! known here: the tick store is asked then.

#[cfg(test)]
mod tests;

use aitrading_model::{MarketTime, Price, Source, Tick};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
};

/// Quotes remembered of each source: 24 bytes each.
const REMEMBERED: usize = 256;

/// What a source quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Since when, in market time.
    pub since: MarketTime,
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
}

impl Quoted {
    fn is_no_quote(&self) -> bool {
        self.bid == Price::ZERO && self.ask == Price::ZERO
    }
}

/// One source's quotes, oldest first.
#[derive(Debug, Default)]
struct Lane(VecDeque<Quoted>);

impl Lane {
    fn take(&mut self, ticks: &[Tick]) {
        let skipped = ticks.len().saturating_sub(REMEMBERED);
        for tick in ticks.iter().skip(skipped) {
            let quoted = Quoted { since: tick.time, bid: tick.bid, ask: tick.ask };
            // The order is what answers rest on; a source that begins anew forgets.
            if self.0.back().is_some_and(|last| last.since > quoted.since) {
                self.0.clear();
            }
            if self.0.len() >= REMEMBERED {
                self.0.pop_front();
            }
            self.0.push_back(quoted);
        }
    }

    fn at(&self, time: MarketTime) -> Option<Quoted> {
        let behind = self.0.partition_point(|quoted| quoted.since <= time);
        self.0.get(behind.checked_sub(1)?).copied()
    }
}

/// The latest prices of all sources. As many sources as the bridge admits.
#[derive(Debug, Default)]
pub struct Prices {
    lanes: RwLock<BTreeMap<Source, Arc<RwLock<Lane>>>>,
}

impl Prices {
    /// Takes what a source brought, in the order of its market time.
    pub fn take(&self, source: &Source, ticks: &[Tick]) {
        if ticks.is_empty() {
            return;
        }
        let lane = self.lane(source).unwrap_or_else(|| {
            let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lanes.entry(*source).or_default())
        });
        lane.write().unwrap_or_else(PoisonError::into_inner).take(ticks);
    }

    /// What a source quoted at `time`: its latest quote that is not after it. `None` if it had none then, or if that is
    /// longer ago than is remembered.
    #[must_use]
    pub fn at(&self, source: &Source, time: MarketTime) -> Option<Quoted> {
        let lane = self.lane(source)?;
        let found = lane.read().unwrap_or_else(PoisonError::into_inner).at(time);
        found.filter(|quoted| !quoted.is_no_quote())
    }

    fn lane(&self, source: &Source) -> Option<Arc<RwLock<Lane>>> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner).get(source).map(Arc::clone)
    }
}
