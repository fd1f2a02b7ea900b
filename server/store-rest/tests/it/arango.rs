//! Every operation of the adapter for ArangoDB, in the form that the vendor describes.

use crate::{
    contract,
    mock::{Mock, Reply, Seen, Step},
    world::{arango, block_on, env, settings},
};
use aitrading_database_link::LinkState;
use aitrading_error::Coded;
use aitrading_model::TenantId;
use aitrading_store::{ChainGraph, ChainShape, Direction, GraphEdge, GraphName, Reached, StoreError};
use aitrading_store_rest::{ArangoChains, UNPROVEN};
use serde_json::{Value, json};

const VERSION: &str = "GET /_db/{database-name}/_api/version";
const MAKE_DATABASE: &str = "POST /_db/_system/_api/database";
const COLLECTION: &str = "GET /_db/{database-name}/_api/collection/{collection-name}";
const MAKE_COLLECTION: &str = "POST /_db/{database-name}/_api/collection";
const MAKE_INDEX: &str = "POST /_db/{database-name}/_api/index";
const GRAPH: &str = "GET /_db/{database-name}/_api/gharial/{graph}";
const MAKE_GRAPH: &str = "POST /_db/{database-name}/_api/gharial";
const BEGIN: &str = "POST /_db/{database-name}/_api/transaction/begin";
const COMMIT: &str = "PUT /_db/{database-name}/_api/transaction/{transaction-id}";
const ABORT: &str = "DELETE /_db/{database-name}/_api/transaction/{transaction-id}";
const CURSOR: &str = "POST /_db/{database-name}/_api/cursor";
const MORE: &str = "POST /_db/{database-name}/_api/cursor/{cursor-identifier}";
const DOCUMENT: &str = "GET /_db/{database-name}/_api/document/{collection}/{key}";

const ONE: TenantId = TenantId(1);
/// `aitrading` and the password, as Basic authentication has them.
const BASIC: &str = "Basic YWl0cmFkaW5nOmEga2V5IHdpdGggInF1b3RlcyIgYW5kIHNwYWNlcw==";

pub(crate) fn version(version: &str) -> Step {
    let body = json!({
        "server": "arango", "license": "community", "version": version,
        "apiVersions": ["v0"], "deprecatedApiVersions": [], "requestedApiVersion": "v0",
    });
    (VERSION, Reply::Json(200, body))
}

pub(crate) fn refused(status: u16, number: i64) -> Reply {
    let body = json!({ "error": true, "code": status, "errorNum": number, "errorMessage": "no \"such\" thing" });
    Reply::Json(status, body)
}

fn collection(kind: u8) -> Step {
    let body = json!({
        "error": false, "code": 200, "id": "9", "name": "aitrading_chains", "status": 3, "type": kind,
        "isSystem": false, "globallyUniqueId": "h1/9",
    });
    (COLLECTION, Reply::Json(200, body))
}

fn made_collection(kind: u8) -> Step {
    let body = json!({
        "error": false, "code": 200, "id": "9", "name": "aitrading_chains", "status": 3, "statusString": "loaded",
        "type": kind, "isSystem": false, "globallyUniqueId": "h1/9", "waitForSync": true, "cacheEnabled": false,
        "keyOptions": { "type": "traditional", "allowUserKeys": true }, "computedValues": [], "syncByRevision": true,
        "schema": { "rule": {}, "level": "strict", "message": "", "type": "json" },
    });
    (MAKE_COLLECTION, Reply::Json(200, body))
}

fn indexes(status: u16) -> Vec<Step> {
    let body = json!({ "error": false, "code": status, "id": "aitrading_chains/1", "isNewlyCreated": status == 201 });
    vec![(MAKE_INDEX, Reply::Json(status, body)); 4]
}

fn graph(operation: &'static str, status: u16, collection: &str) -> Step {
    let edges = json!([{ "collection": collection, "from": ["aitrading_nodes"], "to": ["aitrading_nodes"] }]);
    let graph = json!({
        "_id": "_graphs/aitrading_services", "_rev": "_a", "name": "aitrading_services", "edgeDefinitions": edges,
        "orphanCollections": [], "numberOfShards": 1, "replicationFactor": 1, "isSmart": false, "isDisjoint": false,
        "isSatellite": false,
    });
    (operation, Reply::Json(status, json!({ "error": false, "code": status, "graph": graph })))
}

/// The server is new enough and has everything.
pub(crate) fn set_up() -> Vec<Step> {
    let collections = vec![version("3.12.5"), collection(2), collection(2), collection(3)];
    [collections, indexes(200), vec![graph(GRAPH, 200, "aitrading_steps")]].concat()
}

