//! The database, collections, indexes and the named graph: made where they are absent, checked where they are there.

use super::Inner;
use crate::{client::Request, version};
use aitrading_database_link::Repeat;
use aitrading_store::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::PoisonError;

/// Whose interface the adapter was written for.
const NEEDED: ((u32, u32), &str) = ((3, 12), "3.12");
/// Bytes of a database's name.
const NAME_MAX: usize = 64;

pub(super) const CHAINS: &str = "aitrading_chains";
pub(super) const NODES: &str = "aitrading_nodes";
pub(super) const STEPS: &str = "aitrading_steps";
pub(super) const GRAPH: &str = "aitrading_services";

/// Collections by name, with ArangoDB's numbers for documents and edges.
const COLLECTIONS: [(&str, u8); 3] = [(CHAINS, 2), (NODES, 2), (STEPS, 3)];
/// Collection, name of the index, attributes, unique.
const INDEXES: [(&str, &str, &[&str], bool); 4] = [
    (CHAINS, "tenant_name", &["tenant", "name"], true),
    (CHAINS, "tenant_nodes", &["tenant", "nodes[*]"], false),
    (NODES, "tenant_name", &["tenant", "name"], true),
    (STEPS, "chain_step", &["chain", "source", "target", "kind"], true),
];

const DOING: &str = "setting up the graph of chains";

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: u8,
}

#[derive(Deserialize)]
struct Graph {
    graph: Definition,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    edge_definitions: Vec<Edges>,
}

#[derive(Deserialize, PartialEq)]
struct Edges {
    collection: String,
    from: Vec<String>,
    to: Vec<String>,
}

/// The name becomes part of every path.
pub(super) fn check_database(name: &str) -> Result<(), StoreError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || name.len() > NAME_MAX || !name.bytes().all(good) {
        let what = "the database of an ArangoDB server is a letter and up to 63 letters, digits, '-' and '_'";
        return Err(StoreError::Invalid { what });
    }
    Ok(())
}

impl Inner {
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let request = Request::get(self.path("/_api/version"));
        let answer = self.rest.call("asking for the version of ArangoDB", Repeat::Idempotent, &request).await?;
        self.learn(answer.read::<Version>()?.version)
    }

    fn learn(&self, found: String) -> Result<(), StoreError> {
        version::check("ArangoDB", &found, NEEDED.0, NEEDED.1)?;
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }

    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.prepare_database().await?;
        for (name, kind) in COLLECTIONS {
            self.prepare_collection(name, kind).await?;
        }
        for (collection, name, fields, unique) in INDEXES {
            let path = self.path(&format!("/_api/index?collection={collection}"));
            let body = json!({ "type": "persistent", "name": name, "fields": fields, "unique": unique });
            // One that is there already is answered as if it had been made.
            self.rest.call(DOING, Repeat::Idempotent, &Request::post(path, &body)?).await?;
        }
        self.prepare_graph().await
    }

    /// The database is asked for the version: it answers only if it is there.
    async fn prepare_database(&self) -> Result<(), StoreError> {
        let look = Request::get(self.path("/_api/version")).taking(&[404]);
        let answer = self.rest.call(DOING, Repeat::Idempotent, &look).await?;
        if answer.status != 404 {
            return self.learn(answer.read::<Version>()?.version);
        }
        let path = "/_db/_system/_api/database".to_owned();
        self.make(path, &json!({ "name": self.rest.database() })).await?;
        self.probe().await
    }

    async fn prepare_collection(&self, name: &str, kind: u8) -> Result<(), StoreError> {
        let path = self.path(&format!("/_api/collection/{name}"));
        let look = Request::get(path.clone()).taking(&[404]);
        let mut answer = self.rest.call(DOING, Repeat::Idempotent, &look).await?;
        if answer.status == 404 {
            // What was acknowledged is on the disk.
            let body = json!({ "name": name, "type": kind, "waitForSync": true });
            self.make(self.path("/_api/collection"), &body).await?;
            answer = self.rest.call(DOING, Repeat::Idempotent, &Request::get(path)).await?;
        }
        if answer.read::<Collection>()?.kind != kind {
            return Err(StoreError::Conflict {
                what: "a collection on the ArangoDB server holds documents instead of edges, or edges instead of \
                       documents; name another database",
            });
        }
        Ok(())
    }

    async fn prepare_graph(&self) -> Result<(), StoreError> {
        let path = self.path(&format!("/_api/gharial/{GRAPH}"));
        let look = Request::get(path.clone()).taking(&[404]);
        let mut answer = self.rest.call(DOING, Repeat::Idempotent, &look).await?;
        if answer.status == 404 {
            let edges = json!([{ "collection": STEPS, "from": [NODES], "to": [NODES] }]);
            self.make(self.path("/_api/gharial"), &json!({ "name": GRAPH, "edgeDefinitions": edges })).await?;
            answer = self.rest.call(DOING, Repeat::Idempotent, &Request::get(path)).await?;
        }
        let nodes = || vec![NODES.to_owned()];
        let wanted = Edges { collection: STEPS.to_owned(), from: nodes(), to: nodes() };
        if answer.read::<Graph>()?.graph.edge_definitions != [wanted] {
            let what = "the graph on the ArangoDB server has other collections; name another database";
            return Err(StoreError::Conflict { what });
        }
        Ok(())
    }

    /// 409: another instance has made it meanwhile. What is there is looked at afterwards.
    async fn make(&self, path: String, body: &Value) -> Result<(), StoreError> {
        let request = Request::post(path, body)?.taking(&[409]);
        self.rest.call(DOING, Repeat::Once, &request).await.map(|_| ())
    }
}
