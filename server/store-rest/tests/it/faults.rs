//! What becomes of calls when the server refuses, is slow, is gone or says too much.

use crate::{
    arango, contract,
    mock::{Mock, Reply, Step},
    weaviate,
    world::{self, PASSWORD, block_on, env, rotate, settings},
};
use aitrading_error::Coded;
use aitrading_model::TenantId;
use aitrading_store::{ChainGraph, GraphName, PatternIndex, StoreError};
use aitrading_store_rest::ANSWER_BYTES_MAX;
use serde_json::json;
use std::{net::TcpListener, time::Duration};

const META: &str = "GET /meta";
const VERSION: &str = "GET /_db/{database-name}/_api/version";

/// Asks each server for its version, with these answers.
fn check_both(reply: &Reply, code: &str) {
    let (Some(weaviate), Some(arango)) = (contract::weaviate(), contract::arango()) else { return };
    let tell = |who: &str, result: Result<(), StoreError>| {
        let error = result.expect_err(who);
        assert_eq!(error.dna().code, code, "{who}: {}", aitrading_error::chain(&error));
        assert!(!error.to_string().contains(PASSWORD) && !format!("{error:?}").contains(PASSWORD));
    };
    let mock = Mock::start(weaviate, vec![(META, reply.clone())]);
    tell("Weaviate", block_on(world::weaviate(&env(), &settings(mock.port())).probe()));
    assert_eq!(mock.finish().len(), 1);
    let mock = Mock::start(arango, vec![(VERSION, reply.clone())]);
    tell("ArangoDB", block_on(world::arango(&env(), &settings(mock.port())).probe()));
    assert_eq!(mock.finish().len(), 1);
}

#[test]
fn contract_each_refusal_has_its_error() {
    for (status, code) in [
        (400, "STORE_INVALID"),
        (401, "STORE_UNAUTHORISED"),
        (403, "STORE_UNAUTHORISED"),
        (404, "STORE_CORRUPT"),
        (408, "STORE_TOO_SLOW"),
        (409, "STORE_CONFLICT"),
        (412, "STORE_CONFLICT"),
        (422, "STORE_INVALID"),
        (429, "STORE_UNAVAILABLE"),
        (500, "STORE_UNAVAILABLE"),
        (503, "STORE_UNAVAILABLE"),
        (507, "STORE_FULL"),
        // A redirection is not followed: the password is for the configured server alone.
        (302, "STORE_UNAVAILABLE"),
        (307, "STORE_UNAVAILABLE"),
    ] {
        check_both(&Reply::Empty(status), code);
    }
}

#[test]
fn contract_answers_that_are_none_have_their_error() {
    let too_long = Reply::Promise(ANSWER_BYTES_MAX as u64 + 1);
    for (reply, code) in [
        (Reply::Hangup, "STORE_UNAVAILABLE"),
        (Reply::Promise(9), "STORE_UNAVAILABLE"),
        (Reply::Text(200, "<html>"), "STORE_CORRUPT"),
        (Reply::Text(200, ""), "STORE_CORRUPT"),
        (Reply::Text(502, "<html>"), "STORE_UNAVAILABLE"),
        (too_long, "STORE_CORRUPT"),
        (Reply::Endless, "STORE_CORRUPT"),
    ] {
        check_both(&reply, code);
    }
}

#[test]
fn contract_a_silent_server_is_waited_for_until_the_deadline() {
    let Some(contract) = contract::weaviate() else { return };
    let mock = Mock::start(contract, vec![(META, Reply::Silence)]);
    let mut settings = settings(mock.port());
    settings.limits.deadline = Duration::from_millis(200);
    let error = block_on(world::weaviate(&env(), &settings).probe()).unwrap_err();
    assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
    let chain = aitrading_error::chain(&error).to_string();
    assert!(chain.contains("200 ms"), "{chain}");
    mock.finish();
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let error = block_on(world::arango(&env(), &settings(port)).probe()).unwrap_err();
    assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
}

#[test]
fn contract_only_what_may_be_repeated_is() {
    let Some(contract) = contract::weaviate() else { return };
    let busy = || Reply::Empty(503);
    let tenants = json!([{ "name": "tenant-1-2" }]);
    let steps: Vec<Step> = [
        vec![(META, busy()), (META, Reply::Hangup)],
        weaviate::set_up(),
        vec![
            ("GET /schema/{className}/tenants", busy()),
            ("GET /schema/{className}/tenants", Reply::Json(200, tenants)),
        ],
        vec![("DELETE /objects/{className}/{id}", busy())],
    ]
    .concat();
    let mock = Mock::start(contract, steps);
    let mut settings = settings(mock.port());
    settings.limits.retries = 2;
    let removed = block_on(world::weaviate(&env(), &settings).remove(TenantId(1), [1; 16]));
    assert_eq!(removed.unwrap_err().dna().code, "STORE_UNAVAILABLE");
    mock.finish();
}

#[test]
fn contract_a_rotated_password_counts_for_the_next_call() {
    let Some(contract) = contract::weaviate() else { return };
    let mock = Mock::start(contract, vec![weaviate::meta("1.39.0"), weaviate::meta("1.39.0")]);
    let env = env();
    let index = world::weaviate(&env, &settings(mock.port()));
    block_on(async {
        index.probe().await.unwrap();
        rotate(&env, "newer");
        index.probe().await.unwrap();
    });
    let seen = mock.finish();
    let shown: Vec<_> = seen.iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(shown, [format!("Bearer {PASSWORD}"), "Bearer newer".to_owned()]);
}

#[test]
fn contract_what_breaks_the_ports_rules_is_not_sent() {
    let (Some(weaviate), Some(arango)) = (contract::weaviate(), contract::arango()) else { return };
    let mock = Mock::start(weaviate, vec![]);
    let index = world::weaviate(&env(), &settings(mock.port()));
    let near = aitrading_store::Near { limit: 0, ..weaviate::question() };
    assert_eq!(block_on(index.near(&near)).unwrap_err().dna().code, "STORE_INVALID");
    mock.finish();
    let mock = Mock::start(arango, vec![]);
    let graph = world::arango(&env(), &settings(mock.port()));
    let twice = GraphName::new("a").unwrap();
    let shape = aitrading_store::ChainShape { nodes: vec![twice.clone(), twice], ..arango::shape() };
    assert_eq!(block_on(graph.put(TenantId(1), shape)).unwrap_err().dna().code, "STORE_INVALID");
    mock.finish();
}
