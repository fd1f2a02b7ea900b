//! The graph of services and chains in this process, walked with petgraph.
//!
//! Nothing is persisted here: whoever keeps the rows hands the shapes over with [`LocalChains::load`] and reads them back
//! with [`LocalChains::snapshot`].

#[cfg(test)]
mod tests;
mod walk;

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
pub struct LocalChains {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    tenants: BTreeMap<TenantId, Tenant>,
    parts: usize,
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
    #[must_use]
    pub fn bounded(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// A graph of what was kept elsewhere. Of two shapes with the same tenant and chain the later one counts.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a shape that breaks a rule, [`StoreError::Full`] for too many.
    pub fn load(shapes: impl IntoIterator<Item = (TenantId, ChainShape)>) -> Result<Self, StoreError> {
        let graph = Self::default();
        for (tenant, shape) in shapes {
            graph.kept().put(tenant, shape, graph.limit)?;
        }
        Ok(graph)
    }

    /// All shapes, by tenant and chain: what [`LocalChains::load`] takes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(TenantId, ChainShape)> {
        let kept = self.kept();
        let shapes = |(tenant, of): (&TenantId, &Tenant)| {
            let tenant = *tenant;
            of.shapes.values().map(move |shape| (tenant, shape.clone())).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = kept.tenants.iter().flat_map(shapes).collect();
        all.sort_by(|a, b| (a.0, &a.1.chain).cmp(&(b.0, &b.1.chain)));
        all
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
            let source = Box::new(Crowded { needed, limit });
            return Err(StoreError::Full { doing: "keeping a chain", source });
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
        self.kept().put(tenant, shape, self.limit)
    }

    async fn remove(&self, tenant: TenantId, chain: &GraphName) -> Result<bool, StoreError> {
        Ok(self.kept().remove(tenant, chain))
    }

    async fn shape(&self, tenant: TenantId, chain: &GraphName) -> Result<Option<ChainShape>, StoreError> {
        Ok(self.kept().tenants.get(&tenant).and_then(|of| of.shapes.get(chain)).cloned())
    }

    async fn reach(
        &self,
        tenant: TenantId,
        from: &GraphName,
        direction: Direction,
        depth_max: u32,
    ) -> Result<Vec<Reached>, StoreError> {
        let mut kept = self.kept();
        let Some(of) = kept.tenants.get_mut(&tenant) else { return Ok(Vec::new()) };
        let walk = of.walk.get_or_insert_with(|| Walk::new(of.shapes.values()));
        Ok(walk.reach(from, direction, depth_max))
    }

    async fn chains_through(&self, tenant: TenantId, node: &GraphName) -> Result<Vec<GraphName>, StoreError> {
        let kept = self.kept();
        let shapes = kept.tenants.get(&tenant).into_iter().flat_map(|of| of.shapes.values());
        // The nodes of a kept shape are in order.
        let through = shapes.filter(|shape| shape.nodes.binary_search(node).is_ok());
        Ok(through.map(|shape| shape.chain.clone()).collect())
    }
}
