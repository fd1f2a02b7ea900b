//! Every operation of the published description: refused without a name and without a right, taken down if it changes
//! something, and limited. An operation that has no case here makes a test fail.

use super::{ACCOUNT, Asker, OTHER, TENANT, World, settings};
use crate::{
    GatewaySettings,
    endpoint::{Endpoint, Gate},
    table::ENDPOINTS,
    views::hex,
};
use aitrading_http::StatusCode;
use aitrading_model::DeviceId;
use aitrading_security::{
    access::{Needed, Reach, Role, rule},
    limits::{Action, Quota, Row},
    login::Level,
};
use aitrading_store::{Device, UserId, UserRole};
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

/// Every operation of the description as it is served, so that nothing is offered which is not looked at here.
fn described() -> Vec<(&'static Endpoint, serde_json::Value)> {
    let text = crate::openapi::text();
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut found = Vec::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.path == path && endpoint.verb.key() == verb);
            found.push((endpoint.unwrap_or_else(|| panic!("{verb} {path} leads nowhere")), operation.clone()));
        }
    }
    assert_eq!(found.len(), ENDPOINTS.len(), "the description is complete");
    found
}

fn guarded() -> Vec<&'static Endpoint> {
    described().into_iter().map(|(endpoint, _)| endpoint).filter(|endpoint| endpoint.gate != Gate::Anybody).collect()
}

/// A path that exists in [`world`].
pub(super) fn path(endpoint: &Endpoint) -> String {
    let path = endpoint.path.replace("{user}", &hex(&OTHER.0)).replace("{account}", &ACCOUNT.to_string());
    path.replace("{device}", &VICTIM.to_string()).replace("{signal}", &"5".repeat(32)).replace("{symbol}", "EURUSD")
}

/// A body that the operation takes.
fn body(endpoint: &Endpoint) -> &'static str {
    match endpoint.id {
        "users.change" => r#"{"note":"called"}"#,
        "subscriptions.put" => r#"{"status":"active","expires_ms":1800000000000,"symbols":["EURUSD"]}"#,
        id if endpoint.body.is_some() => panic!("{id} has no case: add a body that it takes"),
        _ => "",
    }
}

/// An installation that nobody here speaks from.
const VICTIM: DeviceId = DeviceId([0x44; 16]);

async fn filled(world: &World) {
    world.stores.devices.put(Device::new(TENANT, ACCOUNT, VICTIM, [2; 32])).await.unwrap();
    world.user(OTHER, "carol", UserRole::Subscriber).await;
    world.subscribe(ACCOUNT).await;
}

async fn world() -> World {
    let world = World::new().await;
    filled(&world).await;
    world
}

async fn ask(world: &World, asker: &Asker, endpoint: &Endpoint, key: &str) -> super::Answered {
    let method = endpoint.verb.method();
    world.change_as(asker, (method.as_str(), &path(endpoint)), key, body(endpoint)).await
}

#[tokio::test]
async fn every_operation_refuses_whom_nobody_knows() {
    let world = world().await;
    for endpoint in guarded() {
        let answer = ask(&world, &Asker::default(), endpoint, "key").await;
        assert_eq!((answer.status, answer.code()), (401, "API_UNKNOWN"), "{}", endpoint.id);
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{}", endpoint.id);
    }
    assert!(guarded().len() > 15);
    assert_eq!(world.taken_down(), Vec::<&str>::new(), "nothing is done for nobody");
}

#[tokio::test]
async fn every_operation_refuses_whom_the_right_is_missing() {
    let world = world().await;
    let mut refused = BTreeSet::new();
    for endpoint in guarded() {
        let Gate::May(permission) = endpoint.gate else { continue };
        for role in Role::ALL {
            let asker = world.person(UserId([8; 16]), role, Level::stepped_up(world.now()));
            let answer = ask(&world, &asker, endpoint, &format!("{}-{}", endpoint.id, role.name())).await;
            let forbidden = (answer.status, answer.code()) == (403, "FORBIDDEN");
            let nothing = rule(role, permission).0 == Reach::Nothing;
            assert_eq!(forbidden, nothing, "{} as {}: {answer:?}", endpoint.id, role.name());
            forbidden.then(|| refused.insert(endpoint.id));
            filled_again(&world).await;
        }
    }
    assert!(refused.contains("users.change") && refused.contains("security.events"), "{refused:?}");
}

/// An erased user is there again.
async fn filled_again(world: &World) {
    if world.platform.users.get(TENANT, OTHER).await.unwrap().is_none() {
        world.user(OTHER, "carol", UserRole::Subscriber).await;
    }
}

