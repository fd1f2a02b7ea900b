//! Bars out of ticks in SQL: five million ticks beside DuckDB on the same files, and one day among a hundred million.

use crate::{
    figures::{Bar, Report},
    machine::{Stopwatch, median},
    peers::DuckDb,
    run::Plan,
    ticks::Filling,
    world::World,
};
use aitrading_database_service::Answer;
use aitrading_model::{TenantId, TraceId};
use aitrading_sql_engine::{Format, SqlEngine, SqlSession};
use anyhow::{Context, Result, ensure};

const FIVE_MILLION: usize = 5_000_000;
const HUNDRED_MILLION: usize = 100_000_000;
const SYMBOLS: [&str; 8] = ["GBPJPY", "EURUSD", "USDJPY", "XAUUSD", "EURGBP", "AUDUSD", "USDCHF", "USDCAD"];
/// Ticks of all symbols in one commit.
const COMMIT: usize = 1_000_000;
/// Most parts of a second that the sums of two engines may differ by: they are decimals, one of them printed as a float.
const SAME: f64 = 1e-9;

/// Sums over one-minute bars: small to hand over, and the same at every engine that made the same bars.
macro_rules! bars {
    ($filter:expr) => {
        concat!(
            "SELECT count(*), sum(open), sum(high), sum(low), sum(close), sum(ticks) FROM (
    SELECT date_bin(INTERVAL '1 minute', time) AS minute, arg_min(bid, time) AS open, max(bid) AS high,
        min(bid) AS low, arg_max(bid, time) AS close, count(*) AS ticks
    FROM ticks WHERE symbol = 'GBPJPY'",
            $filter,
            " GROUP BY 1)"
        )
    };
}

macro_rules! of_day {
    ($from:literal $to:literal) => {
        bars!(concat!(" AND time >= '", $from, "T00:00:00Z' AND time < '", $to, "T00:00:00Z'"))
    };
}

const BARS: &str = bars!("");
/// The first days of the seeded market, from [`BEGIN`](crate::quotes::BEGIN) on.
const DAYS: [&str; 22] = [
    of_day!("2012-12-03" "2012-12-04"),
    of_day!("2012-12-04" "2012-12-05"),
    of_day!("2012-12-05" "2012-12-06"),
    of_day!("2012-12-06" "2012-12-07"),
    of_day!("2012-12-07" "2012-12-08"),
    of_day!("2012-12-08" "2012-12-09"),
    of_day!("2012-12-09" "2012-12-10"),
    of_day!("2012-12-10" "2012-12-11"),
    of_day!("2012-12-11" "2012-12-12"),
    of_day!("2012-12-12" "2012-12-13"),
    of_day!("2012-12-13" "2012-12-14"),
    of_day!("2012-12-14" "2012-12-15"),
    of_day!("2012-12-15" "2012-12-16"),
    of_day!("2012-12-16" "2012-12-17"),
    of_day!("2012-12-17" "2012-12-18"),
    of_day!("2012-12-18" "2012-12-19"),
    of_day!("2012-12-19" "2012-12-20"),
    of_day!("2012-12-20" "2012-12-21"),
    of_day!("2012-12-21" "2012-12-22"),
    of_day!("2012-12-22" "2012-12-23"),
    of_day!("2012-12-23" "2012-12-24"),
    of_day!("2012-12-24" "2012-12-25"),
];

pub(crate) async fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    five_million(plan, report).await?;
    hundred_million(plan, report).await
}

async fn five_million(plan: &Plan, report: &mut Report) -> Result<()> {
    let world = World::open().await?;
    let mut filling = Filling::new(&["GBPJPY"], 1)?;
    while filling.stored < plan.scaled(FIVE_MILLION) {
        filling.step(&*world.database.stores().ticks, plan.scaled(COMMIT)).await?;
    }
    world.database.flush().await?;
    let engine = world.database.sql(None);
    let duck = DuckDb::find(report);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let (mut here, mut sums) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let watch = Stopwatch::start();
            sums = ask(&engine, BARS).await?;
            here.push(watch.millis());
        }
        ours.push(median(&here));
        if let Some(duck) = &duck {
            let bars = duck.bars(&world, 3).await?;
            ensure!(same(&sums, &bars.sums), "two engines, two answers: {sums:?} here, {:?} there", bars.sums);
            theirs.push(median(&bars.ms));
            ratios.push(median(&here) / median(&bars.ms));
        }
    }
    report.add("ohlc_5m_ms", "one-minute bars of 5 million ticks, in SQL", "ms", Bar::None, &ours);
    if duck.is_some() {
        report.add("peers.duckdb.ohlc_5m_ms", "DuckDB, the same bars of the same files", "ms", Bar::None, &theirs);
        report.add("ohlc_5m_ratio", "our time against DuckDB's", "x", Bar::AtMost(1.5), &ratios);
    }
    world.close().await
}

async fn hundred_million(plan: &Plan, report: &mut Report) -> Result<()> {
    let world = World::open().await?;
    let mut filling = Filling::new(&SYMBOLS, 1)?;
    let all = plan.scaled(HUNDRED_MILLION);
    while filling.stored < all {
        filling.step(&*world.database.stores().ticks, COMMIT / SYMBOLS.len()).await?;
        if filling.stored.is_multiple_of(COMMIT * 10) {
            eprintln!("  {} of {all} ticks stored", filling.stored);
        }
    }
    let rate = [filling.rate()];
    report.add("tick_insert_100m_per_s", "ticks into the store, all of them", "/s", Bar::None, &rate);
    let engine = world.database.sql(None);
    let mut took = Vec::new();
    for run in 0..usize::from(plan.runs) {
        for n in [1, 2, 3] {
            // Each time another day, so that no file was just read.
            let sql = DAYS.get(run * 3 % 20 + n % 3).context("a day that no statement asks for")?;
            let watch = Stopwatch::start();
            let sums = ask(&engine, sql).await?;
            took.push(watch.millis());
            ensure!(sums.last().is_some_and(|ticks| *ticks > 0.0), "the day has no tick: {sql}");
        }
    }
    report.add("ohlc_100m_ms", "a day's bars among 100 million ticks, in SQL", "ms", Bar::Below(500.0), &took);
    world.close().await
}

/// The one row of an answer.
async fn ask(engine: &SqlEngine, sql: &str) -> Result<Vec<f64>> {
    let session = SqlSession::new(TenantId(1), TraceId::default());
    let mut answer = Answer::begin(engine, sql, &session, Format::Csv).await?;
    let mut text = Vec::new();
    while let Some(chunk) = answer.next().await? {
        text.extend(chunk);
    }
    let text = String::from_utf8(text).context("an answer that is no text")?;
    let row = text.lines().nth(1).context("an answer without a row")?;
    row.split(',').map(|field| field.parse().with_context(|| format!("{field} is no number"))).collect()
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME * a.abs().max(1.0))
}
