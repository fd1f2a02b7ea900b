//! `/v1/ports/` of the running service, over SQLite and tick files.

use crate::{
    sql_door::{Door, TICKS, text},
    world::{block_on, small},
};
use aitrading_database_service::Settings;
use aitrading_env::Env;
use aitrading_model::TenantId;
use aitrading_store::{
    LoginName, SequenceName, StoreError, TickStore, Topic, User, UserId, UserRole, UserStatus, UserStore, Version,
    conformance::sample,
};
use aitrading_store_remote::{RemoteSettings, RemoteStores};
use serde_json::json;
use std::{future::Future, sync::Arc};

async fn remote(door: &Door) -> RemoteStores {
    let tls = door.tls(&door.service(0, "operator"));
    RemoteStores::open(&Env::real(), RemoteSettings::new(door.addr, tls)).await.unwrap()
}

#[test]
fn the_running_service_serves_its_stores_to_other_processes() {
    block_on(async {
        let door = Door::open(small()).await;
        let remote = remote(&door).await;
        let (stores, source) = (remote.stores(), sample::source(1, "GBPJPY"));
        // What lies in files comes back, tick for tick.
        let mut seen = Vec::new();
        let told = stores.ticks.scan(source, &mut |part| seen.extend_from_slice(part)).await.unwrap();
        assert_eq!((told, seen), (TICKS.unsigned_abs(), sample::ticks(0, TICKS)));
        // What is committed through the port is in the service's own store, once.
        let mark = stores.ticks.mark().await.unwrap();
        let more = sample::commit(mark.offset + 1, sample::part(sample::source(1, "EURUSD"), 1, sample::ticks(0, 50)));
        stores.ticks.commit(more.clone()).await.unwrap();
        let again = stores.ticks.commit(more.clone()).await;
        assert!(matches!(again, Err(StoreError::AlreadyDone { stored }) if stored == more.mark), "{again:?}");
        let own = door.databases.stores();
        let range = own.ticks.range(sample::source(1, "EURUSD"), sample::MONDAY, sample::ticks(0, 51)[50].time, 99);
        assert_eq!(range.await.unwrap(), sample::ticks(0, 50));
        // Rows: versions and contradictions are those of the service.
        let users = remote.platform().users;
        let user = user();
        assert_eq!(users.put(user.clone(), Version::NONE).await.unwrap(), Version(1));
        let stale = users.put(user.clone(), Version::NONE).await;
        assert!(matches!(stale, Err(StoreError::Stale { stored: Version(1), .. })), "{stale:?}");
        let stored = door.databases.platform().users.get(user.tenant, user.id).await.unwrap().unwrap();
        assert_eq!(stored.value, user);
        let name = SequenceName::new("orders").unwrap();
        assert_eq!(remote.platform().sequences.next(TenantId(1), &name, 5).await.unwrap(), 1);
        // Events go from the service's own side to the other process.
        let topic = Topic::new("signals.issued").unwrap();
        assert_eq!(remote.platform().events.is_durable(), door.databases.platform().events.is_durable());
        drop(remote.platform().events.subscribe(TenantId(1), &topic, "reader").await.unwrap());
        // SQL is asked at the same door.
        let count = json!({"sql": "SELECT count(*) AS n FROM ticks"});
        let reply = door.ask(&door.service(1, "operator"), count).await;
        assert_eq!(text(reply).await, format!("[{{\"n\":{}}}]\n", TICKS + 50));
        let health = remote.health();
        assert!(health.iter().any(|one| one.latency_us.is_some()), "{health:?}");
        door.close().await;
    });
}

#[test]
fn a_device_and_a_reader_of_sql_get_no_port() {
    block_on(async {
        let door = Door::open(Settings::default()).await;
        for who in [door.device(), door.service(0, "auditor"), door.service(0, "stranger")] {
            let refused = RemoteStores::open(&Env::real(), RemoteSettings::new(door.addr, door.tls(&who))).await;
            assert!(matches!(refused, Err(StoreError::Unauthorised { .. })), "{refused:?}");
        }
        door.close().await;
    });
}

fn user() -> User {
    User {
        tenant: TenantId(1),
        id: UserId([3; 16]),
        login: LoginName::new("ada").unwrap(),
        role: UserRole::Auditor,
        status: UserStatus::Active,
        opaque: (0..=u8::MAX).collect(),
        second_factor: vec![0, 0xff],
        note: "\u{1}\"é".to_owned(),
        created_at: aitrading_model::Timestamp(i64::MIN),
        changed_at: aitrading_model::Timestamp(i64::MAX),
    }
}

/// One empty service for each property.
fn check<T, F: Future<Output = Result<(), StoreError>>>(of: impl Fn(&RemoteStores) -> T, property: impl Fn(T) -> F) {
    block_on(async {
        let door = Door::empty(small()).await;
        property(of(&remote(&door).await)).await.unwrap();
        door.close().await;
    });
}

fn check_ticks<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn TickStore>) -> F) {
    check(|remote| remote.stores().ticks, property);
}

fn check_users<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn UserStore>) -> F) {
    check(|remote| remote.platform().users, property);
}

mod ticks {
    aitrading_store::tick_store_conformance!(super::check_ticks);
}

mod users {
    aitrading_store::user_store_conformance!(super::check_users);
}
