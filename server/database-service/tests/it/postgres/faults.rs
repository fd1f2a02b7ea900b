//! Servers that are slow, frozen, gone, restarted; answers that get lost.

use super::{IMPATIENT, Stopwatch, code, eventually, open, settings};
use crate::world::block_on;
use aitrading_database_link::{LinkState, ServerSettings};
use aitrading_database_service::PostgresStores;
use aitrading_store::StoreError;
use aitrading_testkit::servers::{Postgres, Proxy};
use std::time::Duration;

/// Far more than the impatient deadline, far less than the delay of a slow server.
const SOON: Duration = Duration::from_secs(10);

async fn check_every_call_ends_soon(postgres: &PostgresStores) {
    let meta = postgres.stores().meta;
    for n in 0..5 {
        let begun = Stopwatch::start();
        let code = if n % 2 == 0 { code(meta.get("a").await) } else { code(meta.put("a", b"2").await) };
        assert!(["STORE_UNAVAILABLE", "STORE_TOO_SLOW"].contains(&code), "call {n}: {code}");
        assert!(begun.elapsed() < SOON, "call {n} took {:?}", begun.elapsed());
    }
    assert_eq!(postgres.health().state, LinkState::Down);
}

#[test]
fn a_slow_line_holds_nobody_beyond_the_deadline() {
    let Some(server) = Postgres::start() else { return };
    let proxy = Proxy::start(server.address());
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, proxy.address()) };
    block_on(async {
        let postgres = eventually(|| open(&settings)).await;
        let meta = postgres.stores().meta;
        eventually(|| meta.put("a", b"1")).await;
        proxy.set_delay(Duration::from_secs(600));
        check_every_call_ends_soon(&postgres).await;
        proxy.set_delay(Duration::ZERO);
        assert!(eventually(|| meta.get("a")).await.is_some());
        eventually(|| meta.put("a", b"3")).await;
        assert_eq!(meta.get("a").await.unwrap().as_deref(), Some(b"3".as_slice()));
        assert_eq!(postgres.health().state, LinkState::Up);
    });
}

#[test]
fn a_frozen_server_holds_nobody_beyond_the_deadline_and_is_used_again_when_it_goes_on() {
    let Some(server) = Postgres::start() else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    block_on(async {
        let postgres = eventually(|| open(&settings)).await;
        let meta = postgres.stores().meta;
        eventually(|| meta.put("kept", b"1")).await;
        server.pause();
        check_every_call_ends_soon(&postgres).await;
        server.resume();
        assert_eq!(eventually(|| meta.get("kept")).await.as_deref(), Some(b"1".as_slice()));
        eventually(|| meta.put("kept", b"2")).await;
    });
}

#[test]
fn a_restarted_server_is_used_again_with_what_was_acknowledged() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    block_on(async {
        let postgres = open(&settings).await.unwrap();
        let meta = postgres.stores().meta;
        for n in 0..4_u8 {
            let key = format!("kept-{n}");
            meta.put(&key, &[n]).await.unwrap();
            if n % 2 == 0 {
                server.kill();
            }
            server.restart();
            // Its connections are dead by now. Whoever reads need not notice.
            assert_eq!(meta.get(&key).await.unwrap(), Some(vec![n]));
        }
        assert_eq!(postgres.health().state, LinkState::Up);
    });
}

#[test]
fn a_server_that_is_gone_is_told_and_found_again() {
    let Some(server) = Postgres::start() else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    block_on(async {
        let postgres = eventually(|| open(&settings)).await;
        server.stop();
        check_every_call_ends_soon(&postgres).await;
        assert_eq!(code(open(&settings).await), "STORE_UNAVAILABLE");
        server.restart();
        let meta = postgres.stores().meta;
        eventually(|| meta.put("a", b"1")).await;
    });
}