fn transaction(operation: &'static str, status: u16, state: &str) -> Step {
    let body = json!({ "error": false, "code": status, "result": { "id": "649", "status": state } });
    (operation, Reply::Json(status, body))
}

fn rows(rows: &Value) -> Step {
    let body = json!({ "error": false, "code": 201, "result": rows, "hasMore": false, "cached": false });
    (CURSOR, Reply::Json(201, body))
}

/// Statements that answer with these rows, in one transaction.
fn written(answers: &[Value]) -> Vec<Step> {
    let begin = transaction(BEGIN, 201, "running");
    [vec![begin], answers.iter().map(rows).collect(), vec![transaction(COMMIT, 200, "committed")]].concat()
}

fn name(text: &str) -> GraphName {
    GraphName::new(text).unwrap()
}

pub(crate) fn shape() -> ChainShape {
    let edge =
        |source: &str, target: &str| GraphEdge { source: name(source), target: name(target), kind: name("call") };
    let nodes = ["c", "a", "b"].map(name).to_vec();
    ChainShape { chain: name("A.1"), nodes, edges: vec![edge("b", "c"), edge("a", "b")] }
}

fn run<T>(steps: Vec<Step>, work: impl AsyncFnOnce(&ArangoChains) -> T) -> Option<(T, Vec<Seen>)> {
    let mock = Mock::start(contract::arango()?, steps);
    let graph = arango(&env(), &settings(mock.port()));
    let result = block_on(work(&graph));
    Some((result, mock.finish()))
}

/// The same behind a server that has everything.
fn run_ready<T>(steps: Vec<Step>, work: impl AsyncFnOnce(&ArangoChains) -> T) -> Option<(T, Vec<Seen>)> {
    let start = set_up();
    let skipped = start.len();
    let (result, seen) = run([start, steps].concat(), work)?;
    Some((result, seen.into_iter().skip(skipped).collect()))
}

fn body(seen: &Seen) -> &Value {
    seen.body.as_ref().unwrap()
}

async fn through(graph: &ArangoChains) -> Result<Vec<GraphName>, StoreError> {
    graph.chains_through(ONE, &name("a")).await
}

#[test]
fn contract_what_is_absent_is_made_and_looked_at() {
    let document = json!({ "error": false, "code": 201, "result": true });
    for (database, status, made) in [
        (Reply::Json(201, document), 201, Reply::Json(201, json!({}))),
        // Another instance makes the same at the same time.
        (refused(409, 1207), 409, refused(409, 1207)),
    ] {
        let make = |kind, steps: &mut Vec<Step>| {
            steps.push((COLLECTION, refused(404, 1203)));
            steps.push(if status == 201 { made_collection(kind) } else { (MAKE_COLLECTION, made.clone()) });
            steps.push(collection(kind));
        };
        let mut steps = vec![(VERSION, refused(404, 1228)), (MAKE_DATABASE, database), version("3.12.0")];
        [2, 2, 3].into_iter().for_each(|kind| make(kind, &mut steps));
        steps.extend(indexes(201));
        steps.push((GRAPH, refused(404, 1924)));
        steps.push(if status == 201 {
            graph(MAKE_GRAPH, 201, "aitrading_steps")
        } else {
            (MAKE_GRAPH, refused(409, 1925))
        });
        steps.push(graph(GRAPH, 200, "aitrading_steps"));
        steps.push(rows(&json!([])));
        let Some((found, seen)) = run(steps, through).map(|(found, seen)| (found.unwrap(), seen)) else { return };
        assert!(found.is_empty());
        assert!(seen.iter().all(|seen| seen.header("authorization") == Some(BASIC)));
        assert_eq!(body(&seen[1]), &json!({ "name": "aitrading" }));
        let made: Vec<_> =
            [4, 7, 10].map(|at| (body(&seen[at])["name"].clone(), body(&seen[at])["type"].clone())).to_vec();
        let expected = [("aitrading_chains", 2), ("aitrading_nodes", 2), ("aitrading_steps", 3)];
        assert_eq!(made, expected.map(|(name, kind)| (json!(name), json!(kind))));
        assert!([4, 7, 10].iter().all(|at| body(&seen[*at])["waitForSync"] == true));
        let unique: Vec<_> =
            seen[12..16].iter().map(|seen| (seen.query.as_str(), body(seen)["unique"] == true)).collect();
        let [chains, nodes, steps] = ["chains", "nodes", "steps"].map(|name| format!("collection=aitrading_{name}"));
        assert_eq!(unique, [(chains.as_str(), true), (&chains, false), (&nodes, true), (&steps, true)]);
    }
}

