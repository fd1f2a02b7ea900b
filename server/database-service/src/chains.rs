//! The graph of services and chains in this process, walked with petgraph.
//!
//! Nothing is persisted here: what it knows at the start are the chains that are kept in rows ([`LocalChains::take`]).

#[cfg(test)]
mod tests;
mod walk;

use aitrading_error::Coded as _;
use aitrading_model::TenantId;
use aitrading_store::{ChainGraph, ChainShape, Direction, GraphName, Reached, StoreError};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use walk::Walk;

/// Nodes and arrows of all chains together.
const PARTS_MAX: usize = 1_000_000;

/// Why no more chains are taken.
#[derive(Debug, thiserror::Error)]
#[error("the chains would have {needed} of {limit} nodes and arrows; remove some, or name an ArangoDB server")]
struct Crowded {
    needed: usize,
    limit: usize,
}

/// Keeps the shapes of chains in memory and walks them. Bounded.
#[derive(Debug)]
pub(crate) struct LocalChains {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    tenants: BTreeMap<TenantId, Tenant>,
    parts: usize,
    /// The chains in rows did not fit: so many nodes and arrows. Half of them would be wrong answers, so there are none.
    crowded: Option<usize>,
}

#[derive(Debug, Default)]
struct Tenant {
    shapes: BTreeMap<GraphName, ChainShape>,
    /// Made by the first walk after a change: chains change seldom and are walked often.
    walk: Option<Walk>,
}

impl Default for LocalChains {
    fn default() -> Self {
        Self::bounded(PARTS_MAX)
    }
}

impl LocalChains {
    /// An empty graph that takes at most `limit` nodes and arrows.
    fn bounded(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// Takes a chain over from the rows at the start. With more of them than it can keep the graph answers nothing.
    pub(crate) fn take(&self, tenant: TenantId, shape: ChainShape) -> Result<(), StoreError> {
        let mut kept = self.lock();
        let known = kept.crowded.unwrap_or(kept.parts);
        let needed = known.saturating_add(parts(&shape));
        if needed <= self.limit {
            return match kept.put(tenant, shape, self.limit) {
                Err(StoreError::Invalid { what }) => Err(StoreError::corrupt(format!("the shape of a chain: {what}"))),
                taken => taken,
            };
        }
        *kept = Kept { crowded: Some(needed), ..Kept::default() };
        Ok(())
    }

    /// Why it answers nothing, if it does not.
    pub(crate) fn crowded(&self) -> Option<String> {
        self.kept().err().map(|error| format!("{} [{}]", aitrading_error::chain(&error), error.dna().code))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> Result<MutexGuard<'_, Kept>, StoreError> {
        let kept = self.lock();
        match kept.crowded {
            None => Ok(kept),
            Some(needed) => Err(Crowded { needed, limit: self.limit }.full()),
        }
    }
}

impl Crowded {
    fn full(self) -> StoreError {
        StoreError::Full { doing: "keeping chains in the graph", source: Box::new(self) }
    }
}

/// What a shape counts against the limit; an empty one is something too.
const fn parts(shape: &ChainShape) -> usize {
    1 + shape.nodes.len() + shape.edges.len()
}

impl Kept {
    fn put(&mut self, tenant: TenantId, mut shape: ChainShape, limit: usize) -> Result<(), StoreError> {
        shape.check()?;
        shape.nodes.sort();
        shape.edges.sort();
        let earlier = self.tenants.get(&tenant).and_then(|of| of.shapes.get(&shape.chain));
        let needed = self.parts - earlier.map_or(0, parts) + parts(&shape);
        if needed > limit {
            return Err(Crowded { needed, limit }.full());
        }
        self.parts = needed;
        let of = self.tenants.entry(tenant).or_default();
        of.shapes.insert(shape.chain.clone(), shape);
        of.walk = None;
        Ok(())
    }

    fn remove(&mut self, tenant: TenantId, chain: &GraphName) -> bool {
        let Some(of) = self.tenants.get_mut(&tenant) else { return false };
        let Some(gone) = of.shapes.remove(chain) else { return false };
        of.walk = None;
        self.parts -= parts(&gone);
        if of.shapes.is_empty() {
            self.tenants.remove(&tenant);
        }
        true
    }
}

#[async_trait]
impl ChainGraph for LocalChains {
    async fn put(&self, tenant: TenantId, shape: ChainShape) -> Result<(), StoreError> {
        self.kept()?.put(tenant, shape, self.limit)
    }

    async fn remove(&self, tenant: TenantId, chain: &GraphName) -> Result<bool, StoreError> {
        Ok(self.kept()?.remove(tenant, chain))
    }

    async fn shape(&self, tenant: TenantId, chain: &GraphName) -> Result<Option<ChainShape>, StoreError> {
        Ok(self.kept()?.tenants.get(&tenant).and_then(|of| of.shapes.get(chain)).cloned())
    }

    async fn reach(
        &self,
        tenant: TenantId,
        from: &GraphName,
        direction: Direction,
        depth_max: u32,
    ) -> Result<Vec<Reached>, StoreError> {
        let mut kept = self.kept()?;
        let Some(of) = kept.tenants.get_mut(&tenant) else { return Ok(Vec::new()) };
        let walk = of.walk.get_or_insert_with(|| Walk::new(of.shapes.values()));
        Ok(walk.reach(from, direction, depth_max))
    }

    async fn chains_through(&self, tenant: TenantId, node: &GraphName) -> Result<Vec<GraphName>, StoreError> {
        let kept = self.kept()?;
        let shapes = kept.tenants.get(&tenant).into_iter().flat_map(|of| of.shapes.values());
        // The nodes of a kept shape are in order.
        let through = shapes.filter(|shape| shape.nodes.binary_search(node).is_ok());
        Ok(through.map(|shape| shape.chain.clone()).collect())
    }
}
