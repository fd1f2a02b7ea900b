//! The statements in AQL, as constants: values are bound and never part of a text. And what comes back.

use aitrading_store::{GraphName, Reached, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Rows of one batch.
const BATCH: usize = 1_000;
/// Seconds that the server keeps what was not fetched.
const KEPT_S: u32 = 30;
/// Bytes of the server's memory for one statement.
const MEMORY_MAX: u64 = 512 << 20;

/// The chain's arrows go, before the new ones come.
pub(super) const REMOVE_STEPS: &str =
    "FOR step IN aitrading_steps FILTER step.chain == @chain REMOVE step IN aitrading_steps";
/// The chain and its shape.
pub(super) const PUT_CHAIN: &str = "INSERT @document INTO aitrading_chains OPTIONS { overwriteMode: \"replace\" }";
/// Nodes that another chain has brought already stay.
pub(super) const PUT_NODES: &str =
    "FOR node IN @nodes INSERT node INTO aitrading_nodes OPTIONS { overwriteMode: \"ignore\" }";
/// The chain's arrows.
pub(super) const PUT_STEPS: &str = "FOR step IN @steps INSERT step INTO aitrading_steps";
/// Answers with the key, if it was there.
pub(super) const REMOVE_CHAIN: &str =
    "FOR chain IN aitrading_chains FILTER chain._key == @chain REMOVE chain IN aitrading_chains RETURN OLD._key";
/// Nodes of no chain go.
pub(super) const SWEEP_NODES: &str = "LET used = (FOR chain IN aitrading_chains FILTER chain.tenant == @tenant \
     FOR node IN chain.nodes RETURN DISTINCT node) \
     FOR node IN aitrading_nodes FILTER node.tenant == @tenant AND node.name NOT IN used REMOVE node IN aitrading_nodes";
/// The server sorts texts as a dictionary does; in hexadecimal they are in order of their bytes.
pub(super) const CHAINS_THROUGH: &str = "FOR chain IN aitrading_chains \
     FILTER chain.tenant == @tenant AND @node IN chain.nodes[*] SORT TO_HEX(chain.name) RETURN chain.name";

/// A walk: the keyword for the direction is the one thing that cannot be bound.
macro_rules! reach {
    ($direction:literal) => {
        concat!(
            "FOR node, step, path IN 1..@depth ",
            $direction,
            " @start GRAPH @graph OPTIONS { order: \"bfs\", uniqueVertices: \"global\" } FILTER node._id != @start \
             LET depth = LENGTH(path.edges) SORT depth, TO_HEX(node.name) LIMIT @limit \
             RETURN { depth: depth, node: node.name }"
        )
    };
}
/// Along the arrows.
pub(super) const REACH_DOWNSTREAM: &str = reach!("OUTBOUND");
/// Against the arrows.
pub(super) const REACH_UPSTREAM: &str = reach!("INBOUND");

/// A statement and its values.
#[derive(Debug)]
pub(super) struct Statement {
    text: &'static str,
    bind: Value,
}

impl Statement {
    pub(super) const fn new(text: &'static str, bind: Value) -> Self {
        Self { text, bind }
    }

    /// As the cursor interface takes it. The server gives up when nobody waits any more.
    pub(super) fn body(&self, deadline: Duration) -> Value {
        json!({
            "query": self.text,
            "bindVars": self.bind,
            "batchSize": BATCH,
            "ttl": KEPT_S,
            "memoryLimit": MEMORY_MAX,
            "options": { "maxRuntime": deadline.as_secs_f64() },
        })
    }
}

/// A batch of rows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    #[serde(default)]
    result: Vec<Value>,
    has_more: bool,
    id: Option<String>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.result.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.result)
    }

    /// The cursor that has more.
    pub(super) fn next(&self) -> Result<Option<&str>, StoreError> {
        if !self.has_more {
            return Ok(None);
        }
        self.id.as_deref().filter(|id| is_number(id)).map(Some).ok_or_else(damaged)
    }
}

/// Ids of cursors and transactions become part of a path and of a header.
pub(super) fn is_number(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn damaged() -> StoreError {
    StoreError::corrupt("an answer of the ArangoDB server")
}

/// A name among the rows.
pub(super) fn name(row: &Value) -> Result<GraphName, StoreError> {
    let text = row.as_str().ok_or_else(damaged)?;
    GraphName::new(text).map_err(|_| damaged())
}

/// A row of a walk.
#[derive(Debug, Deserialize)]
pub(super) struct Reach {
    depth: u32,
    node: Value,
}

impl Reach {
    pub(super) fn read(row: Value) -> Result<Reached, StoreError> {
        let Self { depth, node } = serde_json::from_value(row).map_err(|_| damaged())?;
        Ok(Reached { depth, node: name(&node)? })
    }
}
