//! What is stored comes out: files, waiting ticks, bars, logs; of one tenant, each tick once.

use crate::{
    layout::{EPOCH, quotes},
    world::{DAY, MONDAY, World, shown, source},
};
use aitrading_model::{Bar, MarketTime, Price, Tick, Timeframe, Timestamp, TraceId};
use aitrading_sql_engine::{BarRow, Format, LogRow};
use std::collections::BTreeMap;

fn text(price: i64) -> String {
    let all = format!("{}.{:08}", price / 100_000_000, price % 100_000_000);
    all.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line(tick: &Tick, seq: u64) -> String {
    let optional = |raw: i64| if raw == 0 { String::new() } else { text(raw) };
    format!(
        "7,EURUSD,{},{},{},{},{},{},{},{EPOCH},{seq}",
        shown(tick.time),
        text(tick.bid.raw()),
        text(tick.ask.raw()),
        text(tick.ask.raw() - tick.bid.raw()),
        optional(tick.last.raw()),
        optional(tick.volume.raw()),
        tick.flags.bits(),
    )
}

#[tokio::test]
async fn every_column_of_files_and_waiting_ticks_comes_out_exactly() {
    let world = World::new();
    let owner = source(1, 7, "EURUSD");
    let ticks = quotes(MONDAY, 3_000, 1_000, 1);
    world.add_file(owner, &ticks[..1_000], 1);
    world.add_file(owner, &ticks[1_000..2_500], 1_001);
    world.add_waiting(owner, &ticks[2_500..], 2_501);
    let wanted: Vec<String> = ticks.iter().zip(1..).map(|(tick, seq)| line(tick, seq)).collect();
    assert_eq!(world.rows("SELECT * FROM ticks ORDER BY epoch, seq").await, wanted);
    let last = &ticks[2_999];
    let sql = "SELECT seq, bid, last FROM ticks WHERE seq > 2999";
    let traded = if last.last.raw() == 0 { String::new() } else { text(last.last.raw()) };
    assert_eq!(world.rows(sql).await, [format!("3000,{},{traded}", text(last.bid.raw()))]);
}

#[tokio::test]
async fn a_merge_between_two_queries_changes_no_result() {
    let world = World::new();
    let owner = source(1, 7, "EURUSD");
    let ticks = quotes(MONDAY, 900, 1_000, 2);
    for (part, first) in ticks.chunks(300).zip([1, 301, 601]) {
        world.add_file(owner, part, first);
    }
    let sql = "SELECT count(*), count(DISTINCT seq), sum(bid), min(time), max(time) FROM ticks";
    let before = world.rows(sql).await;
    let merged = world.add_file(owner, &ticks, 1);
    world.store.files.lock().unwrap().retain(|file| file.path == merged.path);
    assert_eq!(world.rows(sql).await, before);
    assert!(before[0].starts_with("900,900,"), "{before:?}");
}

#[tokio::test]
async fn files_stay_guarded_exactly_as_long_as_the_query() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 60_000, 500, 3), 1);
    let mut chunks = world.start("SELECT * FROM ticks", Format::Csv).await.unwrap();
    assert!(chunks.next_chunk().await.unwrap().is_some());
    assert!(std::sync::Arc::strong_count(&world.store.guards) > 1, "rows are still to come");
    drop(chunks);
    world.until_freed().await;
}

#[tokio::test]
async fn a_tenant_sees_its_own_ticks_alone() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 10, 1_000, 4), 1);
    world.add_file(source(2, 7, "EURUSD"), &quotes(MONDAY, 25, 1_000, 5), 1);
    world.add_waiting(source(2, 7, "EURUSD"), &quotes(MONDAY, 5, 1_000, 6), 26);
    assert_eq!(world.rows("SELECT count(*) FROM ticks").await, ["10"]);
    assert_eq!(world.code("SELECT tenant FROM ticks").await.0, "SQL_INVALID", "there is no such column");
    *world.store.careless.lock().unwrap() = true;
    assert_eq!(world.code("SELECT count(*) FROM ticks").await.0, "SQL_STORE", "nor when the store errs");
}

