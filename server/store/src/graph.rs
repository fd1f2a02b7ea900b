//! The port for the graph of services and chains: who is reached from where.

use crate::StoreError;
use aitrading_model::TenantId;
use async_trait::async_trait;

/// Name of a node or a chain: 1 to [`GraphName::BYTES_MAX`] bytes of ASCII letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphName(String);

crate::bounds::text_form!(GraphName);

impl GraphName {
    /// Most bytes of a name.
    pub const BYTES_MAX: usize = 100;

    /// A name.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn new(name: impl Into<String>) -> Result<Self, StoreError> {
        let name = name.into();
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > Self::BYTES_MAX || !name.bytes().all(good) {
            return Err(StoreError::Invalid { what: "a name has 1 to 100 letters, digits, '-', '_' and '.'" });
        }
        Ok(Self(name))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An arrow from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphEdge {
    /// From.
    pub source: GraphName,
    /// To.
    pub target: GraphName,
    /// What kind of step, for instance `http_request`.
    pub kind: GraphName,
}

/// The nodes and arrows of one chain. Nodes of the same name are the same node in every chain of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainShape {
    /// Which chain.
    pub chain: GraphName,
    /// Its nodes, at most [`ChainShape::NODES_MAX`].
    pub nodes: Vec<GraphName>,
    /// Its arrows, at most [`ChainShape::EDGES_MAX`], between its nodes.
    pub edges: Vec<GraphEdge>,
}

impl ChainShape {
    /// Most nodes of one chain.
    pub const NODES_MAX: usize = 1_000;
    /// Most arrows of one chain.
    pub const EDGES_MAX: usize = 5_000;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        if self.nodes.len() > Self::NODES_MAX || self.edges.len() > Self::EDGES_MAX {
            return Err(StoreError::Invalid { what: "a chain has at most 1,000 nodes and 5,000 arrows" });
        }
        let nodes: std::collections::BTreeSet<_> = self.nodes.iter().collect();
        if nodes.len() != self.nodes.len() {
            return Err(StoreError::Invalid { what: "a chain names a node twice" });
        }
        let edges: std::collections::BTreeSet<_> = self.edges.iter().collect();
        if edges.len() != self.edges.len() {
            return Err(StoreError::Invalid { what: "a chain names an arrow twice" });
        }
        if !self.edges.iter().all(|edge| nodes.contains(&edge.source) && nodes.contains(&edge.target)) {
            return Err(StoreError::Invalid { what: "an arrow of the chain ends at a node that is not in it" });
        }
        Ok(())
    }
}

/// Along the arrows, or against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    /// What a node leads to.
    Downstream,
    /// What leads to a node.
    Upstream,
}

/// A node that is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// In how many steps at least; never 0.
    pub depth: u32,
    /// Which node.
    pub node: GraphName,
}

/// Keeps the shapes of chains and walks them.
#[async_trait]
pub trait ChainGraph: Send + Sync {
    /// Writes or replaces one chain: all of it or nothing.
    async fn put(&self, tenant: TenantId, shape: ChainShape) -> Result<(), StoreError>;
    /// Forgets one chain; answers whether it was there.
    async fn remove(&self, tenant: TenantId, chain: &GraphName) -> Result<bool, StoreError>;
    /// One chain's shape, nodes and arrows in order of their names.
    async fn shape(&self, tenant: TenantId, chain: &GraphName) -> Result<Option<ChainShape>, StoreError>;
    /// Every other node within `depth_max` steps (at most [`ChainShape::NODES_MAX`] nodes), through all chains of the
    /// tenant, by depth, then by name. An unknown node reaches nothing.
    async fn reach(
        &self,
        tenant: TenantId,
        from: &GraphName,
        direction: Direction,
        depth_max: u32,
    ) -> Result<Vec<Reached>, StoreError>;
    /// The chains that pass through a node, by name.
    async fn chains_through(&self, tenant: TenantId, node: &GraphName) -> Result<Vec<GraphName>, StoreError>;
}
