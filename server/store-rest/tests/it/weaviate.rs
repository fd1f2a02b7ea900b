//! Every operation of the adapter for Weaviate, in the form that the vendor describes.

use crate::{
    contract,
    mock::{Mock, Reply, Seen, Step},
    world::{PASSWORD, block_on, env, settings, weaviate},
};
use aitrading_database_link::LinkState;
use aitrading_error::Coded;
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Near, Pattern, PatternIndex, PatternKind};
use aitrading_store_rest::{UNPROVEN, WeaviatePatterns};
use serde_json::{Value, json};

const META: &str = "GET /meta";
const CLASS: &str = "GET /schema/{className}";
const MAKE_CLASS: &str = "POST /schema";
const TENANTS: &str = "GET /schema/{className}/tenants";
const TENANT: &str = "GET /schema/{className}/tenants/{tenantName}";
const WRITE: &str = "POST /batch/objects";
const SWEEP: &str = "DELETE /batch/objects";
const GRAPHQL: &str = "POST /graphql";
const DELETE: &str = "DELETE /objects/{className}/{id}";

const HOSTILE: &str = "\"}) { id } } # \\ \u{1b} é 🦀\r\n{{ $x }}";

pub(crate) fn meta(version: &str) -> Step {
    (META, Reply::Json(200, json!({ "hostname": "http://[::]:8080", "version": version, "modules": {} })))
}

fn class() -> Value {
    let property = |(name, kind): (&str, &str)| json!({ "name": name, "dataType": [kind] });
    let all = [
        ("kind", "int"),
        ("seconds", "number"),
        ("nanos", "number"),
        ("at", "text"),
        ("text", "text"),
        ("exact", "blob"),
    ];
    json!({
        "class": "AitradingPatterns",
        "vectorizer": "none",
        "vectorIndexConfig": { "distance": "cosine", "ef": -1 },
        "multiTenancyConfig": { "enabled": true, "autoTenantCreation": true, "autoTenantActivation": true },
        "properties": all.map(property),
    })
}

/// The server is new enough and has the collection.
pub(crate) fn set_up() -> Vec<Step> {
    vec![meta("1.39.2"), (CLASS, Reply::Json(200, class()))]
}

fn tenants(names: &[&str]) -> Step {
    let all = names.iter().map(|name| json!({ "name": name, "activityStatus": "ACTIVE" })).collect();
    (TENANTS, Reply::Json(200, Value::Array(all)))
}

fn pattern(id: u8, vector: &[f32]) -> Pattern {
    Pattern {
        tenant: TenantId(1),
        id: [id; 16],
        kind: PatternKind::Threat,
        vector: vector.to_vec(),
        text: HOSTILE.to_owned(),
        at: Timestamp(1_700_000_000_123_456_789),
    }
}

fn uuid(id: u8) -> String {
    let byte = format!("{id:02x}");
    [4, 2, 2, 2, 6].map(|bytes| byte.repeat(bytes)).join("-")
}

fn stored(ids: &[u8]) -> Reply {
    let one = |id: &u8| json!({ "class": "AitradingPatterns", "id": uuid(*id), "result": { "status": "SUCCESS" } });
    Reply::Json(200, ids.iter().map(one).collect())
}

pub(crate) fn question() -> Near {
    let (kind, since) = (Some(PatternKind::Threat), Some(Timestamp(0)));
    Near { tenant: TenantId(1), kind, vector: vec![1.0, 0.0], since, distance_max: 0.5, limit: 3 }
}

/// Runs the adapter against a script; answers with what came of it and what was asked after the steps of the start.
fn run<T>(steps: Vec<Step>, work: impl AsyncFnOnce(&WeaviatePatterns) -> T) -> Option<(T, Vec<Seen>)> {
    let mock = Mock::start(contract::weaviate()?, steps);
    let index = weaviate(&env(), &settings(mock.port()));
    let result = block_on(work(&index));
    Some((result, mock.finish()))
}

