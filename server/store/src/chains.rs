//! The port for chains: declared flows through services, with what is expected of each step.

use crate::{
    ChainShape, GraphEdge, GraphName, StoreError, Version, Versioned,
    bounds::{is_json, is_text, require},
};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;
use std::collections::BTreeSet;

/// A chain's id, for instance `A1`: a [`GraphName`] of at most [`ChainId::BYTES_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(GraphName);

crate::bounds::text_form!(ChainId);

impl ChainId {
    /// Most bytes of an id.
    pub const BYTES_MAX: usize = 10;

    /// An id.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn new(id: impl Into<String>) -> Result<Self, StoreError> {
        let name = GraphName::new(id)?;
        require(name.as_str().len() <= Self::BYTES_MAX, "a chain's id has at most 10 bytes")?;
        Ok(Self(name))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As the graph names it.
    #[must_use]
    pub const fn name(&self) -> &GraphName {
        &self.0
    }
}

/// How a chain fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub enum ChainStatus {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// Within what is expected.
    Healthy,
    /// Works, not as expected.
    Degraded,
    /// Does not work.
    Failed,
}

impl ChainStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Healthy, Self::Degraded, Self::Failed];

    /// As the table names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }

    /// From the name in the table.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A station of a chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainNode {
    /// Its name, unique in the chain.
    pub name: GraphName,
    /// What it is, for instance `service` or `database`.
    pub kind: GraphName,
}

/// A step of a chain and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEdge {
    /// From where to where, by what kind of step.
    pub edge: GraphEdge,
    /// When it is taken, in words; at most [`ChainEdge::CONDITION_MAX`] bytes.
    pub condition: Option<String>,
    /// How long it may take, in milliseconds.
    pub latency_sla_ms: Option<u32>,
    /// What is done when it fails: JSON of at most [`ChainEdge::POLICY_MAX`] bytes.
    pub retry_policy: Option<String>,
}

impl ChainEdge {
    /// Most bytes of a condition.
    pub const CONDITION_MAX: usize = 1_024;
    /// Most bytes of a retry policy.
    pub const POLICY_MAX: usize = 1_024;
}

/// Another chain that a chain needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainDependency {
    /// Which; it need not be there.
    pub on: ChainId,
    /// In which way, for instance `data`.
    pub kind: GraphName,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainDefinition {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: ChainId,
    /// Its name; at most [`ChainDefinition::NAME_MAX`] characters.
    pub name: String,
    /// Its category; at most [`ChainDefinition::CATEGORY_MAX`] characters.
    pub category: String,
    /// In words; at most [`ChainDefinition::DESCRIPTION_MAX`] bytes.
    pub description: String,
    /// How it fares.
    pub status: ChainStatus,
    /// JSON of at most [`ChainDefinition::METADATA_MAX`] bytes, kept to the letter.
    pub metadata: String,
    /// Its stations, in order of their names.
    pub nodes: Vec<ChainNode>,
    /// Its steps, in order.
    pub edges: Vec<ChainEdge>,
    /// What it needs, in order, each once, at most [`ChainDefinition::DEPENDENCIES_MAX`].
    pub dependencies: Vec<ChainDependency>,
    /// Who made it; at most [`ChainDefinition::BY_MAX`] characters.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

impl ChainDefinition {
    /// Most characters of a name.
    pub const NAME_MAX: usize = 255;
    /// Most characters of a category.
    pub const CATEGORY_MAX: usize = 50;
    /// Most bytes of a description.
    pub const DESCRIPTION_MAX: usize = 8_192;
    /// Most bytes of the metadata.
    pub const METADATA_MAX: usize = 65_536;
    /// Most dependencies.
    pub const DEPENDENCIES_MAX: usize = 100;
    /// Most characters of who made it.
    pub const BY_MAX: usize = 100;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let short = |text: &str, max: usize| is_text(text, max.saturating_mul(4)) && text.chars().count() <= max;
        require(
            short(&self.name, Self::NAME_MAX)
                && short(&self.category, Self::CATEGORY_MAX)
                && short(&self.created_by, Self::BY_MAX)
                && is_text(&self.description, Self::DESCRIPTION_MAX),
            "a chain's name has at most 255 characters, its category 50, its maker 100, its description 8,192 bytes; no NUL",
        )?;
        require(is_json(&self.metadata, Self::METADATA_MAX), "a chain's metadata is JSON of at most 65,536 bytes")?;
        let once: BTreeSet<_> = self.dependencies.iter().collect();
        require(
            once.len() == self.dependencies.len() && once.len() <= Self::DEPENDENCIES_MAX,
            "a chain names at most 100 dependencies, each once",
        )?;
        let good = |step: &ChainEdge| {
            step.condition.as_ref().is_none_or(|text| is_text(text, ChainEdge::CONDITION_MAX))
                && step.retry_policy.as_ref().is_none_or(|text| is_json(text, ChainEdge::POLICY_MAX))
        };
        require(
            self.edges.iter().all(good),
            "a step's condition and its retry policy (JSON) have at most 1,024 bytes each, no NUL",
        )?;
        self.shape().check()
    }

    /// Its stations and steps for the graph.
    #[must_use]
    pub fn shape(&self) -> ChainShape {
        ChainShape {
            chain: self.id.name().clone(),
            nodes: self.nodes.iter().map(|node| node.name.clone()).collect(),
            edges: self.edges.iter().map(|step| step.edge.clone()).collect(),
        }
    }

    /// With stations, steps and dependencies in the order in which every store answers them.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.nodes.sort();
        self.edges.sort();
        self.dependencies.sort();
        self
    }
}

/// Keeps chains.
#[async_trait]
pub trait ChainStore: Send + Sync {
    /// Writes all of a chain that has version `expected` ([`Version::NONE`]: is new) and answers the new version. Returns
    /// when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn put(&self, chain: ChainDefinition, expected: Version) -> Result<Version, StoreError>;
    /// One chain.
    async fn get(&self, tenant: TenantId, id: &ChainId) -> Result<Option<Versioned<ChainDefinition>>, StoreError>;
    /// Up to `limit` chains of a tenant behind the id `after`, by id (as bytes).
    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&ChainId>,
        limit: usize,
    ) -> Result<Vec<Versioned<ChainDefinition>>, StoreError>;
    /// Forgets a chain that has version `expected`. Made again, it begins with version 1.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn remove(&self, tenant: TenantId, id: &ChainId, expected: Version) -> Result<(), StoreError>;
}
