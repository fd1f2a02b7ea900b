//! The graph of chains in memory, walked breadth first.

use super::lock;
use crate::{ChainGraph, ChainShape, Direction, GraphName, Reached, StoreError};
use aitrading_model::TenantId;
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// Keeps chains in memory.
#[derive(Debug, Default)]
pub struct MemoryGraph(Mutex<BTreeMap<(TenantId, GraphName), ChainShape>>);

/// Where one step leads from each node.
fn steps<'a>(
    shapes: impl Iterator<Item = &'a ChainShape>,
    direction: Direction,
) -> BTreeMap<&'a GraphName, BTreeSet<&'a GraphName>> {
    let mut steps: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for edge in shapes.flat_map(|shape| &shape.edges) {
        let (from, to) = match direction {
            Direction::Downstream => (&edge.source, &edge.target),
            Direction::Upstream => (&edge.target, &edge.source),
        };
        steps.entry(from).or_default().insert(to);
    }
    steps
}

#[async_trait]
impl ChainGraph for MemoryGraph {
    async fn put(&self, tenant: TenantId, mut shape: ChainShape) -> Result<(), StoreError> {
        shape.check()?;
        shape.nodes.sort();
        shape.edges.sort();
        lock(&self.0).insert((tenant, shape.chain.clone()), shape);
        Ok(())
    }

    async fn remove(&self, tenant: TenantId, chain: &GraphName) -> Result<bool, StoreError> {
        Ok(lock(&self.0).remove(&(tenant, chain.clone())).is_some())
    }

    async fn shape(&self, tenant: TenantId, chain: &GraphName) -> Result<Option<ChainShape>, StoreError> {
        Ok(lock(&self.0).get(&(tenant, chain.clone())).cloned())
    }

    async fn reach(
        &self,
        tenant: TenantId,
        from: &GraphName,
        direction: Direction,
        depth_max: u32,
    ) -> Result<Vec<Reached>, StoreError> {
        let chains = lock(&self.0);
        let own = chains.iter().filter(|((owner, _), _)| *owner == tenant).map(|(_, shape)| shape);
        let steps = steps(own, direction);
        let mut seen = BTreeSet::from([from]);
        let mut edge_of_known = vec![from];
        let mut reached = Vec::new();
        for depth in 1..=depth_max {
            let next: BTreeSet<&GraphName> =
                edge_of_known.iter().filter_map(|node| steps.get(node)).flatten().copied().collect();
            edge_of_known = next.into_iter().filter(|node| seen.insert(node)).collect();
            reached.extend(edge_of_known.iter().map(|node| Reached { depth, node: (*node).clone() }));
            if edge_of_known.is_empty() || reached.len() >= ChainShape::NODES_MAX {
                break;
            }
        }
        reached.truncate(ChainShape::NODES_MAX);
        Ok(reached)
    }

    async fn chains_through(&self, tenant: TenantId, node: &GraphName) -> Result<Vec<GraphName>, StoreError> {
        let chains = lock(&self.0);
        let through = chains.iter().filter(|((owner, _), shape)| *owner == tenant && shape.nodes.contains(node));
        Ok(through.map(|((_, chain), _)| chain.clone()).collect())
    }
}
