//! Changes: under a key, once, with a body that names nothing else, and with what follows from them.

use super::{ACCOUNT, DEVICE, OTHER, TENANT, World};
use crate::views::hex;
use aitrading_model::Timestamp;
use aitrading_security::{access::Role, login::Level};
use aitrading_store::{LoginSession, LoginSessionId, RevocationKind, UserId, UserRole, Version};
use std::time::Duration;

fn user_path() -> String {
    format!("/api/v1/users/{}", hex(&OTHER.0))
}

async fn world() -> World {
    let world = World::new().await;
    world.user(OTHER, "carol", UserRole::Subscriber).await;
    world.subscribe(ACCOUNT).await;
    let session = LoginSession {
        tenant: TENANT,
        id: LoginSessionId([1; 16]),
        user: OTHER,
        device: None,
        state: b"REFRESH-FAMILY".to_vec(),
        created_at: world.now(),
        expires_at: world.now().plus(Duration::from_hours(9)),
        ended: None,
    };
    world.platform.login_sessions.put(session, Version::NONE).await.unwrap();
    world
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_changes_nothing_twice() {
    let world = world().await;
    let (operator, path) = (world.operator(), user_path());
    let (first_body, other_body) = (r#"{"note":"first"}"#, r#"{"note":"second"}"#);
    let first = world.change_as(&operator, ("PUT", &path), "k1", first_body).await;
    assert_eq!((first.status, &first.body["note"]), (200, &"first".into()));
    assert!(!first.headers.contains_key("idempotent-replay"));
    world.change_as(&operator, ("PUT", &path), "k2", other_body).await;
    let again = world.change_as(&operator, ("PUT", &path), "k1", first_body).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.headers["idempotent-replay"], "true");
    assert_eq!(world.get(&operator, &path).await.body["note"], "second", "nothing was done again");
    assert_eq!(world.taken_down().len(), 2);
    let reused = world.change_as(&operator, ("PUT", &path), "k1", other_body).await;
    assert_eq!((reused.status, reused.code()), (422, "API_KEY_REUSED"));
    // The key of one is nothing to another.
    let colleague = world.person(UserId([6; 16]), Role::Operator, Level::stepped_up(world.now()));
    let theirs = world.change_as(&colleague, ("PUT", &path), "k1", r#"{"note":"third"}"#).await;
    assert_eq!((theirs.status, &theirs.body["note"]), (200, &"third".into()));
    // A day later it is free.
    world.clock.advance(Duration::from_hours(25));
    world.tokens.load([], aitrading_security::token::Moment::of(&*world.env.clock));
    let later = world.change_as(&world.operator(), ("PUT", &path), "k1", other_body).await;
    assert_eq!((later.status, later.headers.contains_key("idempotent-replay")), (200, false));
}

#[tokio::test]
async fn of_many_at_once_under_one_key_one_is_done() {
    let world = world().await;
    let (operator, path) = (world.operator(), user_path());
    // Each is made on a task of its own.
    let many = (0..32).map(|_| world.change_as(&operator, ("PUT", &path), "same", r#"{"note":"once"}"#));
    let answers = futures_util::future::join_all(many).await;
    assert_eq!(world.taken_down(), ["users.change"]);
    assert!(answers.iter().all(|a| a.status == 200 || (a.status, a.code()) == (409, "API_KEY_BUSY")), "{answers:?}");
    assert!(answers.iter().any(|a| a.status == 200));
}

#[tokio::test]
async fn a_change_needs_a_key_and_a_body_that_is_expected() {
    let world = world().await;
    let (operator, path) = (world.operator(), user_path());
    let json = ("content-type", "application/json");
    let bare = world.send(World::request(&operator, "PUT", &path, &[json], b"{}")).await;
    assert_eq!((bare.status, bare.code()), (400, "API_KEY_MISSING"));
    for key in ["", "a b", &"k".repeat(65), "\u{7f}"] {
        let headers = [json, ("idempotency-key", key)];
        let Ok(value) = aitrading_http::HeaderValue::from_str(key) else { continue };
        drop(value);
        let answer = world.send(World::request(&operator, "PUT", &path, &headers, b"{}")).await;
        assert_eq!(answer.code(), "API_KEY_MISSING", "{key:?}");
    }
    let no_type = world.send(World::request(&operator, "PUT", &path, &[("idempotency-key", "k")], b"{}")).await;
    assert_eq!(no_type.status, 415);
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    for (body, status) in [("", 400), ("{", 400), ("[]", 400), (r#"{"note":1}"#, 400), (deep.as_str(), 400)] {
        let headers = [json, ("idempotency-key", "k9")];
        let answer = world.send(World::request(&operator, "PUT", &path, &headers, body.as_bytes())).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let long = format!(r#"{{"note":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(world.change(&operator, "PUT", &path, &long).await.status, 413);
    let extra = world.change(&operator, "DELETE", &format!("{path}/sessions"), r#"{"a":1}"#).await;
    assert_eq!((extra.status, extra.code()), (400, "API_BODY"));
}

#[tokio::test]
async fn t32_nobody_sets_what_is_not_his_to_set() {
    let world = world().await;
    let (operator, path) = (world.operator(), user_path());
    for body in [
        r#"{"note":"a","is_admin":true}"#,
        r#"{"opaque":"00"}"#,
        r#"{"second_factor":""}"#,
        r#"{"id":"00000000000000000000000000000000"}"#,
        r#"{"tenant":2}"#,
        r#"{"role":"root"}"#,
        r#"{"role":"operator","role":"auditor"}"#,
    ] {
        let answer = world.change(&operator, "PUT", &path, body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    let subscription = format!("/api/v1/subscriptions/{ACCOUNT}");
    for extra in [r#""tenant":2"#, r#""account":8"#, r#""is_admin":true"#] {
        let body = format!(r#"{{"status":"active","expires_ms":1,"symbols":null,{extra}}}"#);
        assert_eq!(world.change(&operator, "PUT", &subscription, &body).await.status, 400, "{extra}");
    }
    // A subscriber reaches none of it, whatever the body says.
    let subscriber = world.person(OTHER, Role::Subscriber, Level::stepped_up(world.now()));
    let answer = world.change(&subscriber, "PUT", &path, r#"{"role":"operator"}"#).await;
    assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"));
}

#[tokio::test]
async fn who_loses_a_right_loses_what_was_issued_with_it() {
    let world = world().await;
    let operator = world.operator();
    let theirs = world.person(OTHER, Role::Subscriber, Level::Password);
    assert_eq!(world.get(&theirs, "/api/v1/me").await.status, 200);
    world.change(&operator, "PUT", &user_path(), r#"{"note":"a note ends nothing"}"#).await;
    assert_eq!(world.get(&theirs, "/api/v1/me").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let locked = world.change(&operator, "PUT", &user_path(), r#"{"status":"locked"}"#).await;
    assert_eq!((locked.status, &locked.body["status"]), (200, &"locked".into()));
    assert_eq!(world.get(&theirs, "/api/v1/me").await.code(), "TOKEN_REVOKED");
    let stored = world.platform.revocations.get(TENANT, RevocationKind::User, &OTHER.0).await.unwrap().unwrap();
    assert!(stored.not_before >= Timestamp(0) && stored.reason == "user.changed", "{stored:?}");
    let session = world.platform.login_sessions.get(TENANT, LoginSessionId([1; 16])).await.unwrap().unwrap();
    assert_eq!(session.value.ended.unwrap().reason, "user.changed");
}

#[tokio::test]
async fn nobody_changes_his_own_standing() {
    let world = world().await;
    world.user(UserId([2; 16]), "alice", UserRole::Operator).await;
    let (operator, path) = (world.operator(), format!("/api/v1/users/{}", "02".repeat(16)));
    for body in [r#"{"role":"auditor"}"#, r#"{"status":"locked"}"#] {
        let answer = world.change(&operator, "PUT", &path, body).await;
        assert_eq!((answer.status, answer.code()), (422, "API_REFUSED"), "{body}");
    }
    assert_eq!(world.change(&operator, "DELETE", &path, "").await.code(), "API_REFUSED");
    assert_eq!(world.change(&operator, "PUT", &path, r#"{"note":"me"}"#).await.status, 200);
}

#[tokio::test]
async fn an_erased_user_is_gone_with_all_that_was_issued() {
    let world = world().await;
    let theirs = world.person(OTHER, Role::Subscriber, Level::Password);
    world.clock.advance(Duration::from_secs(1));
    let answer = world.change(&world.operator(), "DELETE", &user_path(), "").await;
    assert_eq!((answer.status, &answer.body), (204, &serde_json::Value::Null));
    assert_eq!(world.get(&world.operator(), &user_path()).await.status, 404);
    assert_eq!(world.get(&theirs, "/api/v1/me").await.code(), "TOKEN_REVOKED");
    assert_eq!(world.change(&world.operator(), "DELETE", &user_path(), "").await.status, 404);
}

#[tokio::test]
async fn a_revoked_installation_is_out_at_once() {
    let world = world().await;
    let device = world.device();
    assert_eq!(world.get(&device, "/api/v1/me").await.status, 200);
    let risk = world.device_of(TENANT, ACCOUNT, DEVICE);
    let token = world.token(
        UserId([5; 16]),
        Role::RiskOfficer,
        Level::SecondFactor,
        aitrading_security::sha256(&risk.certificates[0]),
    );
    let officer = super::Asker { token: Some(token), ..risk };
    let path = format!("/api/v1/devices/{ACCOUNT}/{DEVICE}/revoke");
    let answer = world.change(&officer, "POST", &path, "").await;
    assert_eq!((answer.status, &answer.body["revoked"]), (200, &true.into()), "{answer:?}");
    for asker in [&device, &officer] {
        assert_eq!(world.get(asker, "/api/v1/me").await.code(), "API_DEVICE_REFUSED");
    }
}

#[tokio::test]
async fn subscriptions_are_put_and_read_back() {
    let world = world().await;
    let (operator, path) = (world.operator(), "/api/v1/subscriptions/55");
    assert_eq!(world.get(&operator, path).await.status, 404);
    let body = r#"{"status":"active","expires_ms":1800000000000,"symbols":["EURUSD","XAUUSD"],"auto_trading":true,
        "tier":"gold","features":["signals"],"region":"eu","payment":"paid"}"#;
    let put = world.change(&operator, "PUT", path, body).await;
    assert_eq!(put.status, 200, "{put:?}");
    let got = world.get(&operator, path).await.body;
    assert_eq!(got, put.body);
    assert_eq!((&got["tier"], &got["payment"], &got["symbols"][1]), (&"gold".into(), &"paid".into(), &"XAUUSD".into()));
    for (wrong, status) in [
        (r#"{"status":"active","expires_ms":1,"symbols":[""]}"#, 400),
        (r#"{"status":"active","expires_ms":1,"symbols":null,"tier":"GOLD!"}"#, 422),
        (r#"{"status":"active","expires_ms":9223372036854775807,"symbols":null}"#, 400),
        (r#"{"status":"active","expires_ms":1,"symbols":null,"user":"carol"}"#, 400),
    ] {
        assert_eq!(world.change(&operator, "PUT", path, wrong).await.status, status, "{wrong}");
    }
    assert_eq!(world.get(&operator, path).await.body, got, "what is refused changes nothing");
}
