//! Whose rows: what belongs to somebody else is not there.

use super::{ACCOUNT, DEVICE, OTHER, TENANT, World};
use aitrading_model::{AccountId, DeviceId};
use aitrading_security::{access::Role, login::Level};
use aitrading_store::{Device, StateAt, UserId, UserRole};

const ME: UserId = UserId([8; 16]);
const THEIRS: AccountId = AccountId(99);
const THEIR_DEVICE: DeviceId = DeviceId([0x77; 16]);

async fn world() -> World {
    let world = World::new().await;
    world.user(ME, "bob", UserRole::Subscriber).await;
    world.user(OTHER, "carol", UserRole::Subscriber).await;
    for account in [ACCOUNT, THEIRS] {
        world.subscribe(account).await;
        let state = aitrading_model::AccountState { account, ..aitrading_testkit::account_10k_usd() };
        world.stores.accounts.put_state(TENANT, StateAt { state, at: world.now() }).await.unwrap();
    }
    world.stores.devices.put(Device::new(TENANT, THEIRS, THEIR_DEVICE, [2; 32])).await.unwrap();
    world
}

#[tokio::test]
async fn t31_foreign_ids_are_not_there() {
    let world = world().await;
    let mine = world.person(ME, Role::Subscriber, Level::stepped_up(world.now()));
    let (me, other) = (crate::views::hex(&ME.0), crate::views::hex(&OTHER.0));
    let pairs = [
        (format!("/api/v1/users/{me}"), format!("/api/v1/users/{other}")),
        (format!("/api/v1/users/{me}/sessions"), format!("/api/v1/users/{other}/sessions")),
        (format!("/api/v1/subscriptions/{ACCOUNT}"), format!("/api/v1/subscriptions/{THEIRS}")),
        (format!("/api/v1/accounts/{ACCOUNT}"), format!("/api/v1/accounts/{THEIRS}")),
        (format!("/api/v1/devices/{ACCOUNT}/{DEVICE}"), format!("/api/v1/devices/{THEIRS}/{THEIR_DEVICE}")),
    ];
    for (own, foreign) in &pairs {
        let answer = world.get(&mine, own).await;
        assert_eq!(answer.status, 200, "{own}: {answer:?}");
        let answer = world.get(&mine, foreign).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{foreign}");
        // Word for word what is said of an id that nobody has.
        let nobody = foreign.replace(&other, &"e".repeat(32)).replace("99", "12345");
        assert_eq!(world.get(&mine, &nobody).await.body, answer.body, "{nobody}");
    }
    // Whoever sees all of the tenant sees them.
    let auditor = world.person(UserId([5; 16]), Role::Auditor, Level::SecondFactor);
    for (_, foreign) in &pairs {
        assert_eq!(world.get(&auditor, foreign).await.status, 200, "{foreign}");
    }
}

#[tokio::test]
async fn t31_lists_show_own_rows_alone() {
    let world = world().await;
    let mine = world.person(ME, Role::Subscriber, Level::Password);
    for (list, field, own) in
        [("users", "login", "\"bob\""), ("subscriptions", "account", "7"), ("devices", "account", "7")]
    {
        let answer = world.get(&mine, &format!("/api/v1/{list}")).await;
        let items = answer.body["items"].as_array().unwrap().clone();
        assert_eq!((items.len(), items[0][field].to_string().as_str()), (1, own), "{list}");
        let operator = world.get(&world.operator(), &format!("/api/v1/{list}")).await;
        assert_eq!(operator.body["items"].as_array().unwrap().len(), 2, "{list}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = world().await;
    let operator = world.operator();
    for (list, field) in [("users", "login"), ("subscriptions", "account")] {
        let first = world.get(&operator, &format!("/api/v1/{list}?limit=1")).await.body;
        let next = first["next"].as_str().unwrap();
        let second = world.get(&operator, &format!("/api/v1/{list}?limit=1&after={next}")).await.body;
        assert_ne!(first["items"][0][field], second["items"][0][field], "{list}");
        let next = second["next"].as_str().unwrap();
        let last = world.get(&operator, &format!("/api/v1/{list}?limit=1&after={next}")).await.body;
        assert_eq!((&last["items"], &last["next"]), (&serde_json::json!([]), &serde_json::Value::Null), "{list}");
    }
}

#[tokio::test]
async fn secrets_have_no_way_out() {
    let world = world().await;
    let operator = world.operator();
    for target in ["/api/v1/users".to_owned(), format!("/api/v1/users/{}", crate::views::hex(&ME.0))] {
        let text = world.get(&operator, &target).await.body.to_string();
        assert!(text.contains("bob") && !text.contains("OPAQUE") && !text.contains("opaque"), "{text}");
        assert!(!text.contains("SECOND-FACTOR") && !text.contains("5345434f4e44"), "{text}");
    }
}
