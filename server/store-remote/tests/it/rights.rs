//! Who may call what, for whom, and what a call has to look like.

use crate::world::{SILENCE, World, block_on, code, env, shown};
use aitrading_http::HttpError;
use aitrading_model::TenantId;
use aitrading_security::pki::{Authority, Issued};
use aitrading_store::{SequenceName, StoreError, conformance::sample};
use aitrading_store_remote::{DEADLINE, PORTS, RemoteStores, SERVICES, SMALL_BODY_MAX};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const TYPE: &str = "content-type";
const JSON: &str = "application/json";
const FRAMES: &str = "application/vnd.aitrading.frames";

fn refused(status: u16, code: &str) -> (u16, Value) {
    (status, Value::from(code))
}

#[test]
fn each_port_is_for_the_services_of_the_table_and_nobody_else() {
    block_on(async {
        let world = World::new().await;
        let strangers = ["auditor", "database-service", "data-bridge2", "x"];
        let mut who: Vec<(String, Issued)> =
            SERVICES.iter().chain(&strangers).map(|name| ((*name).to_owned(), world.service(0, name))).collect();
        who.push(("a device".to_owned(), world.device()));
        for port in PORTS {
            for (name, issued) in &who {
                // Nothing that could be done: the method's arguments are missing.
                let path = format!("{}/{}", port.name, port.methods[0].name);
                let asked = world.ask(issued, &path, json!({})).await;
                if port.who.contains(&name.as_str()) {
                    assert_eq!(asked, refused(400, "PORT_CALL_MALFORMED"), "{name} on {path}");
                } else {
                    assert_eq!(asked, refused(403, "PORT_ROLE_REFUSED"), "{name} on {path}");
                }
            }
        }
    });
}

#[test]
fn without_a_certificate_of_this_deployment_there_is_no_connection() {
    block_on(async {
        let world = World::new().await;
        let foreign = Authority::generate(&env(), Duration::from_hours(1)).unwrap();
        let foreign = foreign.issue_service(&env(), TenantId(0), "operator", Duration::from_hours(1)).unwrap();
        let path = "meta/get";
        let asked = world.post(&foreign, path, b"{}".to_vec(), &[(TYPE, JSON), (DEADLINE, "1000")]).await.unwrap_err();
        assert_eq!(code(&asked), "UNREACHABLE");
        let opened = RemoteStores::open(&env(), world.settings(&foreign)).await.unwrap_err();
        assert!(matches!(opened, StoreError::Unavailable { .. }), "{opened:?}");
        let device = RemoteStores::open(&env(), world.settings(&world.device())).await.unwrap_err();
        assert!(matches!(device, StoreError::Unauthorised { .. }), "{device:?}");
    });
}

#[test]
fn a_certificate_of_one_tenant_speaks_for_that_tenant_alone() {
    block_on(async {
        let world = World::new().await;
        let (own, all) = (world.service(1, "trading-engine"), world.service(0, "trading-engine"));
        let name = SequenceName::new("orders").unwrap();
        let remote = RemoteStores::open(&env(), world.settings(&own)).await.unwrap();
        let mark = remote.stores().ticks.mark().await;
        assert!(matches!(mark, Err(StoreError::Unauthorised { .. })), "the journal is of all tenants: {mark:?}");
        let next = |tenant: u64| json!({ "tenant": tenant, "name": name.as_str(), "n": 1 });
        assert_eq!(world.ask(&own, "sequences/next", next(1)).await, (200, json!(1)));
        for tenant in [0, 2, u64::MAX] {
            let asked = world.ask(&own, "sequences/next", next(tenant)).await;
            assert_eq!(asked, refused(403, "PORT_TENANT_REFUSED"), "tenant {tenant}");
            assert_eq!(world.platform.sequences.last(TenantId(tenant), &name).await.unwrap(), 0, "nothing was taken");
        }
        assert_eq!(world.ask(&all, "sequences/next", next(2)).await, (200, json!(1)));
        let nobody =
            [("ticks/mark", json!({})), ("signals/open", json!({ "limit": 1 })), ("shared/invalidations", json!({}))];
        let read = json!({ "key": "deployment" });
        for (path, arguments) in nobody.into_iter().chain([("meta/get", read)]) {
            assert_eq!(world.ask(&own, path, arguments.clone()).await, refused(403, "PORT_TENANT_REFUSED"), "{path}");
            assert_eq!(world.ask(&all, path, arguments).await.0, 200, "{path}");
        }
        let topic = |tenant| json!({ "tenant": tenant, "topic": "a", "consumer": "c" });
        assert_eq!(world.ask(&own, "events/subscribe", topic(2)).await, refused(403, "PORT_TENANT_REFUSED"));
        // The journal's mark is everybody's, also with changes of one's own tenant alone.
        let change = json!({ "State": { "tenant": 1, "signal": "00".repeat(16), "state": "Expired" } });
        let apply = json!({ "mark": { "segment": 1, "offset": 1 }, "changes": [change] });
        assert_eq!(world.ask(&own, "signals/apply", apply.clone()).await, refused(403, "PORT_TENANT_REFUSED"));
        assert_eq!(world.ask(&all, "signals/apply", apply).await, refused(409, "STORE_CONFLICT"), "no such signal");
        let commit = json!({ "commit": { "mark": { "segment": 1, "offset": 1 }, "sources": [] } });
        let bridge = world.service(1, "data-bridge");
        assert_eq!(world.ask(&bridge, "ticks/commit", commit).await, refused(403, "PORT_TENANT_REFUSED"));
        let scan = json!({ "source": sample::source(2, "GBPJPY") });
        assert_eq!(world.ask(&own, "ticks/scan", scan).await, refused(403, "PORT_TENANT_REFUSED"));
        // One row of another tenant among many is enough.
        let span = |tenant| {
            json!({ "tenant": tenant, "trace": "00".repeat(16), "span": "00".repeat(8), "parent": null,
            "chain": "A1", "source": null, "target": "t", "at": 1, "took_ns": 1, "code": null })
        };
        let mixed = json!({ "spans": [span(1), span(2)] });
        assert_eq!(world.ask(&own, "chain_traces/append", mixed).await, refused(403, "PORT_TENANT_REFUSED"));
        assert_eq!(world.ask(&own, "chain_traces/append", json!({ "spans": [span(1)] })).await, (200, Value::Null));
    });
}

