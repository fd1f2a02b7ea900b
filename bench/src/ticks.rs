//! The tick store: how fast it takes ticks, how small they become, how fast a day comes back; and the same ticks at the peers.

use crate::{
    figures::{Bar, Report},
    machine::Stopwatch,
    peers::{ClickHousePeer, DuckDb},
    quotes::{Market, commit, real_day, source},
    run::Plan,
    world::World,
};
use aitrading_model::{Source, Tick};
use aitrading_store::TickStore;
use anyhow::{Result, ensure};
use std::time::Duration;

/// Symbols that bring ticks at the same time.
const SYMBOLS: [&str; 4] = ["GBPJPY", "EURUSD", "USDJPY", "XAUUSD"];
/// Ticks of each in one commit.
const PART: usize = 262_144;
const COMMITS: usize = 6;
/// Ticks of a commit as the bridge makes them of the real day.
const FEED: usize = 4_096;
/// Ticks of the seeded day where the real one is not there.
const SEEDED_DAY: usize = 60_000;

pub(crate) async fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let (duck, house) = (DuckDb::find(report), ClickHousePeer::start(report).await?);
    inserts(plan, report, duck.as_ref(), house.as_ref()).await?;
    day(plan, report, duck.as_ref(), house.as_ref()).await
}

/// Fills a store from memory: markets of several symbols side by side, a commit at a time. Only the commits are timed.
pub(crate) struct Filling {
    markets: Vec<(Source, Market)>,
    seq: u64,
    offset: u64,
    pub(crate) stored: usize,
    pub(crate) took: Duration,
}

impl Filling {
    pub(crate) fn new(symbols: &[&str], seed: u64) -> Result<Self> {
        let markets = (seed..).zip(symbols).map(|(seed, symbol)| Ok((source(symbol)?, Market::new(seed))));
        let markets = markets.collect::<Result<_>>()?;
        Ok(Self { markets, seq: 0, offset: 0, stored: 0, took: Duration::ZERO })
    }

    /// One more commit of `each` ticks per symbol.
    pub(crate) async fn step(&mut self, store: &dyn TickStore, each: usize) -> Result<()> {
        let part = |(source, market): &mut (Source, Market)| (*source, self.seq, market.by_ref().take(each).collect());
        let parts: Vec<(Source, u64, Vec<Tick>)> = self.markets.iter_mut().map(part).collect();
        self.seq += each as u64;
        self.offset += 1;
        let commit = commit(self.offset, parts);
        let watch = Stopwatch::start();
        store.commit(commit).await?;
        self.took += watch.elapsed();
        self.stored += each * self.markets.len();
        Ok(())
    }

    pub(crate) fn rate(&self) -> f64 {
        self.stored as f64 / self.took.as_secs_f64()
    }
}

async fn inserts(
    plan: &Plan,
    report: &mut Report,
    duck: Option<&DuckDb>,
    house: Option<&ClickHousePeer>,
) -> Result<()> {
    let (mut rates, mut last) = (Vec::new(), None);
    for run in 0..u64::from(plan.runs) {
        let world = World::open().await?;
        let mut filling = Filling::new(&SYMBOLS, run * 10 + 1)?;
        for _ in 0..COMMITS {
            filling.step(&*world.database.stores().ticks, plan.scaled(PART)).await?;
        }
        rates.push(filling.rate());
        last = Some(world);
    }
    let bar = Bar::AtLeast(3_000_000.0);
    report.add("tick_insert_per_s", "ticks into the store from memory, durable", "/s", bar, &rates);
    if let (Some(duck), Some(world)) = (duck, &last) {
        world.database.flush().await?;
        let wrote = duck.write(world, plan.runs).await?;
        let (parquet, table) = (&wrote.parquet_per_s, &wrote.table_per_s);
        report.add(
            "peers.duckdb.parquet_per_s",
            "DuckDB, the same ticks from memory to Parquet",
            "/s",
            Bar::None,
            parquet,
        );
        report.add("peers.duckdb.table_per_s", "DuckDB, the same ticks into its own file", "/s", Bar::None, table);
    }
    if let Some(house) = house {
        let mut filling = Filling::new(&SYMBOLS, 1)?;
        filling.step(house.store(), plan.scaled(PART)).await?;
        report.add(
            "peers.clickhouse.insert_per_s",
            "ClickHouse engine behind its HTTP bridge, our adapter",
            "/s",
            Bar::None,
            &[filling.rate()],
        );
    }
    Ok(())
}