#[test]
fn contract_other_collections_and_graphs_are_left_alone() {
    let start = || vec![version("3.12.5"), collection(2), collection(2)];
    for steps in [
        [start(), vec![collection(2)]].concat(),
        [start(), vec![collection(3)], indexes(200), vec![graph(GRAPH, 200, "others")]].concat(),
    ] {
        let Some((found, _)) = run(steps, through) else { return };
        assert_eq!(found.unwrap_err().dna().code, "STORE_CONFLICT");
    }
}

#[test]
fn contract_an_old_server_is_refused() {
    for old in ["3.11.14", "devel"] {
        let Some(((found, probed), _)) =
            run(vec![version(old), version(old)], async |graph| (through(graph).await, graph.probe().await))
        else {
            return;
        };
        assert_eq!(found.unwrap_err().dna().code, "STORE_VERSION_TOO_OLD", "{old}");
        assert_eq!(probed.unwrap_err().dna().code, "STORE_VERSION_TOO_OLD", "{old}");
    }
}

#[test]
fn contract_health_says_what_is_not_proved() {
    let Some((health, _)) = run(vec![version("3.12.5")], async |graph| {
        graph.probe().await.unwrap();
        graph.health()
    }) else {
        return;
    };
    assert_eq!((health.state, health.version.as_deref()), (LinkState::Up, Some("3.12.5")));
    assert_eq!(health.note.as_deref(), Some(UNPROVEN));
}

#[test]
fn contract_a_chain_is_written_in_one_transaction() {
    let answers = vec![json!([]); 5];
    let Some((put, seen)) = run_ready(written(&answers), async |graph| graph.put(ONE, shape()).await) else { return };
    put.unwrap();
    let collections = json!({ "exclusive": ["aitrading_chains"], "write": ["aitrading_nodes", "aitrading_steps"] });
    assert_eq!((&body(&seen[0])["collections"], &body(&seen[0])["waitForSync"]), (&collections, &json!(true)));
    assert!(seen[1..=5].iter().all(|seen| seen.header("x-arango-trx-id") == Some("649")));
    assert!(seen[6].path.ends_with("/_api/transaction/649"));
    let bound: Vec<&Value> = seen[1..=5].iter().map(|seen| &body(seen)["bindVars"]).collect();
    assert_eq!(bound[0], &json!({ "chain": "1:A.1" }));
    let edges = json!([["a", "b", "call"], ["b", "c", "call"]]);
    let document = json!({ "_key": "1:A.1", "tenant": "1", "name": "A.1", "nodes": ["a", "b", "c"], "edges": edges });
    assert_eq!(bound[1], &json!({ "document": document }));
    let keys: Vec<&Value> = bound[2]["nodes"].as_array().unwrap().iter().map(|node| &node["_key"]).collect();
    assert_eq!(keys, ["1:a", "1:b", "1:c"]);
    assert_eq!(bound[3]["steps"][0]["_from"], "aitrading_nodes/1:a");
    assert_eq!(bound[4], &json!({ "tenant": "1" }));
}

#[test]
fn contract_a_write_that_fails_is_given_up_as_a_whole() {
    let begin = || transaction(BEGIN, 201, "running");
    let abort = || transaction(ABORT, 200, "aborted");
    let good = || rows(&json!([]));
    for (steps, code) in [
        (vec![(BEGIN, refused(403, 11))], "STORE_UNAUTHORISED"),
        (vec![begin(), (CURSOR, refused(409, 1200)), abort()], "STORE_CONFLICT"),
        (vec![begin(), good(), good(), (CURSOR, refused(403, 1004)), abort()], "STORE_READ_ONLY"),
        (vec![begin(), good(), (CURSOR, refused(500, 1104)), (ABORT, refused(404, 1655))], "STORE_FULL"),
        (vec![begin(), (CURSOR, Reply::Hangup), abort()], "STORE_UNAVAILABLE"),
        (
            vec![begin(), good(), good(), good(), good(), good(), (COMMIT, Reply::Empty(503)), abort()],
            "STORE_UNAVAILABLE",
        ),
    ] {
        let Some((put, _)) = run_ready(steps, async |graph| graph.put(ONE, shape()).await) else { return };
        assert_eq!(put.unwrap_err().dna().code, code);
    }
}

#[test]
fn contract_a_write_goes_on_when_nobody_waits_for_it() {
    let Some(contract) = contract::arango() else { return };
    let steps = [set_up(), written(&vec![json!([]); 5])].concat();
    let (before, all) = (set_up().len(), steps.len());
    let mock = Mock::start(contract, steps);
    let graph = arango(&env(), &settings(mock.port()));
    block_on(async {
        tokio::select! {
            biased;
            () = mock.asked(before + 1) => {}
            done = graph.put(ONE, shape()) => panic!("it was not interrupted: {done:?}"),
        }
        mock.asked(all).await;
    });
    mock.finish();
}