#[test]
fn a_subscription_is_its_owners() {
    block_on(async {
        let world = World::new().await;
        let (one, other) = (world.service(1, "trading-engine"), world.service(2, "trading-engine"));
        let topic = json!({ "tenant": 1, "topic": "a", "consumer": "c" });
        let (status, opened) = world.ask(&one, "events/subscribe", topic).await;
        assert_eq!((status, &opened["durable"]), (200, &json!(false)));
        let session = opened["session"].as_str().unwrap();
        let acknowledge = json!({ "session": session, "place": 1 });
        let gone = refused(400, "PORT_SUBSCRIPTION_GONE");
        assert_eq!(world.ask(&other, "events/acknowledge", acknowledge.clone()).await, gone, "another tenant");
        assert_eq!(world.ask(&world.service(1, "operator"), "events/acknowledge", acknowledge.clone()).await, gone);
        assert_eq!(world.ask(&one, "shared/leave", json!({ "session": session })).await, gone, "another port");
        assert_eq!(world.ask(&one, "events/acknowledge", acknowledge.clone()).await, (200, Value::Null));
        assert_eq!(world.ask(&one, "events/leave", json!({ "session": session })).await, (200, Value::Null));
        assert_eq!(world.ask(&one, "events/acknowledge", acknowledge).await, gone);
    });
}

