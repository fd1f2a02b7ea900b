//! SQL over what this crate wrote: files, waiting ticks, bars and logs; merges and damage meanwhile.

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_link::{LinkState, Role};
use aitrading_database_service::{Answer, Database, Settings};
use aitrading_error::Coded;
use aitrading_model::{Bar, Price, Source, TenantId, Timeframe, Timestamp, TraceId};
use aitrading_sql_engine::{Format, SqlEngine, SqlError, SqlSession};
use aitrading_store::{LogBatch, LogLevel, LogLine, LogStore, conformance::sample, memory::MemoryLogs};
use std::{path::Path, sync::Arc};

const DAY_MS: i64 = 86_400_000;

async fn ask(engine: &SqlEngine, tenant: u64, sql: &str) -> Result<(Vec<String>, Vec<String>), SqlError> {
    let session = SqlSession::new(TenantId(tenant), TraceId::default());
    let mut answer = Answer::begin(engine, sql, &session, Format::Csv).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.next().await? {
        bytes.extend(chunk);
    }
    let rows = String::from_utf8(bytes).unwrap().lines().skip(1).map(str::to_owned).collect();
    Ok((rows, answer.left_out().to_vec()))
}

async fn rows(engine: &SqlEngine, sql: &str) -> Vec<String> {
    match ask(engine, 1, sql).await {
        Ok((rows, left_out)) => {
            assert_eq!(left_out, Vec::<String>::new(), "{sql}");
            rows
        }
        Err(error) => panic!("{sql}: {}", aitrading_error::chain(&error)),
    }
}

#[test]
fn files_and_waiting_ticks_are_one_table_and_agree_with_the_store() {
    let world = World::new();
    block_on(async {
        let (a, b) = (sample::source(1, "GBPJPY"), sample::source(2, "GBPJPY"));
        let database = world.open(small()).await.unwrap();
        // Two days in several files, and a tail of the running one.
        let mut ticks = sample::ticks(DAY_MS - 10_000, 40);
        ticks.extend(sample::ticks(DAY_MS + 60_000, 53));
        feed(&database, a, &ticks, 6).await.unwrap();
        assert!(!world.tick_files().is_empty());
        let engine = database.sql(None);
        let sql = "SELECT time, bid, ask, spread, last, volume, flags, epoch, seq FROM ticks ORDER BY seq";
        let expected: Vec<String> = (1..)
            .zip(&ticks)
            .map(|(seq, t)| {
                let spread = Price::from_raw(t.ask.raw() - t.bid.raw());
                format!("{},{},{},{spread},,,{},1,{seq}", t.time, t.bid, t.ask, t.flags.bits())
            })
            .collect();
        assert_eq!(rows(&engine, sql).await, expected);
        let last_day = "SELECT count(*) FROM ticks WHERE symbol = 'GBPJPY' AND time >= '2012-12-04T00:01:00Z'";
        assert_eq!(rows(&engine, last_day).await, ["53"]);
        assert_eq!(ask(&engine, b.tenant.0, "SELECT * FROM ticks").await.unwrap().0, Vec::<String>::new());
        database.flush().await.unwrap();
        assert_eq!(rows(&engine, sql).await, expected, "all of it in files, the same");
    });
}

#[test]
fn a_merge_takes_no_file_away_from_a_running_query() {
    let world = World::new();
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 12_000));
        let database =
            world.open(Settings { file_ticks: 1_000, day_files_max: 100, ..Settings::default() }).await.unwrap();
        feed(&database, a, &ticks, 1_000).await.unwrap();
        let before = world.tick_files();
        let engine = database.sql(None);
        let session = SqlSession::new(TenantId(1), TraceId::default());
        let mut running = Answer::begin(&engine, "SELECT * FROM ticks", &session, Format::Csv).await.unwrap();
        database.flush().await.unwrap();
        let during = world.tick_files();
        assert!(before.iter().all(|file| during.contains(file)), "a file that a query may want is gone");
        let mut bytes = Vec::new();
        while let Some(chunk) = running.next().await.unwrap() {
            bytes.extend(chunk);
        }
        assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 12_001);
        drop((running, engine));
        let swept = async || {
            // The next commit removes what nobody holds any more.
            database.flush().await.unwrap();
            world.tick_files().len() == 1
        };
        for _ in 0..500 {
            if swept().await {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the replaced files stay: {:?}", world.tick_files());
    });
}

fn bar(timeframe: Timeframe, n: i64) -> Bar {
    let price = |raw: i64| Price::from_raw(13_000_000_000 + raw);
    Bar {
        timeframe,
        start: aitrading_model::MarketTime(sample::MONDAY.0 + n * timeframe.millis()),
        open: price(n),
        high: price(n + 100_000),
        low: price(n - 100_000),
        close: price(n + 1_000),
        ticks: 9,
        spread_min: Price::from_raw(1_000_000),
    }
}