/// Open, high, low, close and count by minute, the plain way.
fn bars_of(ticks: &[Tick], ms: i64) -> Vec<String> {
    let mut bars: BTreeMap<i64, (i64, i64, i64, i64, u64)> = BTreeMap::new();
    for tick in ticks {
        let bid = tick.bid.raw();
        let bar = bars.entry(tick.time.0 - tick.time.0.rem_euclid(ms)).or_insert((bid, bid, bid, bid, 0));
        *bar = (bar.0, bar.1.max(bid), bar.2.min(bid), bid, bar.4 + 1);
    }
    let line = |(start, (open, high, low, close, n)): (i64, (i64, i64, i64, i64, u64))| {
        let (open, high, low, close) = (text(open), text(high), text(low), text(close));
        format!("{},{open},{high},{low},{close},{n}", shown(MarketTime(start)))
    };
    bars.into_iter().map(line).collect()
}

#[tokio::test]
async fn bars_by_sql_equal_bars_by_hand() {
    let world = World::new();
    let owner = source(1, 7, "EURUSD");
    // About ten ticks in a millisecond now and then: only the number says which is the last.
    let ticks = quotes(MONDAY + DAY - 600_000, 200_000, 2, 7);
    for (part, first) in ticks.chunks(40_000).zip((1..).step_by(40_000)).take(4) {
        world.add_file(owner, part, first);
    }
    world.add_waiting(owner, &ticks[160_000..], 160_001);
    let wanted = bars_of(&ticks, 60_000);
    let with = |open: &str, close: &str| {
        format!(
            "SELECT date_bin(INTERVAL '1 minute', time) AS minute, {open} AS open, max(bid) AS high, min(bid) AS low,
                    {close} AS close, count(*) AS n
             FROM ticks WHERE symbol = 'EURUSD' GROUP BY minute ORDER BY minute"
        )
    };
    let standard = with("first_value(bid ORDER BY epoch, seq)", "last_value(bid ORDER BY epoch, seq)");
    assert_eq!(world.rows(&standard).await, wanted);
    assert_eq!(world.rows(&with("arg_min(bid, epoch, seq)", "arg_max(bid, epoch, seq)")).await, wanted);
    assert_eq!(world.rows(&with("arg_min(bid, time, seq)", "arg_max(bid, time, seq)")).await, wanted);
}

#[tokio::test]
async fn arg_min_and_arg_max_work_without_groups_with_nulls_and_in_windows() {
    let world = World::new();
    let cases = [
        ("SELECT arg_min(v, k), arg_max(v, k) FROM (VALUES (1, 5), (2, 3), (3, 9)) t(v, k)", vec!["2,3"]),
        ("SELECT arg_min(v, k) FROM (VALUES (1, NULL), (2, 8)) t(v, k)", vec!["2"]),
        ("SELECT arg_max(v, k) FROM (VALUES (1.5, 2.25), (2.5, 2.5)) t(v, k)", vec!["2.5"]),
        ("SELECT arg_max(v, k) FROM (VALUES (1, 2)) t(v, k) WHERE v > 5", vec![""]),
        ("SELECT arg_max(v, k) FILTER (WHERE v < 3) FROM (VALUES (1, 1), (2, 2), (3, 3)) t(v, k)", vec!["2"]),
        ("SELECT arg_max(v, k) OVER (ORDER BY k) FROM (VALUES (1, 1), (2, 2)) t(v, k) ORDER BY k", vec!["1", "2"]),
    ];
    for (sql, wanted) in cases {
        assert_eq!(world.rows(sql).await, wanted, "{sql}");
    }
    assert_eq!(world.code("SELECT arg_min(symbol, time) FROM ticks").await.0, "SQL_INVALID");
}

