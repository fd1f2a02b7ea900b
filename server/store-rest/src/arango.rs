//! The graph of services and chains on an ArangoDB server. Unproven against a live one.
//!
//! A chain is a document with its shape. Its nodes are vertices that all chains of a tenant share, its arrows are edges, and
//! both belong to a named graph that walks go through. What belongs together is written in one stream transaction.

mod document;
mod setup;
mod statement;
#[cfg(test)]
mod tests;
mod transaction;

use crate::{
    client::{Login, Request, Rest},
    error::{Complaint, RestError, refusal},
    health,
};
use aitrading_database_link::{BackendHealth, Link, Repeat};
use aitrading_env::Env;
use aitrading_model::TenantId;
use aitrading_store::{ChainGraph, ChainShape, Direction, GraphName, Reached, StoreError};
use async_trait::async_trait;
use document::{ChainDocument, key, node_id};
use serde_json::json;
use statement::{Batch, Reach, Statement};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, oneshot};

/// ArangoDB: there is no such document.
const NO_DOCUMENT: i64 = 1202;
/// Batches of a long answer that are fetched.
const BATCHES_MAX: usize = 1_000;

/// Keeps chains on an ArangoDB server, in the database that the link names.
#[derive(Debug, Clone)]
pub struct ArangoChains {
    env: Env,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rest: Rest,
    set_up: OnceCell<()>,
    version: Mutex<Option<String>>,
}

impl ArangoChains {
    /// Speaks to the server of `link`. Connects to nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name that no database can have, [`StoreError::Unavailable`] if there can be no HTTP
    /// client.
    pub fn open(env: &Env, link: Link) -> Result<Self, StoreError> {
        setup::check_database(link.endpoint().database())?;
        let rest = Rest::open(link, Login::Basic)?;
        let inner = Inner { rest, set_up: OnceCell::new(), version: Mutex::default() };
        Ok(Self { env: env.clone(), inner: Arc::new(inner) })
    }

    /// Asks the server for its version.
    ///
    /// # Errors
    /// [`StoreError::VersionTooOld`], and whatever a call answers.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.inner.probe().await
    }

    /// The link's health, the server's version once it is known, and [`UNPROVEN`](crate::UNPROVEN).
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        let version = self.inner.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        health(self.inner.rest.health(), version)
    }

    /// Runs statements in one transaction, to its end even if the caller goes away: an abandoned one would keep others out
    /// until the server gives it up.
    async fn transact(&self, doing: &'static str, statements: Vec<Statement>) -> Result<Vec<Batch>, StoreError> {
        let inner = Arc::clone(&self.inner);
        let (done, result) = oneshot::channel();
        let work = async move {
            // Nobody may be waiting any more.
            drop(done.send(inner.transaction(doing, &statements).await));
        };
        drop(self.env.spawn.task("chain-write", Box::pin(work)));
        result.await.unwrap_or_else(|_| Err(RestError::Ended.unavailable(doing)))
    }
}

impl Inner {
    fn path(&self, rest: &str) -> String {
        format!("/_db/{}{rest}", self.rest.database())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.set_up.get_or_try_init(|| self.prepare()).await.map(|_| ())
    }

    /// Runs a statement that only reads, and fetches all of its answer.
    async fn read(&self, doing: &'static str, statement: Statement) -> Result<Vec<serde_json::Value>, StoreError> {
        let body = statement.body(self.rest.deadline());
        let request = Request::post(self.path("/_api/cursor"), &body)?;
        let mut batch: Batch = self.rest.call(doing, Repeat::Idempotent, &request).await?.read()?;
        let mut rows = batch.take();
        for _ in 0..BATCHES_MAX {
            let Some(cursor) = batch.next()? else { return Ok(rows) };
            let request = Request::new(reqwest::Method::POST, self.path(&format!("/_api/cursor/{cursor}")));
            // Once: what a cursor gave is gone from it.
            batch = self.rest.call(doing, Repeat::Once, &request).await?.read()?;
            rows.append(&mut batch.take());
        }
        Err(StoreError::Invalid { what: "the answer of the ArangoDB server has no end; ask for less" })
    }
}