#[test]
fn bars_come_page_by_page_and_each_once() {
    let world = World::new();
    block_on(async {
        let database = world.open(small()).await.unwrap();
        let sources: [Source; 2] = [sample::source(1, "EURUSD"), sample::source(1, "GBPJPY")];
        for (at, source) in (1..).zip(sources) {
            let mut part = sample::part(source, 1, Vec::new());
            part.bars = (0..5_000).map(|n| bar(Timeframe::M1, n)).collect();
            part.bars.extend((0..10).map(|n| bar(Timeframe::H1, n)));
            database.stores().ticks.commit(sample::commit(at, part)).await.unwrap();
        }
        let engine = database.sql(None);
        let all = "SELECT symbol, timeframe, count(*), count(DISTINCT start) FROM bars GROUP BY 1, 2 ORDER BY 1, 2";
        let h1 = Timeframe::H1.name();
        let m1 = Timeframe::M1.name();
        let mut expected = Vec::new();
        for symbol in ["EURUSD", "GBPJPY"] {
            let mut of = [format!("{symbol},{h1},10,10"), format!("{symbol},{m1},5000,5000")];
            of.sort();
            expected.extend(of);
        }
        assert_eq!(rows(&engine, all).await, expected);
        let some = format!(
            "SELECT count(*) FROM bars WHERE symbol = 'GBPJPY' AND timeframe = '{m1}' AND start < '2012-12-03T01:00:00Z'"
        );
        assert_eq!(rows(&engine, &some).await, ["60"]);
    });
}

#[test]
fn logs_are_those_of_the_store_that_keeps_them_and_none_without() {
    let world = World::new();
    block_on(async {
        let database = world.open(small()).await.unwrap();
        let logs = Arc::new(MemoryLogs::default());
        let line = |n: i64, fields: &str| LogLine {
            level: LogLevel::Warning,
            at: Timestamp(1_700_000_000_000_000_000 + n),
            service: "gateway".to_owned(),
            trace: None,
            message: format!("line {n}"),
            fields: fields.to_owned(),
        };
        let mut lines: Vec<LogLine> = (1..2_500).map(|n| line(n, "")).collect();
        lines.push(line(0, "{\"code\":\"PORT_IN_USE\"}"));
        logs.append(LogBatch { tenant: TenantId(1), id: [1; 16], lines }).await.unwrap();
        let engine = database.sql(Some(logs));
        assert_eq!(rows(&engine, "SELECT count(*), count(DISTINCT message) FROM logs").await, ["2500,2500"]);
        let coded = "SELECT level, service, code, message FROM logs WHERE code IS NOT NULL";
        assert_eq!(rows(&engine, coded).await, ["WARNING,gateway,PORT_IN_USE,line 0"]);
        assert_eq!(rows(&database.sql(None), "SELECT count(*) FROM logs").await, ["0"]);
    });
}

/// What health says of the tick files if it is not that all are well.
fn damaged_part(database: &Database) -> Option<(LinkState, String)> {
    let health = database.backend(Role::Ticks);
    (health.state != LinkState::Up).then_some((health.state, health.note.unwrap_or_default()))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_file_with_a_corrupted_footer_is_named_and_left_out_until_it_is_restored() {
    block_on(async {
        let (world, mem) = World::with_mem_files();
        let database = world.open(small()).await.unwrap();
        let a = sample::source(1, "GBPJPY");
        let mut ticks = sample::ticks(0, 30);
        ticks.extend(sample::ticks(DAY_MS, 70));
        feed(&database, a, &ticks, 10).await.unwrap();
        database.flush().await.unwrap();
        let files = world.tick_files();
        assert_eq!(files.len(), 2, "one for each day");
        let footer = world.env.fs.metadata(&files[0]).unwrap().unwrap().len - 20;
        mem.corrupt(&files[0], footer, 0xff).unwrap();
        let engine = database.sql(None);
        assert_eq!(damaged_part(&database), None);

        let refused = ask(&engine, 1, "SELECT sum(bid) FROM ticks").await.unwrap_err();
        assert_eq!(refused.dna().code, "SQL_DAMAGED_FILE");
        assert!(refused.to_string().contains(&name(&files[0])), "{refused}");
        let told = world.env.clock.mono_ns();
        while damaged_part(&database).is_none() {
            assert!(world.env.clock.mono_ns() - told < 10_000_000_000, "the store is not told");
            tokio::task::yield_now().await;
        }
        let (status, detail) = damaged_part(&database).unwrap();
        assert_eq!(status, LinkState::Probing);
        assert!(detail.contains(&name(&files[0])), "{detail}");

        let (served, left_out) = ask(&engine, 1, "SELECT count(bid) FROM ticks").await.unwrap();
        assert_eq!((served, left_out), (vec!["70".to_owned()], vec![format!("GBPJPY/{}", name(&files[0]))]));
        let untouched = "SELECT count(bid) FROM ticks WHERE time >= '2012-12-04T00:00:00Z'";
        assert_eq!(rows(&engine, untouched).await, ["70"], "who does not want it is not told of it");

        mem.corrupt(&files[0], footer, 0xff).unwrap();
        assert_eq!(rows(&engine, "SELECT count(bid) FROM ticks").await, ["100"]);
        assert_eq!(damaged_part(&database), None, "restored, it counts again");
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}

#[test]
fn what_is_closed_without_a_flush_is_as_it_was() {
    let world = World::new();
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 5));
        feed(&database, a, &ticks, 5).await.unwrap();
        assert_eq!(rows(&database.sql(None), "SELECT count(*) FROM ticks").await, ["5"]);
        database.release().await;
        assert_eq!(world.tick_files().len(), 0, "the ticks still wait");
        let database = world.open(Settings::default()).await.unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}