#[test]
fn a_statement_that_waits_for_others_is_ended_and_its_connection_used_again() {
    let Some(server) = Postgres::start() else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    block_on(async {
        let postgres = eventually(|| open(&settings)).await;
        let meta = postgres.stores().meta;
        eventually(|| meta.put("a", b"1")).await;
        let before = postgres.health().pool.unwrap();
        let slow = "create function slow() returns trigger language plpgsql as
             'begin perform pg_sleep(600); return new; end';
             create trigger slow before insert on meta for each row when (new.key = 'slow') execute function slow()";
        drop(server.sql(slow));
        let begun = Stopwatch::start();
        assert_eq!(code(meta.put("slow", b"2").await), "STORE_UNAVAILABLE");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        eventually(|| meta.put("a", b"3")).await;
        assert_eq!(meta.get("slow").await.unwrap(), None);
        assert!(postgres.health().pool.unwrap().size <= before.size.max(2));
        // Nobody is left behind at the server.
        let left = "select count(*) from pg_stat_activity where application_name = 'aitrading' and state = 'active'";
        let gone = || async {
            let left = server.sql(left);
            if left.trim() == "0" { Ok(()) } else { Err(StoreError::Conflict { what: "somebody is left" }) }
        };
        eventually(gone).await;
    });
}

/// What becomes of a write at whose commit the server does `what`.
fn at_commit(what: &str) -> Option<(&'static str, bool)> {
    let server = Postgres::start()?;
    let settings = settings(&server, server.address());
    block_on(async {
        let postgres = open(&settings).await.unwrap();
        let meta = postgres.stores().meta;
        let trigger = format!(
            "create function late() returns trigger language plpgsql as $$ begin {what}; return null; end $$;
             create constraint trigger late after insert on meta deferrable initially deferred
             for each row when (new.key = 'late') execute function late()"
        );
        drop(server.sql(&trigger));
        let told = code(meta.put("late", b"1").await);
        assert_eq!(code(meta.put("other", b"1").await), "done", "the next write goes on");
        Some((told, meta.get("late").await.unwrap().is_some()))
    })
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_repeated_and_told_as_unknown() {
    let Some(outcome) = at_commit("perform pg_terminate_backend(pg_backend_pid())") else { return };
    assert_eq!(outcome, ("STORE_TOO_SLOW", false));
}

#[test]
fn a_commit_that_the_server_refuses_is_told_as_what_it_is() {
    let Some(outcome) = at_commit("raise exception using errcode = '53100'") else { return };
    assert_eq!(outcome, ("STORE_FULL", false));
}

#[test]
fn every_kind_of_error_has_its_meaning() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    block_on(async {
        let postgres = open(&settings).await.unwrap();
        let meta = postgres.stores().meta;
        let trigger = "create function says() returns trigger language plpgsql as
             'begin raise exception using errcode = new.key; end';
             create trigger says before insert on meta for each row when (length(new.key) = 5) execute function says()";
        drop(server.sql(trigger));
        for (state, told) in [
            ("53100", "STORE_FULL"),
            ("25006", "STORE_READ_ONLY"),
            ("42501", "STORE_UNAUTHORISED"),
            ("28000", "STORE_UNAUTHORISED"),
            ("XX001", "STORE_CORRUPT"),
            ("XX002", "STORE_CORRUPT"),
            ("42P01", "STORE_CORRUPT"),
            ("23505", "STORE_CONFLICT"),
            ("23503", "STORE_CONFLICT"),
            ("53200", "STORE_UNAVAILABLE"),
            ("53300", "STORE_UNAVAILABLE"),
            ("57014", "STORE_UNAVAILABLE"),
            ("57P01", "STORE_UNAVAILABLE"),
            ("40P01", "STORE_UNAVAILABLE"),
        ] {
            assert_eq!(code(meta.put(state, b"1").await), told, "{state}");
            assert_eq!(code(meta.put("longer", b"1").await), "done", "after {state}");
        }
        assert_eq!(code(meta.put("a\0b", b"1").await), "STORE_INVALID");
    });
}
