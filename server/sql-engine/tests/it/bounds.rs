//! Every limit is met once, with its own code and its own cure.

use crate::{
    layout::quotes,
    world::{DAY, MONDAY, World, source},
};
use aitrading_error::Coded;
use aitrading_sql_engine::{Format, SqlLimits};
use std::time::Duration;

fn world(limits: SqlLimits) -> World {
    let world = World::with(limits);
    for day in 0..4 {
        let ticks = quotes(MONDAY + day * DAY, 25_000, 3_000, 31 + day.cast_unsigned());
        world.add_file(source(1, 7, "EURUSD"), &ticks, 1 + day.cast_unsigned() * 25_000);
    }
    world
}

async fn check_limit(limits: SqlLimits, sql: &str, code: &str, cure: &str) {
    let world = world(limits);
    let (found, message) = world.code(sql).await;
    assert_eq!(found, code, "{message}");
    assert!(message.contains(cure), "{message}");
    world.until_freed().await;
}

#[tokio::test]
async fn each_limit_has_its_own_code_and_cure() {
    let limits = SqlLimits::default;
    let all = "SELECT * FROM ticks";
    check_limit(SqlLimits { sql_bytes: 10, ..limits() }, all, "SQL_TOO_LONG", "shorten").await;
    check_limit(SqlLimits { sql_words: 3, ..limits() }, all, "SQL_TOO_LONG", "shorten").await;
    check_limit(SqlLimits { rows: 99_999, ..limits() }, all, "SQL_TOO_MANY_ROWS", "add a LIMIT").await;
    check_limit(SqlLimits { result_bytes: 50_000, ..limits() }, all, "SQL_TOO_MANY_BYTES", "fewer columns").await;
    let sorted = "SELECT * FROM ticks ORDER BY bid, seq";
    check_limit(SqlLimits { memory_bytes: 2 << 20, ..limits() }, sorted, "SQL_OUT_OF_MEMORY", "sort or group less")
        .await;
    let grouped = "SELECT seq, bid, count(*), sum(ask) FROM ticks GROUP BY seq, bid";
    check_limit(SqlLimits { memory_bytes: 2 << 20, ..limits() }, grouped, "SQL_OUT_OF_MEMORY", "group less").await;
    check_limit(SqlLimits { queries: 0, ..limits() }, all, "SQL_BUSY", "try again").await;
}

#[tokio::test]
async fn a_result_of_exactly_the_limit_is_whole() {
    let world = world(SqlLimits { rows: 100_000, ..SqlLimits::default() });
    assert_eq!(world.rows("SELECT seq FROM ticks").await.len(), 100_000);
    let world = self::world(SqlLimits { rows: 10, ..SqlLimits::default() });
    let mut chunks = world.start("SELECT seq FROM ticks ORDER BY seq", Format::Csv).await.unwrap();
    let mut delivered = Vec::new();
    let error = loop {
        match chunks.next_chunk().await {
            Ok(Some(chunk)) => delivered.extend(chunk),
            Ok(None) => panic!("the end was told, and there is more"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.dna().code, "SQL_TOO_MANY_ROWS");
    assert_eq!(String::from_utf8(delivered).unwrap().lines().count(), 11, "a header and the rows up to the limit");
    assert!(chunks.next_chunk().await.unwrap().is_none(), "an error is told once");
}

/// Far more pairs than anybody can wait for.
const ENDLESS: &str = "SELECT count(*) FROM ticks a, ticks b, ticks c WHERE a.bid + b.bid < c.bid";

#[tokio::test]
async fn a_query_past_its_time_is_stopped_and_frees_everything() {
    let world = world(SqlLimits { queries: 1, ..SqlLimits::default() });
    let mut chunks = world.start(ENDLESS, Format::Csv).await.unwrap();
    let (clock, waiting) = (world.clock.clone(), tokio::task::yield_now());
    let wait = async {
        waiting.await;
        clock.advance(Duration::from_secs(31));
    };
    let (error, ()) = tokio::join!(
        async {
            loop {
                match chunks.next_chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("nobody can have counted that"),
                    Err(error) => break error,
                }
            }
        },
        wait
    );
    assert_eq!(error.dna().code, "SQL_TIMED_OUT");
    world.until_freed().await;
    assert_eq!(world.rows("SELECT count(*) FROM ticks").await, ["100000"], "its slot is free again");
}

#[tokio::test]
async fn a_query_whose_reader_sleeps_is_stopped_too() {
    let world = world(SqlLimits::default());
    let mut chunks = world.start("SELECT * FROM ticks", Format::Csv).await.unwrap();
    assert!(chunks.next_chunk().await.unwrap().is_some());
    world.clock.advance(Duration::from_secs(31));
    world.until_freed().await;
    assert_eq!(
        chunks.next_chunk().await.unwrap_err().dna().code,
        "SQL_TIMED_OUT",
        "a part is never taken for the whole"
    );
}

#[tokio::test]
async fn dropping_the_result_really_stops_the_work() {
    let world = world(SqlLimits { queries: 1, ..SqlLimits::default() });
    let chunks = world.start(ENDLESS, Format::Csv).await.unwrap();
    assert_eq!(world.code("SELECT 1").await.0, "SQL_BUSY");
    drop(chunks);
    world.until_freed().await;
}

#[tokio::test]
async fn joins_that_find_nothing_for_long_are_stopped_in_between() {
    for sql in [
        "SELECT count(*) FROM ticks a JOIN ticks b ON a.bid + b.bid < 0",
        "SELECT count(*) FROM ticks a, ticks b",
        "SELECT count(*) FROM ticks a JOIN ticks b ON a.symbol = b.symbol",
        "SELECT count(*) FROM ticks a JOIN ticks b ON a.symbol = b.symbol AND a.bid + b.bid < 0",
    ] {
        let world = world(SqlLimits { threads: 1, ..SqlLimits::default() });
        let chunks = world.start(sql, Format::Csv).await.unwrap();
        // The only thread of the engine is deep in the join when its reader goes.
        let clock = aitrading_env::Env::real().clock;
        while clock.mono_ns() < 500_000_000 {
            tokio::task::yield_now().await;
        }
        drop(chunks);
        world.until_freed().await;
    }
}

#[tokio::test]
async fn bad_values_are_the_askers_own_error() {
    let world = world(SqlLimits::default());
    for sql in ["SELECT seq / 0 FROM ticks", "SELECT CAST(symbol AS INT) FROM ticks"] {
        let (code, message) = world.code(sql).await;
        assert_eq!(code, "SQL_BAD_VALUE", "{sql}: {message}");
    }
}