/// The same behind a server that has everything.
fn run_ready<T>(steps: Vec<Step>, work: impl AsyncFnOnce(&WeaviatePatterns) -> T) -> Option<(T, Vec<Seen>)> {
    let start = set_up();
    let skipped = start.len();
    let (result, seen) = run([start, steps].concat(), work)?;
    Some((result, seen.into_iter().skip(skipped).collect()))
}

#[test]
fn contract_an_absent_collection_is_made_and_looked_at() {
    for (status, made) in [(200, class()), (422, json!({ "error": [{ "message": "class name already exists" }] }))] {
        let steps = vec![
            meta("1.26.0"),
            (CLASS, Reply::Empty(404)),
            (MAKE_CLASS, Reply::Json(status, made)),
            (CLASS, Reply::Json(200, class())),
            tenants(&[]),
        ];
        let Some((count, seen)) = run(steps, async |index| index.count(TenantId(1)).await) else { return };
        assert_eq!(count.unwrap(), 0);
        let body = seen[2].body.as_ref().unwrap();
        assert_eq!((&body["class"], &body["vectorizer"]), (&json!("AitradingPatterns"), &json!("none")));
        assert_eq!(body["vectorIndexConfig"]["distance"], "cosine");
        assert_eq!(body["multiTenancyConfig"]["enabled"], true);
        for seen in seen {
            assert_eq!(seen.header("authorization"), Some(format!("Bearer {PASSWORD}").as_str()));
        }
    }
}

#[test]
fn contract_another_collection_is_refused_until_it_is_changed() {
    let mut other = class();
    other["multiTenancyConfig"]["enabled"] = json!(false);
    let steps = [vec![meta("1.39.0"), (CLASS, Reply::Json(200, other))], set_up(), vec![tenants(&[])]].concat();
    let twice = async |index: &WeaviatePatterns| (index.count(TenantId(1)).await, index.count(TenantId(1)).await);
    let Some(((first, second), _)) = run(steps, twice) else { return };
    assert_eq!(first.unwrap_err().dna().code, "STORE_CONFLICT");
    assert_eq!(second.unwrap(), 0);
}

#[test]
fn contract_an_old_or_unreadable_server_is_refused() {
    for version in ["1.25.9", "", "unknown"] {
        let Some((probed, _)) = run(vec![meta(version)], async |index| index.probe().await) else { return };
        assert_eq!(probed.unwrap_err().dna().code, "STORE_VERSION_TOO_OLD", "{version:?}");
    }
    let no_version = vec![(META, Reply::Json(200, json!({ "hostname": "http://[::]:8080" })))];
    let Some((probed, _)) = run(no_version, async |index| index.probe().await) else { return };
    assert_eq!(probed.unwrap_err().dna().code, "STORE_CORRUPT");
}

#[test]
fn contract_health_says_what_is_not_proved() {
    let work = async |index: &WeaviatePatterns| {
        let before = index.health();
        index.probe().await.unwrap();
        (before, index.health())
    };
    let Some(((before, after), _)) = run(vec![meta("1.39.2")], work) else { return };
    assert_eq!((before.state, before.version), (LinkState::Unknown, None));
    assert_eq!((after.state, after.version.as_deref()), (LinkState::Up, Some("1.39.2")));
    assert_eq!((before.note.as_deref(), after.note.as_deref()), (Some(UNPROVEN), Some(UNPROVEN)));
    assert!(after.latency_us.is_some() && after.part().detail.contains(UNPROVEN));
}