async fn day(plan: &Plan, report: &mut Report, duck: Option<&DuckDb>, house: Option<&ClickHousePeer>) -> Result<()> {
    let (source, real) = (source("GBPJPY")?, real_day(plan.data.as_deref())?);
    let is_real = real.is_some();
    let ticks = real.unwrap_or_else(|| Market::new(1).take(SEEDED_DAY).collect());
    let world = World::open().await?;
    feed(&*world.database.stores().ticks, source, &ticks).await?;
    world.database.flush().await?;
    let each = |bytes: u64| [bytes as f64 / ticks.len() as f64];
    if is_real {
        let bytes = each(world.bytes().await?);
        report.add("bytes_per_tick", "bytes a quote, the GBPJPY day in Parquet", "B", Bar::AtMost(2.7), &bytes);
        if let Some(duck) = duck {
            let wrote = duck.write(&world, 1).await?;
            let bytes = each(wrote.parquet_bytes);
            report.add(
                "peers.duckdb.bytes_per_tick",
                "DuckDB, the same columns in Parquet, ZSTD",
                "B",
                Bar::None,
                &bytes,
            );
        }
        if let Some(house) = house {
            let bytes = each(house.bytes_of(source, &ticks).await?);
            report.add(
                "peers.clickhouse.bytes_per_tick",
                "ClickHouse engine, our table, merged",
                "B",
                Bar::None,
                &bytes,
            );
        }
    } else {
        let why = "bytes a quote: the GBPJPY day is not there; name its folder with --data or AITRADING_SHARED_DATA";
        report.skip(why.to_owned());
    }
    scan(plan, report, &world, (source, &ticks), (duck, house)).await?;
    world.close().await
}

/// As the bridge hands the day over: in commits of a few thousand.
pub(crate) async fn feed(store: &dyn TickStore, source: Source, ticks: &[Tick]) -> Result<()> {
    let mut seq = 0;
    for (offset, part) in (1..).zip(ticks.chunks(FEED)) {
        store.commit(commit(offset, vec![(source, seq, part.to_vec())])).await?;
        seq += part.len() as u64;
    }
    Ok(())
}

async fn scan(
    plan: &Plan,
    report: &mut Report,
    world: &World,
    (source, ticks): (Source, &[Tick]),
    (duck, house): (Option<&DuckDb>, Option<&ClickHousePeer>),
) -> Result<()> {
    let runs = plan.runs.saturating_mul(3);
    let took = scanned(&*world.database.stores().ticks, source, ticks, runs).await?;
    report.add("scan_day_ms", "one symbol's day, every tick", "ms", Bar::Below(20.0), &took);
    if let Some(duck) = duck {
        let (took, rows) = duck.scan(world, runs).await?;
        ensure!(rows == ticks.len() as u64, "DuckDB sees {rows} ticks of {}", ticks.len());
        let name = "DuckDB, the sums of every column of the same files";
        report.add("peers.duckdb.scan_day_ms", name, "ms", Bar::None, &took);
    }
    if let Some(house) = house {
        let source = house.take(source, ticks).await?;
        let took = scanned(house.store(), source, ticks, plan.runs).await?;
        let name = "ClickHouse engine behind its HTTP bridge, our adapter, every tick";
        report.add("peers.clickhouse.scan_day_ms", name, "ms", Bar::None, &took);
    }
    Ok(())
}

/// Milliseconds that a store takes to show a source's day.
async fn scanned(store: &dyn TickStore, source: Source, ticks: &[Tick], runs: u16) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    for _ in 0..runs {
        let mut seen = Vec::with_capacity(ticks.len());
        let watch = Stopwatch::start();
        store.scan(source, &mut |batch| seen.extend_from_slice(batch)).await?;
        took.push(watch.millis());
        ensure!(seen == ticks, "the day came back as another one");
    }
    Ok(took)
}