#[async_trait]
impl ChainGraph for ArangoChains {
    async fn put(&self, tenant: TenantId, mut shape: ChainShape) -> Result<(), StoreError> {
        shape.check()?;
        shape.nodes.sort();
        shape.edges.sort();
        self.inner.ready().await?;
        let chain = key(tenant, &shape.chain);
        let nodes: Vec<_> = shape.nodes.iter().map(|node| document::node(tenant, node)).collect();
        let steps: Vec<_> = shape.edges.iter().map(|edge| document::step(tenant, &chain, edge)).collect();
        let statements = vec![
            Statement::new(statement::REMOVE_STEPS, json!({ "chain": chain })),
            Statement::new(statement::PUT_CHAIN, json!({ "document": ChainDocument::new(tenant, &shape) })),
            Statement::new(statement::PUT_NODES, json!({ "nodes": nodes })),
            Statement::new(statement::PUT_STEPS, json!({ "steps": steps })),
            Statement::new(statement::SWEEP_NODES, json!({ "tenant": tenant.0.to_string() })),
        ];
        self.transact("writing a chain", statements).await.map(|_| ())
    }

    async fn remove(&self, tenant: TenantId, chain: &GraphName) -> Result<bool, StoreError> {
        self.inner.ready().await?;
        let chain = key(tenant, chain);
        let statements = vec![
            Statement::new(statement::REMOVE_STEPS, json!({ "chain": chain })),
            Statement::new(statement::REMOVE_CHAIN, json!({ "chain": chain })),
            Statement::new(statement::SWEEP_NODES, json!({ "tenant": tenant.0.to_string() })),
        ];
        let answers = self.transact("removing a chain", statements).await?;
        Ok(answers.get(1).is_some_and(|removed| !removed.is_empty()))
    }

    async fn shape(&self, tenant: TenantId, chain: &GraphName) -> Result<Option<ChainShape>, StoreError> {
        const DOING: &str = "reading a chain";
        self.inner.ready().await?;
        let path = self.inner.path(&format!("/_api/document/{}/{}", setup::CHAINS, key(tenant, chain)));
        let request = Request::get(path).taking(&[404]);
        let answer = self.inner.rest.call(DOING, Repeat::Idempotent, &request).await?;
        if answer.status == 404 {
            let complaint = Complaint::read(&answer.body);
            // A collection that is gone is no absent chain.
            let absent = complaint.error_num == Some(NO_DOCUMENT);
            return if absent { Ok(None) } else { Err(refusal(DOING, answer.status, &complaint)) };
        }
        answer.read::<ChainDocument>()?.shape(chain).map(Some)
    }

    async fn reach(
        &self,
        tenant: TenantId,
        from: &GraphName,
        direction: Direction,
        depth_max: u32,
    ) -> Result<Vec<Reached>, StoreError> {
        // Each depth up to the deepest has a node: deeper than the answer is long is never asked for.
        let limit = u32::try_from(ChainShape::NODES_MAX).unwrap_or(u32::MAX);
        let depth = depth_max.min(limit);
        if depth == 0 {
            return Ok(Vec::new());
        }
        self.inner.ready().await?;
        let text = match direction {
            Direction::Downstream => statement::REACH_DOWNSTREAM,
            Direction::Upstream => statement::REACH_UPSTREAM,
        };
        let start = node_id(tenant, from);
        let bind = json!({ "depth": depth, "start": start, "graph": setup::GRAPH, "limit": limit });
        let rows = self.inner.read("walking the chains", Statement::new(text, bind)).await?;
        let mut reached = rows.into_iter().map(Reach::read).collect::<Result<Vec<_>, _>>()?;
        reached.sort();
        Ok(reached)
    }

    async fn chains_through(&self, tenant: TenantId, node: &GraphName) -> Result<Vec<GraphName>, StoreError> {
        self.inner.ready().await?;
        let bind = json!({ "tenant": tenant.0.to_string(), "node": node.as_str() });
        let rows = self.inner.read("looking for chains", Statement::new(statement::CHAINS_THROUGH, bind)).await?;
        let mut chains = rows.iter().map(statement::name).collect::<Result<Vec<_>, _>>()?;
        chains.sort();
        Ok(chains)
    }
}