#[test]
fn contract_patterns_are_written_and_what_they_replace_is_removed() {
    let removed =
        json!({ "output": "minimal", "results": { "matches": 1, "limit": 10_000, "successful": 1, "failed": 0 } });
    let steps = vec![
        (WRITE, stored(&[1, 2])),
        tenants(&["tenant-1-2", "tenant-1-3", "tenant-2-3", "tenant-1", "somebody"]),
        (SWEEP, Reply::Json(200, removed.clone())),
        (SWEEP, Reply::Json(200, removed)),
    ];
    let patterns = vec![pattern(1, &[9.0, 9.0, 9.0]), pattern(2, &[1.0, 2.0, 3.0]), pattern(1, &[0.5, -0.25])];
    let Some((put, seen)) = run_ready(steps, async |index| index.put(patterns).await) else { return };
    put.unwrap();
    let objects = seen[0].body.as_ref().unwrap()["objects"].as_array().unwrap();
    let parts = |object: &Value| (object["id"].clone(), object["tenant"].clone(), object["vector"].clone());
    assert_eq!(
        objects.iter().map(parts).collect::<Vec<_>>(),
        [
            (json!(uuid(1)), json!("tenant-1-2"), json!([0.5, -0.25])),
            (json!(uuid(2)), json!("tenant-1-3"), json!([1.0, 2.0, 3.0])),
        ]
    );
    assert_eq!(objects[0]["properties"]["text"], HOSTILE);
    // Of each shard go those that are now on another one.
    for (seen, query, id) in [(&seen[2], "tenant=tenant-1-2", 2), (&seen[3], "tenant=tenant-1-3", 1)] {
        assert_eq!(seen.query, query);
        assert_eq!(seen.body.as_ref().unwrap()["match"]["where"]["valueTextArray"], json!([uuid(id)]));
    }
}

#[test]
fn contract_nothing_is_asked_for_nothing() {
    let Some((put, _)) = run(vec![], async |index| index.put(vec![]).await) else { return };
    put.unwrap();
}

