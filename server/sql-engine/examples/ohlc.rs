//! Writes synthetic quotes in the documented layout and prints how long the usual questions take.
//!
//! `cargo run --release -p aitrading-sql-engine --example ohlc [DIR]`: with a folder, the files stay there for other engines.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement for the one who runs it"
)]

#[path = "../tests/it/layout.rs"]
mod layout;

use aitrading_env::Env;
use aitrading_model::{AccountId, Source, TenantId, Tick, TraceId};
use aitrading_sql_engine::{
    BarRow, BarWish, Format, ListedFile, LogRow, LogWish, Rows, SqlEngine, SqlLimits, SqlSession, TickFilesView,
    TickSnapshot, TickWish,
};
use aitrading_store::StoreError;
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use std::{path::PathBuf, sync::Arc, time::Duration};

const QUOTES: usize = 5_000_000;
const FILE_QUOTES: usize = 58_953;
const MONDAY_MS: i64 = 1_704_067_200_000;
const DAY_MS: i64 = 86_400_000;
const RUNS: usize = 9;

struct Files(Vec<ListedFile>);

#[async_trait]
impl TickFilesView for Files {
    async fn ticks(&self, _: TenantId, _: &TickWish) -> Result<TickSnapshot, StoreError> {
        Ok(TickSnapshot { files: self.0.clone(), waiting: Vec::new(), set_aside: Vec::new(), guard: Box::new(()) })
    }
    async fn bars(&self, _: TenantId, _: &BarWish) -> Result<Rows<BarRow>, StoreError> {
        Ok(stream::empty().boxed())
    }
    async fn logs(&self, _: TenantId, _: &LogWish) -> Result<Rows<LogRow>, StoreError> {
        Ok(stream::empty().boxed())
    }
    async fn damaged(&self, _: &ListedFile) {}
}

/// One file a day, each as long as a real day of GBPJPY.
fn write(env: &Env, root: &std::path::Path) -> Vec<ListedFile> {
    let source = Source { tenant: TenantId(1), account: AccountId(7), symbol: "EURUSD".parse().unwrap() };
    let dir = root.join("tenant=1/account=7/symbol=EURUSD");
    env.fs.create_dir_all(&dir).unwrap();
    let days = QUOTES.div_ceil(FILE_QUOTES);
    let file = |day: usize| {
        let first = day * FILE_QUOTES;
        let start = MONDAY_MS + i64::try_from(day).unwrap() * DAY_MS;
        let n = FILE_QUOTES.min(QUOTES - first);
        let ticks: Vec<Tick> = layout::quotes(start, n, 1_400, day as u64);
        let bytes = layout::encode(&source, &ticks, 1 + first as u64);
        let path: PathBuf = dir.join(format!("{day:04}.parquet"));
        env.fs.write_atomic(&path, &bytes).unwrap();
        ListedFile {
            source,
            path,
            ticks: n as u64,
            bytes: bytes.len() as u64,
            crc: crc32c::crc32c(&bytes),
            min: ticks[0].time,
            max: ticks[n - 1].time,
        }
    };
    (0..days).map(file).collect()
}

async fn time(env: &Env, engine: &SqlEngine, name: &str, sql: &str) {
    let mut times = Vec::new();
    let (mut bytes, mut rows) = (0, 0);
    for _ in 0..RUNS {
        let start = env.clock.mono_ns();
        let session = SqlSession::new(TenantId(1), TraceId::default());
        let mut chunks = engine.execute(sql, &session).await.unwrap().chunks(Format::Arrow);
        bytes = 0;
        while let Some(chunk) = chunks.next_chunk().await.unwrap() {
            bytes += chunk.len();
        }
        rows = chunks.rows();
        times.push(env.clock.mono_ns() - start);
    }
    times.sort_unstable();
    let ms = |ns: u64| Duration::from_nanos(ns).as_secs_f64() * 1e3;
    println!(
        "{name:<34} median {:8.2} ms, best {:8.2} ms, {rows} rows, {bytes} bytes",
        ms(times[RUNS / 2]),
        ms(times[0])
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let env = Env::real();
    let temporary = tempfile::tempdir().unwrap();
    let root = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let files = write(&env, &root);
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    println!("{QUOTES} quotes in {} files, {:.2} bytes a quote", files.len(), bytes as f64 / QUOTES as f64);
    let engine = SqlEngine::new(env.clone(), SqlLimits::default(), Arc::new(Files(files)));
    let ohlc = |open: &str, close: &str| {
        format!(
            "SELECT date_bin(INTERVAL '1 minute', time) AS minute, {open} AS open, max(bid) AS high, min(bid) AS low,
                    {close} AS close, count(*) AS n FROM ticks GROUP BY minute"
        )
    };
    let day = "WHERE symbol = 'EURUSD' AND time >= '2024-01-20' AND time < '2024-01-21'";
    let cases = [
        ("OHLC, arg_min(bid, time)", ohlc("arg_min(bid, time)", "arg_max(bid, time)")),
        ("OHLC, arg_min(bid, time, seq)", ohlc("arg_min(bid, time, seq)", "arg_max(bid, time, seq)")),
        (
            "OHLC, first_value(bid ORDER BY time)",
            ohlc("first_value(bid ORDER BY time)", "last_value(bid ORDER BY time)"),
        ),
        ("count and average spread", "SELECT count(*), avg(spread) FROM ticks".to_owned()),
        ("one symbol-day, all columns", format!("SELECT * FROM ticks {day}")),
        ("one symbol-day, time, bid, ask", format!("SELECT time, bid, ask FROM ticks {day}")),
        (
            "one symbol-day, OHLC",
            format!("{} ", ohlc("arg_min(bid, time)", "arg_max(bid, time)").replace("GROUP", &format!("{day} GROUP"))),
        ),
        (
            "ten minutes",
            "SELECT time, bid FROM ticks WHERE time BETWEEN '2024-01-20T10:00:00Z' AND '2024-01-20T10:10:00Z'"
                .to_owned(),
        ),
        ("count of all", "SELECT count(*) FROM ticks".to_owned()),
    ];
    for (name, sql) in cases {
        time(&env, &engine, name, &sql).await;
    }
}