#[test]
fn a_call_is_what_the_table_says_or_it_is_refused() {
    block_on(async {
        let world = World::new().await;
        let who = world.service(0, "operator");
        let malformed = refused(400, "PORT_CALL_MALFORMED");
        let bad = [
            json!({ "key": "a", "value": "00", "more": 1 }),
            json!({ "key": "a" }),
            json!({ "key": 1, "value": "00" }),
            json!({ "key": "a", "value": "0" }),
            json!({ "key": "a", "value": "zz" }),
            json!(["a", "00"]),
            json!(null),
        ];
        for arguments in bad {
            assert_eq!(world.ask(&who, "meta/put", arguments.clone()).await, malformed, "{arguments}");
        }
        // Below the first level as well, and what breaks the rule of a name.
        let state = json!({ "tenant": 1, "login": "No Such" });
        assert_eq!(world.ask(&who, "users/by_login", state).await, malformed);
        let source = json!({ "tenant": 1, "account": 7, "symbol": "GBPJPY", "more": 1 });
        assert_eq!(world.ask(&who, "ticks/gaps", json!({ "source": source })).await, malformed);
        assert_eq!(world.stores.meta.get("a").await.unwrap(), None);
        for path in ["meta/drop", "nothing/get", "meta", "meta/get/more", "", "cache/get"] {
            assert_eq!(world.ask(&who, path, json!({})).await, refused(404, "PORT_UNKNOWN"), "{path:?}");
        }
        let body = || json!({ "key": "a" }).to_string().into_bytes();
        for deadline in [None, Some("0"), Some("-1"), Some("1.5"), Some("soon")] {
            let headers: Vec<(&'static str, &str)> =
                [(TYPE, JSON)].into_iter().chain(deadline.map(|ms| (DEADLINE, ms))).collect();
            let asked = shown(world.post(&who, "meta/get", body(), &headers).await.unwrap()).await;
            assert_eq!(asked, refused(400, "PORT_DEADLINE_MISSING"), "{deadline:?}");
        }
        for (kind, body) in [("text/plain", body()), (FRAMES, body()), (FRAMES, vec![]), (JSON, b"{".to_vec())] {
            let asked =
                shown(world.post(&who, "meta/get", body, &[(TYPE, kind), (DEADLINE, "9")]).await.unwrap()).await;
            assert_eq!(asked, malformed, "{kind}");
        }
        let far = [(TYPE, JSON), (DEADLINE, "18446744073709551615")];
        assert_eq!(
            shown(world.post(&who, "meta/get", body(), &far).await.unwrap()).await,
            (200, Value::Null),
            "capped"
        );
    });
}

#[test]
fn a_body_beyond_its_limit_is_refused_before_it_is_read() {
    block_on(async {
        let world = World::new().await;
        let who = world.service(0, "operator");
        let long = json!({ "key": "k".repeat(SMALL_BODY_MAX) }).to_string().into_bytes();
        match world.post(&who, "meta/get", long, &[(TYPE, JSON), (DEADLINE, "1000")]).await {
            Ok(reply) => assert_eq!(shown(reply).await, refused(413, "BODY_TOO_LARGE")),
            // The door may close before all of it is written.
            Err(cut) => assert!(matches!(cut, HttpError::Unreachable { .. }), "{cut:?}"),
        }
        // The client does not even send it, and says what is wrong.
        let remote = world.remote().await.stores();
        let refused = remote.meta.get(&"k".repeat(SMALL_BODY_MAX)).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    });
}

#[test]
fn rows_that_are_damaged_are_refused_whatever_byte_it_is() {
    block_on(async {
        let world = World::new().await;
        let who = world.service(0, "data-bridge");
        let commit = sample::commit(1, sample::part(sample::source(1, "GBPJPY"), 1, sample::ticks(0, 3)));
        let body = captured(&world, commit).await;
        let headers = [(TYPE, FRAMES), (DEADLINE, "20000")];
        let rows = body.windows(4).position(|four| four == [0xff; 4]).unwrap();
        for at in (rows..body.len()).step_by(7) {
            let mut damaged = body.clone();
            damaged[at] ^= 0x55;
            let reply = world.post(&who, "ticks/commit", damaged, &headers).await;
            let (status, code) = shown(reply.unwrap_or_else(|error| panic!("byte {at}: {error:?}"))).await;
            // Some bytes are fillings, and prices: then it is another good commit, or its mark is not beyond the stored one.
            let good = status == 200
                || code == "PORT_CALL_MALFORMED"
                || code == "STORE_ALREADY_DONE"
                || code == "STORE_INVALID";
            assert!(good, "byte {at}: {status} {code}");
        }
        for cut in [rows, rows + 9, body.len() - 1] {
            let reply = world.post(&who, "ticks/commit", body[..cut].to_vec(), &headers).await.unwrap();
            assert_eq!(shown(reply).await, refused(400, "PORT_CALL_MALFORMED"), "cut at {cut}");
        }
    });
}

/// The bytes that the client sends for a commit.
async fn captured(world: &World, commit: aitrading_store::TickCommit) -> Vec<u8> {
    use aitrading_http::{Handler, Request, Response};
    use std::sync::Mutex;

    struct Catch(Mutex<Vec<u8>>);

    #[async_trait::async_trait]
    impl Handler for Catch {
        async fn handle(&self, request: Request) -> Response {
            let first = request.path().ends_with("is_durable");
            let body = request.body.read(1 << 20).await.unwrap();
            if !first {
                *self.0.lock().unwrap() = body.to_vec();
            }
            aitrading_http::json(aitrading_http::StatusCode::OK, &if first { json!(false) } else { Value::Null })
        }
    }

    let catch = Arc::new(Catch(Mutex::default()));
    let mut other = World::over(world.stores.clone(), world.platform.clone(), world.hand.clone()).await;
    other.close().await;
    other.open_with(Arc::<Catch>::clone(&catch)).await;
    other.remote().await.stores().ticks.commit(commit).await.unwrap();
    let body = catch.0.lock().unwrap().clone();
    assert!(!body.is_empty(), "the commit was sent within {SILENCE:?}");
    body
}
