//! Who gets in: certificates, tokens, installations; and what every answer carries.

use super::{ACCOUNT, Asker, DEVICE, TENANT, World};
use aitrading_model::{AccountId, DeviceId, TenantId};
use aitrading_security::{
    access::Role,
    login::Level,
    sha256,
    token::{Moment, Revocation, RevocationScope, Subject},
};
use aitrading_store::{Device, UserId};
use std::time::Duration;

const ME: &str = "/api/v1/me";
const USER: UserId = UserId([8; 16]);

#[tokio::test]
async fn the_caller_is_told_whom_it_is_taken_for() {
    let world = World::new().await;
    let device = world.get(&world.device(), ME).await;
    assert_eq!(device.status, 200, "{device:?}");
    assert_eq!((&device.body["kind"], &device.body["level"]), (&"device".into(), &"certificate".into()));
    assert_eq!((&device.body["account"], &device.body["role"]), (&7.into(), &"subscriber".into()));
    let person = world.get(&world.person(USER, Role::Auditor, Level::SecondFactor), ME).await;
    assert_eq!((&person.body["kind"], &person.body["level"]), (&"user".into(), &"second factor".into()));
    let service = world.get(&world.service("operator"), ME).await;
    assert_eq!((&service.body["id"], &service.body["role"]), (&"operator".into(), &"operator".into()));
    // A step-up ends by itself.
    let fresh = world.operator();
    assert_eq!(world.get(&fresh, ME).await.body["level"], "fresh proof");
    world.clock.advance(Duration::from_mins(5));
    world.tokens.load([], Moment::of(&*world.env.clock));
    assert_eq!(world.get(&fresh, ME).await.body["level"], "second factor");
}

