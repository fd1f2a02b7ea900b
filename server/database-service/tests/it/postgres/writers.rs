//! Many writers, several instances: nothing is lost, no bound is passed.

use super::{code, open, settings};
use crate::world::block_on;
use aitrading_database_link::{PoolBounds, ServerSettings};
use aitrading_database_service::PlatformRows;
use aitrading_model::TenantId;
use aitrading_store::{
    StoreError,
    conformance::{self, race, sample},
};
use aitrading_testkit::servers::Postgres;
use std::future::Future;

#[test]
fn a_hundred_writers_in_two_instances_lose_nothing_and_stay_within_the_pool() {
    let Some(server) = Postgres::start() else { return };
    let settings = ServerSettings { pool: PoolBounds { min: 2, max: 4 }, ..settings(&server, server.address()) };
    let sessions = "select count(*) from pg_stat_activity where application_name = 'aitrading'";
    block_on(async {
        let (one, two) = (open(&settings).await.unwrap(), open(&settings).await.unwrap());
        assert_eq!(server.sql(sessions).trim(), "4", "the least number is there before anybody asks");
        let stores = [one.stores(), two.stores()];
        let keys: Vec<String> = (0..100).map(|n| format!("key-{n}")).collect();
        let write = |n: usize| {
            let (meta, key) = (&stores[n % 2].meta, &keys[n]);
            async move {
                meta.put(key, key.as_bytes()).await?;
                meta.put_if_absent("first", key.as_bytes()).await
            }
        };
        let racers = (0..100).map(|n| -> race::Racer<'_, _> { Box::pin(write(n)) });
        let seen: Vec<Vec<u8>> = race::join_all(racers).await.into_iter().map(Result::unwrap).collect();
        assert!(seen.iter().all(|first| *first == seen[0]), "one of them was first, for all");
        for key in &keys {
            assert_eq!(stores[0].meta.get(key).await.unwrap().as_deref(), Some(key.as_bytes()));
        }
        let pools = [one.health().pool.unwrap(), two.health().pool.unwrap()];
        assert!(pools.iter().all(|pool| pool.size <= 4 && pool.max == 4), "{pools:?}");
        assert!(server.sql(sessions).trim().parse::<u32>().unwrap() <= 8);
    });
}

#[test]
fn of_a_journal_that_two_instances_hand_over_each_part_is_taken_once() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    block_on(async {
        let (one, two) = (open(&settings).await.unwrap(), open(&settings).await.unwrap());
        let stores = [one.stores().signals, two.stores().signals];
        for part in 1..=20_u64 {
            let part_id = u8::try_from(part).unwrap();
            let racers = stores.iter().map(|store| -> race::Racer<'_, _> {
                Box::pin(store.apply(sample::mark(part), vec![sample::issued(1, part_id)]))
            });
            let told: Vec<_> = race::join_all(racers).await;
            let done = told.iter().filter(|told| told.is_ok()).count();
            let late = told.iter().filter(|told| matches!(told, Err(StoreError::AlreadyDone { .. }))).count();
            assert_eq!((done, late), (1, 1), "{told:?}");
        }
        assert_eq!(stores[0].counts(TenantId(1)).await.unwrap().issued, 20);
    });
}

/// Runs a property on two instances over one database.
fn check_two<F: Future<Output = Result<(), StoreError>>>(property: impl FnOnce([PlatformRows; 2]) -> F) {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    block_on(async {
        let (one, two) = (open(&settings).await.unwrap(), open(&settings).await.unwrap());
        property([one.platform(), two.platform()]).await.unwrap();
    });
}

#[test]
fn t29_of_two_instances_one_redeems_an_invitation() {
    check_two(|rows| conformance::invites::one_redeems(rows.map(|rows| rows.invites)));
}

#[test]
fn t23_of_two_instances_one_refreshes_a_session() {
    check_two(|rows| conformance::login_sessions::one_refreshes(rows.map(|rows| rows.login_sessions)));
}

#[test]
fn t24_of_what_two_instances_revoke_nothing_is_missed() {
    check_two(|rows| conformance::revocations::nothing_is_missed(rows.map(|rows| rows.revocations)));
}

#[test]
fn of_two_instances_one_makes_a_change() {
    check_two(|rows| conformance::idempotency::one_makes_the_change(rows.map(|rows| rows.idempotency)));
}

#[test]
fn who_goes_away_in_the_middle_leaves_the_turn_to_others() {
    let Some(server) = Postgres::start() else { return };
    let settings = ServerSettings { pool: PoolBounds { min: 1, max: 2 }, ..settings(&server, server.address()) };
    block_on(async {
        let postgres = open(&settings).await.unwrap();
        let meta = postgres.stores().meta;
        for n in 0..30_usize {
            let mut put: race::Racer<'_, _> = meta.put("gone", b"1");
            // Given up after a few steps: somewhere between waiting for the turn and the commit.
            for _ in 0..n {
                if race::look(&mut put).await.is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(put);
        }
        assert_eq!(code(meta.put("after", b"1").await), "done");
        let pool = postgres.health().pool.unwrap();
        assert!(pool.size <= 2, "{pool:?}");
    });
}

#[test]
fn a_closed_store_answers_nothing_and_leaves_no_session() {
    let Some(server) = Postgres::start() else { return };
    block_on(async {
        let postgres = open(&settings(&server, server.address())).await.unwrap();
        postgres.stores().meta.put("a", b"1").await.unwrap();
        postgres.close().await;
        assert_eq!(code(postgres.stores().meta.get("a").await), "STORE_UNAVAILABLE");
        assert_eq!(code(postgres.probe().await), "STORE_UNAVAILABLE");
        let sessions = "select count(*) from pg_stat_activity where application_name = 'aitrading'";
        let gone = || async {
            let left = server.sql(sessions);
            if left.trim() == "0" { Ok(()) } else { Err(StoreError::Conflict { what: "a session is left" }) }
        };
        super::eventually(gone).await;
    });
}