/// Every operation, every level.
#[tokio::test]
async fn t30_every_operation_refuses_a_proof_that_is_too_weak() {
    let world = world().await;
    let mut refused = BTreeSet::new();
    let until = |world: &World| Level::stepped_up(world.now());
    for endpoint in guarded() {
        let Gate::May(permission) = endpoint.gate else { continue };
        let (reach, needed) = rule(Role::Operator, permission);
        if reach == Reach::Nothing {
            continue;
        }
        let levels = [
            (Level::Password, Needed::Password),
            (Level::SecondFactor, Needed::SecondFactor),
            (until(&world), Needed::StepUp),
        ];
        for (level, holds) in levels {
            let asker = world.person(UserId([8; 16]), Role::Operator, level);
            let answer = ask(&world, &asker, endpoint, &format!("{}-{}", endpoint.id, holds.name().len())).await;
            let weak = (answer.status, answer.code()) == (403, "LEVEL_TOO_LOW");
            assert_eq!(weak, holds < needed, "{} with {}: {answer:?}", endpoint.id, holds.name());
            weak.then(|| refused.insert(endpoint.id));
            filled_again(&world).await;
        }
    }
    assert!(refused.contains("users.erase") && refused.contains("users.change"), "{refused:?}");
}

#[tokio::test]
async fn every_operation_that_changes_something_is_taken_down_before() {
    for (endpoint, described) in described() {
        assert_eq!(described["x-audited"], endpoint.verb.changes(), "{}", endpoint.id);
        let world = world().await;
        let answer = ask(&world, &world.operator(), endpoint, "key").await;
        if !endpoint.verb.changes() {
            assert_eq!(world.taken_down(), Vec::<&str>::new(), "{}", endpoint.id);
            continue;
        }
        assert_eq!(answer.status, endpoint.status.as_u16(), "{}: {answer:?}", endpoint.id);
        assert_eq!(world.taken_down(), [endpoint.id]);
        let asked = world.changes.asked.lock().unwrap()[0];
        assert_eq!((asked.tenant, asked.actor), (TENANT, [2; 16]), "{}", endpoint.id);
        assert!(asked.what.len() <= 48 && asked.what.bytes().all(|b| (0x20..0x7f).contains(&b)), "fit for a leaf");
    }
}

async fn standing(world: &World) -> [serde_json::Value; 3] {
    let operator = world.operator();
    let users = world.get(&operator, "/api/v1/users").await.body;
    let devices = world.get(&operator, "/api/v1/devices").await.body;
    [users, devices, world.get(&operator, "/api/v1/subscriptions").await.body]
}

#[tokio::test]
async fn what_cannot_be_taken_down_is_not_done() {
    for endpoint in guarded().into_iter().filter(|endpoint| endpoint.verb.changes()) {
        let world = world().await;
        let before = standing(&world).await;
        world.changes.fails.store(true, Ordering::SeqCst);
        let operator = world.operator();
        let answer = ask(&world, &operator, endpoint, "key").await;
        assert_eq!((answer.status, answer.code()), (503, "API_UNAVAILABLE"), "{}", endpoint.id);
        assert_eq!(before, standing(&world).await, "{}", endpoint.id);
        // And the key is free again once the log is back.
        world.changes.fails.store(false, Ordering::SeqCst);
        let answer = ask(&world, &operator, endpoint, "key").await;
        assert_eq!(answer.status, endpoint.status.as_u16(), "{}: {answer:?}", endpoint.id);
    }
}

#[tokio::test]
async fn every_operation_names_its_limit_and_keeps_it() {
    for (endpoint, described) in described() {
        let named = described["x-rate-limit"].as_str().unwrap();
        let action = Action::ALL.into_iter().find(|action| action.name() == named);
        assert_eq!(action, Some(endpoint.limit), "{}", endpoint.id);
        let two = Quota::new(2, Duration::from_mins(1), 2).ok();
        let quotas = settings().quotas.with(endpoint.limit, Row { user: two, ..Row::default() });
        let world = World::with(GatewaySettings { quotas, ..settings() }).await;
        filled(&world).await;
        let asker = world.operator();
        let mut limited = Vec::new();
        for n in 0..3 {
            let answer = ask(&world, &asker, endpoint, &format!("key-{n}")).await;
            assert!(answer.headers.contains_key("ratelimit-remaining"), "{}: {answer:?}", endpoint.id);
            let wait = answer.status == StatusCode::TOO_MANY_REQUESTS.as_u16();
            assert_eq!(wait, answer.code() == "RATE_LIMITED", "{}", endpoint.id);
            assert_eq!(wait, answer.headers.contains_key("retry-after"), "{}", endpoint.id);
            limited.push(wait);
        }
        assert_eq!(limited, [false, false, true], "{}", endpoint.id);
    }
}

/// The names of operations stand in audit leaves and in programs made from the description.
#[test]
fn operations_have_names_and_paths_of_their_own() {
    let ids: BTreeSet<_> = ENDPOINTS.iter().map(|endpoint| endpoint.id).collect();
    let ways: BTreeSet<_> = ENDPOINTS.iter().map(|endpoint| (endpoint.verb.key(), endpoint.path)).collect();
    assert_eq!((ids.len(), ways.len()), (ENDPOINTS.len(), ENDPOINTS.len()));
    assert!(ENDPOINTS.iter().all(|endpoint| endpoint.path.starts_with("/api/v1/")));
}