#[test]
fn contract_removing_says_whether_there_was_a_chain() {
    for (removed, expected) in [(json!(["1:A.1"]), true), (json!([]), false)] {
        let steps = written(&[json!([]), removed, json!([])]);
        let Some((gone, seen)) = run_ready(steps, async |graph| graph.remove(ONE, &name("A.1")).await) else { return };
        assert_eq!(gone.unwrap(), expected);
        assert_eq!(body(&seen[2])["bindVars"], json!({ "chain": "1:A.1" }));
    }
}

#[test]
fn contract_a_shape_is_read_or_absent() {
    let edges = json!([["a", "b", "call"], ["b", "c", "call"]]);
    let document = json!({
        "_id": "aitrading_chains/1:A.1", "_key": "1:A.1", "_rev": "_a", "tenant": "1", "name": "A.1",
        "nodes": ["a", "b", "c"], "edges": edges,
    });
    let mut sorted = shape();
    sorted.edges.sort();
    sorted.nodes.sort();
    for (reply, expected) in [
        (Reply::Json(200, document), Ok(Some(sorted))),
        (refused(404, 1202), Ok(None)),
        (refused(404, 1203), Err("STORE_CORRUPT")),
        (Reply::Empty(404), Err("STORE_CORRUPT")),
        (Reply::Json(200, json!({})), Err("STORE_CORRUPT")),
        (Reply::Text(200, "<html>"), Err("STORE_CORRUPT")),
    ] {
        let Some((read, seen)) = run_ready(vec![(DOCUMENT, reply)], async |graph| graph.shape(ONE, &name("A.1")).await)
        else {
            return;
        };
        assert_eq!(read.map_err(|error| error.dna().code), expected);
        assert!(seen[0].path.ends_with("/document/aitrading_chains/1:A.1"));
    }
}

#[test]
fn contract_a_walk_is_bounded_and_bound() {
    let found = json!([{ "depth": 1, "node": "b" }, { "depth": 2, "node": "a" }, { "depth": 1, "node": "B" }]);
    let reached = |depth, node: &str| Reached { depth, node: name(node) };
    for (direction, word, depth_max, depth) in
        [(Direction::Downstream, "OUTBOUND", u32::MAX, 1_000), (Direction::Upstream, "INBOUND", 2, 2)]
    {
        let work = async |graph: &ArangoChains| graph.reach(ONE, &name("a"), direction, depth_max).await;
        let Some((walked, seen)) = run_ready(vec![rows(&found)], work) else { return };
        assert_eq!(walked.unwrap(), [reached(1, "B"), reached(1, "b"), reached(2, "a")]);
        assert!(body(&seen[0])["query"].as_str().unwrap().contains(word));
        let bound =
            json!({ "depth": depth, "start": "aitrading_nodes/1:a", "graph": "aitrading_services", "limit": 1_000 });
        assert_eq!(body(&seen[0])["bindVars"], bound);
    }
    let nowhere = async |graph: &ArangoChains| graph.reach(ONE, &name("a"), Direction::Upstream, 0).await;
    let Some((walked, _)) = run(vec![], nowhere) else { return };
    assert_eq!(walked.unwrap(), []);
}

#[test]
fn contract_a_long_answer_is_fetched_to_its_end() {
    let part = |status: u16, rows: Value, more: bool| {
        let id = if more { json!("123") } else { json!("0") };
        let body =
            json!({ "error": false, "code": status, "result": rows, "hasMore": more, "id": id, "cached": false });
        Reply::Json(status, body)
    };
    let steps = vec![
        (CURSOR, part(201, json!(["b", "C"]), true)),
        (MORE, part(200, json!(["a"]), true)),
        (MORE, part(200, json!([]), false)),
    ];
    let Some((chains, seen)) = run_ready(steps, through) else { return };
    assert_eq!(chains.unwrap(), ["C", "a", "b"].map(name));
    assert_eq!(body(&seen[0])["bindVars"], json!({ "tenant": "1", "node": "a" }));
    assert!(seen[2].path.ends_with("/_api/cursor/123"));
    let hostile = vec![(
        CURSOR,
        Reply::Json(
            201,
            json!({
                "error": false, "code": 201, "result": [], "hasMore": true, "id": "../database", "cached": false,
            }),
        ),
    )];
    let Some((chains, _)) = run_ready(hostile, through) else { return };
    assert_eq!(chains.unwrap_err().dna().code, "STORE_CORRUPT");
}
