//! Stream transactions: begin, run, commit; and abort when anything goes wrong.

use super::{
    Inner,
    setup::{CHAINS, NODES, STEPS},
    statement::{Batch, Statement, damaged, is_number},
};
use crate::client::Request;
use aitrading_database_link::Repeat;
use aitrading_store::StoreError;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

/// Says which transaction a statement belongs to.
const HEADER: &str = "x-arango-trx-id";

#[derive(Deserialize)]
struct Begun {
    result: Transaction,
}

#[derive(Deserialize)]
struct Transaction {
    id: String,
    status: String,
}

impl Inner {
    /// Runs all statements or none of them. Each request has the link's deadline.
    pub(super) async fn transaction(
        &self,
        doing: &'static str,
        statements: &[Statement],
    ) -> Result<Vec<Batch>, StoreError> {
        let id = self.begin(doing).await?;
        let result = self.run(doing, &id, statements).await;
        if result.is_err() {
            self.abort(&id).await;
        }
        result
    }

    /// Writers wait for each other: of two that share nodes, one could otherwise sweep what the other has just used.
    async fn begin(&self, doing: &'static str) -> Result<String, StoreError> {
        let body = json!({
            "collections": { "exclusive": [CHAINS], "write": [NODES, STEPS] },
            "allowImplicit": false,
            "waitForSync": true,
            // Whole seconds, and 0 would be forever. Shorter than our own patience, so that the refusal is heard.
            "lockTimeout": (self.rest.deadline() / 2).as_secs().max(1),
        });
        let request = Request::post(self.path("/_api/transaction/begin"), &body)?;
        let begun: Begun = self.rest.call(doing, Repeat::Once, &request).await?.read()?;
        let id = begun.result.id;
        if is_number(&id) { Ok(id) } else { Err(damaged()) }
    }

    async fn run(&self, doing: &'static str, id: &str, statements: &[Statement]) -> Result<Vec<Batch>, StoreError> {
        let mut answers = Vec::with_capacity(statements.len());
        for statement in statements {
            let request = Request::post(self.path("/_api/cursor"), &statement.body(self.rest.deadline()))?;
            answers.push(self.rest.call(doing, Repeat::Once, &request.header(HEADER, id)).await?.read()?);
        }
        let request = Request::new(Method::PUT, self.path(&format!("/_api/transaction/{id}")));
        // A second commit is answered like the first one.
        let ended: Begun = self.rest.call(doing, Repeat::Idempotent, &request).await?.read()?;
        if ended.result.status == "committed" { Ok(answers) } else { Err(damaged()) }
    }

    /// As good as possible: without it the server ends the transaction by itself, a minute later.
    async fn abort(&self, id: &str) {
        let request = Request::new(Method::DELETE, self.path(&format!("/_api/transaction/{id}")));
        if let Err(error) = self.rest.call("giving up a transaction", Repeat::Idempotent, &request).await {
            tracing::info!(error = %aitrading_error::chain(&error), "a transaction is left to the ArangoDB server");
        }
    }
}