#[tokio::test]
async fn t16_a_stolen_token_is_worth_nothing_without_its_certificate() {
    let world = World::new().await;
    let good = world.person(USER, Role::Operator, Level::SecondFactor);
    assert_eq!(world.get(&good, ME).await.status, 200);
    let bare = Asker { certificates: Vec::new(), ..good.clone() };
    let answer = world.get(&bare, ME).await;
    assert_eq!((answer.status, answer.code()), (401, "API_TOKEN_UNBOUND"));
    // Another certificate, even of the same installation.
    for thief in [world.device(), world.service("dashboard")] {
        let answer = world.get(&Asker { token: good.token.clone(), ..thief }, ME).await;
        assert_eq!((answer.status, answer.code()), (401, "TOKEN_BINDING"));
        assert!(!answer.body["detail"].as_str().unwrap().contains("certificate"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_shown_has_to_be_good() {
    let world = World::new().await;
    let device = world.device();
    let nobody = Asker { certificates: vec![b"no certificate".to_vec()], token: None };
    assert_eq!(world.get(&nobody, ME).await.code(), "CERT_MALFORMED");
    for (scheme, code) in [
        ("Basic dXNlcjpwYXNz", "API_UNKNOWN"),
        ("Bearer", "API_UNKNOWN"),
        ("Bearer ", "API_UNKNOWN"),
        ("Bearer a b", "API_UNKNOWN"),
        ("Bearer a", "TOKEN_MALFORMED"),
        ("bEaReR a.b.c", "TOKEN_MALFORMED"),
    ] {
        let request = World::request(&device, "GET", ME, &[("authorization", scheme)], b"");
        let answer = world.send(request).await;
        assert_eq!((answer.status, answer.code()), (401, code), "{scheme}");
    }
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
    assert_eq!(world.send(World::request(&device, "GET", ME, &twice, b"")).await.status, 401);
    // A token of an hour ago.
    let old = world.person(USER, Role::Operator, Level::SecondFactor);
    world.clock.advance(Duration::from_hours(1));
    world.tokens.load([], Moment::of(&*world.env.clock));
    let late = world.get(&Asker { token: old.token, ..world.device() }, ME).await;
    assert!(late.status == 401, "{late:?}");
}

#[tokio::test]
async fn an_installation_is_enrolled_not_revoked_and_comes_with_its_certificate() {
    let world = World::new().await;
    let stranger = world.device_of(TENANT, AccountId(8), DEVICE);
    assert_eq!(world.get(&stranger, ME).await.code(), "API_DEVICE_REFUSED");
    let other = world.device_of(TenantId(2), ACCOUNT, DEVICE);
    assert_eq!(world.get(&other, ME).await.code(), "API_DEVICE_REFUSED");
    let (now, next, old) = (world.device(), world.device(), world.device());
    let hash = |asker: &Asker| Some(sha256(&asker.certificates[0]));
    let device = Device {
        certificate: hash(&now),
        next_certificate: hash(&next),
        ..Device::new(TENANT, ACCOUNT, DEVICE, [1; 32])
    };
    world.stores.devices.put(device).await.unwrap();
    assert_eq!(world.get(&now, ME).await.status, 200);
    assert_eq!(world.get(&next, ME).await.status, 200, "it may go on with the one that it was given");
    assert_eq!(world.get(&old, ME).await.code(), "API_DEVICE_REFUSED", "an old one is over before its time");
    world.stores.devices.put(Device { revoked: true, ..device }).await.unwrap();
    for asker in [now, next] {
        let answer = world.get(&asker, ME).await;
        assert_eq!((answer.status, answer.code()), (401, "API_DEVICE_REFUSED"));
    }
}

#[tokio::test]
async fn t24_a_revoked_token_is_refused_and_an_unknown_list_refuses_all() {
    let world = World::new().await;
    let asker = world.person(USER, Role::Operator, Level::SecondFactor);
    assert_eq!(world.get(&asker, ME).await.status, 200);
    let scope = RevocationScope::User { tenant: TENANT, subject: Subject(USER.0) };
    world.tokens.revoke(Revocation { scope, at: world.now() }, Moment::of(&*world.env.clock));
    assert_eq!(world.get(&asker, ME).await.code(), "TOKEN_REVOKED");
    let other = world.person(UserId([1; 16]), Role::Operator, Level::SecondFactor);
    assert_eq!(world.get(&other, ME).await.status, 200);
    world.clock.advance(Duration::from_secs(61));
    let answer = world.get(&other, ME).await;
    assert_eq!((answer.status, answer.code()), (503, "REVOCATION_UNKNOWN"));
}

#[tokio::test]
async fn a_token_of_another_installation_is_refused() {
    let world = World::new().await;
    let there = DeviceId([6; 16]);
    world.stores.devices.put(Device::new(TENANT, ACCOUNT, there, [2; 32])).await.unwrap();
    let asker = world.device_of(TENANT, ACCOUNT, there);
    // Issued for the first installation, by mistake over the second one's certificate.
    let token = world.token(USER, Role::Operator, Level::SecondFactor, sha256(&asker.certificates[0]));
    let answer = world.get(&Asker { token: Some(token), ..asker }, ME).await;
    assert_eq!((answer.status, answer.code()), (401, "API_TOKEN_UNBOUND"));
}

#[tokio::test]
async fn every_answer_carries_its_trace_and_number() {
    let world = World::new().await;
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for target in [ME, "/nowhere", "/api/v1/openapi.json", "/api"] {
        let headers = [("traceparent", given), ("x-request-id", "mine-1")];
        let answer = world.send(World::request(&world.device(), "GET", target, &headers, b"")).await;
        let trace = answer.headers["traceparent"].to_str().unwrap();
        assert!(trace.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && trace != given, "{target}: {trace}");
        assert_eq!(answer.headers["x-request-id"], "mine-1", "{target}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_told() {
    let world = World::new().await;
    let operator = world.operator();
    for target in ["/api/v1/nothing", "/api/v1/users/", "//api/v1/users", "/api/v1/users/a/b/c/d/e/f/g/h"] {
        let answer = world.get(&operator, target).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{target}");
    }
    let answer = world.change(&operator, "POST", "/api/v1/users", "").await;
    assert_eq!((answer.status, answer.headers["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    let answer = world.get(&operator, "/api/v1/users/zz").await;
    assert_eq!((answer.status, answer.code()), (400, "API_PATH"));
    for query in ["limit=0", "limit=1001", "limit=ten", "after=A%20B", "colour=red", "limit=1&limit=2"] {
        let answer = world.get(&operator, &format!("/api/v1/users?{query}")).await;
        assert_eq!((answer.status, answer.code()), (400, "API_QUERY"), "{query}");
    }
}

#[tokio::test]
async fn the_description_is_readable() {
    let world = World::new().await;
    let nobody = Asker::default();
    let page = world.get(&nobody, "/api").await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let document = world.get(&nobody, "/api/v1/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    for file in ["/api/api.css", "/api/api.js"] {
        assert_eq!(world.get(&nobody, file).await.status, 200, "{file}");
    }
}