#[tokio::test]
async fn prices_are_calculated_exactly() {
    let world = World::new();
    let owner = source(1, 7, "EURUSD");
    let mut tick = quotes(MONDAY, 1, 1_000, 8)[0];
    (tick.bid, tick.ask) = (Price::from_raw(110_000_001), Price::from_raw(110_000_003));
    world.add_waiting(owner, &[tick; 3], 1);
    let cases = [
        ("SELECT bid, ask, spread FROM ticks LIMIT 1", "1.10000001,1.10000003,0.00000002"),
        ("SELECT sum(bid) FROM ticks", "3.30000003"),
        ("SELECT count(*) FROM ticks WHERE bid = 1.10000001", "3"),
        ("SELECT count(*) FROM ticks WHERE bid > 1.10000001", "0"),
        ("SELECT bid * 10 + 0.1 FROM ticks LIMIT 1", "11.1000001"),
    ];
    for (sql, wanted) in cases {
        assert_eq!(world.rows(sql).await, [wanted], "{sql}");
    }
}

#[tokio::test]
async fn bars_and_logs_are_tables_too() {
    let world = World::new();
    let price = Price::from_raw;
    let bar = |tenant, minute: i64, timeframe| BarRow {
        source: source(tenant, 7, "EURUSD"),
        bar: Bar {
            timeframe,
            start: MarketTime(MONDAY + minute * 60_000),
            open: price(110_000_000),
            high: price(111_000_000),
            low: price(109_000_000),
            close: price(110_500_000),
            ticks: 42,
            spread_min: price(1_000),
        },
    };
    *world.store.bars.lock().unwrap() =
        vec![bar(1, 0, Timeframe::M1), bar(1, 1, Timeframe::M1), bar(1, 0, Timeframe::H1), bar(2, 2, Timeframe::M1)];
    let sql = "SELECT * FROM bars WHERE timeframe = 'M1' AND start > '2024-01-01T00:00:00Z'";
    assert_eq!(world.rows(sql).await, ["7,EURUSD,M1,2024-01-01T00:01:00.000Z,1.1,1.11,1.09,1.105,42,0.00001"]);
    assert_eq!(world.rows("SELECT count(*) FROM logs").await, ["0"]);
    world.store.logs.lock().unwrap().push(LogRow {
        at: Timestamp(MONDAY * 1_000_000 + 7),
        level: "ERROR".to_owned(),
        service: "data-bridge".to_owned(),
        code: Some("STORE_FULL".to_owned()),
        message: "no space, \"really\"".to_owned(),
        trace: Some(TraceId([0xab; 16])),
    });
    let wanted = format!(
        "2024-01-01T00:00:00.000000007Z,ERROR,data-bridge,STORE_FULL,\"no space, \"\"really\"\"\",{}",
        "ab".repeat(16)
    );
    assert_eq!(world.rows("SELECT * FROM logs WHERE at >= '2024-01-01'").await, [wanted]);
}

#[tokio::test]
async fn the_tables_tell_what_they_are() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 10, 1_000, 9), 1);
    let tables = world.rows("SHOW TABLES").await;
    for table in ["ticks", "bars", "logs"] {
        assert!(tables.iter().any(|row| row.starts_with(&format!("aitrading,public,{table},"))), "{table}: {tables:?}");
    }
    let columns = world.rows("DESCRIBE ticks").await;
    let names: Vec<&str> = columns.iter().filter_map(|row| row.split(',').next()).collect();
    let wanted = ["account", "symbol", "time", "bid", "ask", "spread", "last", "volume", "flags", "epoch", "seq"];
    assert_eq!(names, wanted);
    let sql = "SELECT column_name FROM information_schema.columns WHERE table_name = 'logs' ORDER BY ordinal_position";
    assert_eq!(world.rows(sql).await, ["at", "level", "service", "code", "message", "trace"]);
    let plan = world.rows("EXPLAIN SELECT bid FROM ticks WHERE time > '2023-01-01'").await.join("\n");
    assert!(plan.contains("TickScan: files=1, ticks=10"), "{plan}");
    assert!(!plan.contains("parquet") && !plan.contains("tenant="), "places of files are nobody's business: {plan}");
}
