//! What is sent to ArangoDB and read back, as text alone.

use super::{
    document::{ChainDocument, key, node, node_id, step},
    setup, statement,
    statement::{Batch, Reach, Statement, is_number},
};
use aitrading_error::Coded;
use aitrading_model::TenantId;
use aitrading_store::{ChainShape, GraphEdge, GraphName, Reached, StoreError};
use serde_json::{Value, json};
use std::time::Duration;

fn name(text: &str) -> GraphName {
    GraphName::new(text).unwrap()
}

fn shape() -> ChainShape {
    let edge = GraphEdge { source: name("a"), target: name("b.c"), kind: name("http_request") };
    ChainShape { chain: name("A-1"), nodes: vec![name("a"), name("b.c")], edges: vec![edge] }
}

const TENANT: TenantId = TenantId(u64::MAX);

#[test]
fn a_document_comes_back_as_the_shape_that_it_was() {
    for shape in [shape(), ChainShape { nodes: vec![], edges: vec![], ..shape() }] {
        let mut sent = serde_json::to_value(ChainDocument::new(TENANT, &shape)).unwrap();
        assert_eq!(
            (&sent["_key"], &sent["tenant"]),
            (&json!("18446744073709551615:A-1"), &json!("18446744073709551615"))
        );
        sent["_rev"] = json!("_x");
        let back: ChainDocument = serde_json::from_value(sent).unwrap();
        assert_eq!(back.shape(&shape.chain).unwrap(), shape);
    }
}

#[test]
fn a_document_that_is_no_shape_is_corrupt() {
    let sent = serde_json::to_value(ChainDocument::new(TENANT, &shape())).unwrap();
    for (pointer, value) in [
        ("/name", json!("B")),
        ("/name", json!("a b")),
        ("/nodes/0", json!("")),
        ("/nodes/0", json!("b.c")),
        ("/nodes", json!([])),
        ("/edges/0/2", json!("é")),
    ] {
        let mut damaged = sent.clone();
        *damaged.pointer_mut(pointer).unwrap() = value.clone();
        let read: ChainDocument = serde_json::from_value(damaged).unwrap();
        assert_eq!(read.shape(&name("A-1")).unwrap_err().dna().code, "STORE_CORRUPT", "{pointer} {value}");
    }
}

#[test]
fn arrows_join_nodes_of_their_own_tenant() {
    let (one, edge) = (TenantId(1), &shape().edges[0]);
    let step = step(one, &key(one, &name("A-1")), edge);
    assert_eq!(step["_from"], format!("{}/1:a", setup::NODES));
    assert_eq!(step["_to"], format!("{}/1:b.c", setup::NODES));
    assert_eq!(step["chain"], "1:A-1");
    for (end, at) in [("_from", &edge.source), ("_to", &edge.target)] {
        let node = node(one, at);
        assert_eq!(step[end], format!("{}/{}", setup::NODES, node["_key"].as_str().unwrap()));
        assert_eq!(step[end], node_id(one, at));
    }
    let longest = key(TENANT, &name(&"n".repeat(GraphName::BYTES_MAX)));
    assert!(longest.len() <= 254, "ArangoDB's longest key");
}

#[test]
fn statements_are_constants_and_their_values_are_bound() {
    let statement = Statement::new(statement::REMOVE_CHAIN, json!({ "chain": "1:A" }));
    let body = statement.body(Duration::from_millis(1_500));
    assert_eq!(body["query"], statement::REMOVE_CHAIN);
    assert_eq!(body["bindVars"], json!({ "chain": "1:A" }));
    assert_eq!(body["options"]["maxRuntime"], 1.5);
    for (text, values) in [
        (statement::REMOVE_STEPS, vec!["@chain"]),
        (statement::PUT_CHAIN, vec!["@document"]),
        (statement::PUT_NODES, vec!["@nodes"]),
        (statement::PUT_STEPS, vec!["@steps"]),
        (statement::REMOVE_CHAIN, vec!["@chain"]),
        (statement::SWEEP_NODES, vec!["@tenant"]),
        (statement::CHAINS_THROUGH, vec!["@tenant", "@node"]),
        (statement::REACH_DOWNSTREAM, vec!["OUTBOUND", "@depth", "@start", "@graph", "@limit"]),
        (statement::REACH_UPSTREAM, vec!["INBOUND", "@depth", "@start", "@graph", "@limit"]),
    ] {
        assert!(
            values.iter().all(|value| text.contains(value)) && !text.contains('{') | text.contains("OPTIONS"),
            "{text}"
        );
    }
}

#[test]
fn a_databases_name_cannot_leave_its_place() {
    for good in ["aitrading", "a", "A-b_9", &"a".repeat(64)] {
        setup::check_database(good).unwrap();
    }
    for bad in ["", "_system", "9a", "a/b", "a b", "a%2f", "..", "é", "aé", "a?b", &"a".repeat(65)] {
        let refused = setup::check_database(bad);
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{bad:?}: {refused:?}");
    }
}

#[test]
fn ids_of_the_server_are_numbers_or_nothing() {
    for (id, good) in
        [("1", true), ("18446744073709551615", true), ("", false), ("1/2", false), ("1\r\n", false), ("x", false)]
    {
        assert_eq!(is_number(id), good, "{id:?}");
        let batch: Batch = serde_json::from_value(json!({ "hasMore": true, "id": id })).unwrap();
        assert_eq!(batch.next().is_ok(), good);
    }
    let lost: Batch = serde_json::from_value(json!({ "result": [], "hasMore": true })).unwrap();
    assert_eq!(lost.next().unwrap_err().dna().code, "STORE_CORRUPT");
}

#[test]
fn rows_that_are_no_names_are_corrupt() {
    assert_eq!(Reach::read(json!({ "depth": 2, "node": "a" })).unwrap(), Reached { depth: 2, node: name("a") });
    for row in
        [json!(null), json!({ "depth": 2 }), json!({ "depth": 2, "node": null }), json!({ "depth": -1, "node": "a" })]
    {
        assert_eq!(Reach::read(row.clone()).unwrap_err().dna().code, "STORE_CORRUPT", "{row}");
    }
    for row in [Value::Null, json!(1), json!("a b")] {
        assert_eq!(statement::name(&row).unwrap_err().dna().code, "STORE_CORRUPT", "{row}");
    }
}