#[test]
fn contract_many_patterns_go_in_several_requests() {
    let ids: Vec<u8> = (0..=250).collect();
    let steps = vec![(WRITE, stored(&ids[..200])), (WRITE, stored(&ids[200..])), tenants(&["tenant-1-1"])];
    let patterns = ids.iter().map(|id| pattern(*id, &[1.0])).collect();
    let Some((put, seen)) = run_ready(steps, async |index| index.put(patterns).await) else { return };
    put.unwrap();
    let sizes: Vec<usize> =
        seen[..2].iter().map(|seen| seen.body.as_ref().unwrap()["objects"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [200, 51]);
}

#[test]
fn contract_a_pattern_that_is_not_stored_is_no_success() {
    let failed = |message: &str| {
        let errors = json!({ "error": [{ "message": message }] });
        json!([{ "id": uuid(1), "result": { "status": "FAILED", "errors": errors } }])
    };
    for (answer, code) in [
        (failed("no leader"), "STORE_UNAVAILABLE"),
        (failed("store is read-only"), "STORE_READ_ONLY"),
        (json!([{ "id": uuid(1), "result": {} }]), "STORE_UNAVAILABLE"),
        (json!([{ "id": uuid(2), "result": { "status": "SUCCESS" } }]), "STORE_UNAVAILABLE"),
        (json!([]), "STORE_UNAVAILABLE"),
    ] {
        let steps = vec![(WRITE, Reply::Json(200, answer.clone()))];
        let Some((put, _)) = run_ready(steps, async |index| index.put(vec![pattern(1, &[1.0])]).await) else { return };
        assert_eq!(put.unwrap_err().dna().code, code, "{answer}");
    }
    let incomplete = json!({ "results": { "matches": 2, "limit": 10_000, "successful": 1, "failed": 1 } });
    let steps = vec![(WRITE, stored(&[1])), tenants(&["tenant-1-9"]), (SWEEP, Reply::Json(200, incomplete))];
    let Some((put, _)) = run_ready(steps, async |index| index.put(vec![pattern(1, &[1.0])]).await) else { return };
    assert_eq!(put.unwrap_err().dna().code, "STORE_UNAVAILABLE");
}

#[test]
fn contract_near_patterns_come_back_as_they_were_put() {
    let exact = "AACAPwAAAAA="; // 1.0, 0.0
    let found = |id: u8, distance: f64| {
        json!({
            "kind": 1, "at": "1700000000123456789", "text": HOSTILE, "exact": exact,
            "_additional": { "id": uuid(id), "distance": distance },
        })
    };
    let answer =
        json!({ "data": { "Get": { "AitradingPatterns": [found(2, 0.4), found(1, 0.0), found(3, 0.500_01)] } } });
    let ask = (GRAPHQL, Reply::Json(200, answer));
    let there = (TENANT, Reply::Json(200, json!({ "name": "tenant-1-2", "activityStatus": "ACTIVE" })));
    let twice = async |index: &WeaviatePatterns| (index.near(&question()).await, index.near(&question()).await);
    let Some(((first, second), seen)) = run_ready(vec![there, ask.clone(), ask], twice) else { return };
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    let expected = [pattern(1, &[1.0, 0.0]), pattern(2, &[1.0, 0.0])];
    assert_eq!(first.iter().map(|found| found.pattern.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(first.iter().map(|found| found.distance).collect::<Vec<_>>(), [0.0, 0.4]);
    assert!(seen[0].path.ends_with("/tenants/tenant-1-2"));
    let asked = seen[1].body.as_ref().unwrap()["query"].as_str().unwrap();
    for part in [r#"tenant: "tenant-1-2""#, "limit: 3", "vector: [1.0,0.0]", "valueInt: 1", "valueNumber: 0.0"] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[test]
fn contract_a_tenant_without_patterns_is_asked_for_every_time() {
    let absent = (TENANT, Reply::Empty(404));
    let twice = async |index: &WeaviatePatterns| (index.near(&question()).await, index.near(&question()).await);
    let Some(((first, second), _)) = run_ready(vec![absent.clone(), absent], twice) else { return };
    assert!(first.unwrap().is_empty() && second.unwrap().is_empty());
}

#[test]
fn contract_an_answer_with_an_error_is_none() {
    let there = || (TENANT, Reply::Json(200, json!({ "name": "tenant-1-2" })));
    for (answer, code) in [
        (json!({ "errors": [{ "message": "no leader" }] }), "STORE_UNAVAILABLE"),
        (json!({ "data": { "Get": {} }, "errors": [{ "message": "shard is read-only" }] }), "STORE_READ_ONLY"),
        (json!({}), "STORE_UNAVAILABLE"),
        (json!({ "data": { "Get": {} } }), "STORE_CORRUPT"),
        (json!({ "data": { "Get": { "AitradingPatterns": [{}] } } }), "STORE_CORRUPT"),
    ] {
        let steps = vec![there(), (GRAPHQL, Reply::Json(200, answer.clone()))];
        let Some((near, _)) = run_ready(steps, async |index| index.near(&question()).await) else { return };
        assert_eq!(near.unwrap_err().dna().code, code, "{answer}");
    }
}

#[test]
fn contract_a_pattern_is_removed_wherever_it_is() {
    let both = || tenants(&["tenant-1-2", "tenant-1-384", "tenant-11-2"]);
    let (gone, absent) = ((DELETE, Reply::Empty(204)), (DELETE, Reply::Empty(404)));
    for (steps, expected) in [
        (vec![both(), absent.clone(), gone], true),
        (vec![both(), absent.clone(), absent], false),
        (vec![tenants(&["tenant-11-2"])], false),
    ] {
        let Some((removed, seen)) = run_ready(steps, async |index| index.remove(TenantId(1), [7; 16]).await) else {
            return;
        };
        assert_eq!(removed.unwrap(), expected);
        for (seen, query) in seen.iter().skip(1).zip(["tenant=tenant-1-2", "tenant=tenant-1-384"]) {
            assert_eq!(
                (seen.path.as_str(), seen.query.as_str()),
                (format!("/v1/objects/AitradingPatterns/{}", uuid(7)).as_str(), query)
            );
        }
    }
}

#[test]
fn contract_patterns_are_counted_over_all_shards() {
    let counted = |n: u64| {
        let meta = json!({ "AitradingPatterns": [{ "meta": { "count": n } }] });
        (GRAPHQL, Reply::Json(200, json!({ "data": { "Aggregate": meta } })))
    };
    let steps = vec![tenants(&["tenant-1-2", "tenant-2-2", "tenant-1-3"]), counted(3), counted(4)];
    let Some((count, seen)) = run_ready(steps, async |index| index.count(TenantId(1)).await) else { return };
    assert_eq!(count.unwrap(), 7);
    for (seen, shard) in seen[1..].iter().zip(["tenant-1-2", "tenant-1-3"]) {
        assert!(seen.body.as_ref().unwrap()["query"].as_str().unwrap().contains(shard));
    }
}
