//! Chains, nodes and arrows as documents. A tenant is kept as text: JSON's numbers have 53 bits.

use super::{setup::NODES, statement::damaged};
use aitrading_model::TenantId;
use aitrading_store::{ChainShape, GraphEdge, GraphName, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Key of a chain or a node: names have no colon, so that no two pairs make the same key.
pub(super) fn key(tenant: TenantId, name: &GraphName) -> String {
    format!("{}:{}", tenant.0, name.as_str())
}

/// Id of a node, as arrows name it.
pub(super) fn node_id(tenant: TenantId, node: &GraphName) -> String {
    format!("{NODES}/{}", key(tenant, node))
}

/// A node.
pub(super) fn node(tenant: TenantId, node: &GraphName) -> Value {
    json!({ "_key": key(tenant, node), "tenant": tenant.0.to_string(), "name": node.as_str() })
}

/// An arrow of the chain with this key.
pub(super) fn step(tenant: TenantId, chain: &str, edge: &GraphEdge) -> Value {
    json!({
        "_from": node_id(tenant, &edge.source),
        "_to": node_id(tenant, &edge.target),
        "chain": chain,
        "source": edge.source.as_str(),
        "target": edge.target.as_str(),
        "kind": edge.kind.as_str(),
    })
}

/// A chain with its shape.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChainDocument {
    #[serde(rename = "_key")]
    key: String,
    tenant: String,
    name: String,
    nodes: Vec<String>,
    edges: Vec<[String; 3]>,
}

impl ChainDocument {
    /// Of a shape whose nodes and arrows are in order.
    pub(super) fn new(tenant: TenantId, shape: &ChainShape) -> Self {
        let text = |name: &GraphName| name.as_str().to_owned();
        Self {
            key: key(tenant, &shape.chain),
            tenant: tenant.0.to_string(),
            name: text(&shape.chain),
            nodes: shape.nodes.iter().map(text).collect(),
            edges: shape.edges.iter().map(|edge| [&edge.source, &edge.target, &edge.kind].map(text)).collect(),
        }
    }

    /// The shape as it was put.
    pub(super) fn shape(self, chain: &GraphName) -> Result<ChainShape, StoreError> {
        let name = |text: String| GraphName::new(text).map_err(|_| damaged());
        let edge = |[source, target, kind]: [String; 3]| {
            Ok::<_, StoreError>(GraphEdge { source: name(source)?, target: name(target)?, kind: name(kind)? })
        };
        let shape = ChainShape {
            chain: name(self.name)?,
            nodes: self.nodes.into_iter().map(name).collect::<Result<_, _>>()?,
            edges: self.edges.into_iter().map(edge).collect::<Result<_, _>>()?,
        };
        if shape.chain != *chain || shape.check().is_err() {
            return Err(damaged());
        }
        Ok(shape)
    }
}
