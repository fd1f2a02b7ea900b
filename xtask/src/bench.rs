//! `cargo xtask bench`: the product's figures on this machine, each beside the limit that is named for it.

mod db;

use crate::rig::{Process, Rig, build, write_ticks};
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    /// Runs of each figure; the median is shown
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Ticks of one throughput run
    #[arg(long, default_value_t = 3_000_000)]
    ticks: u64,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Only figures whose name contains this
    #[arg(long)]
    only: Option<String>,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Measures the databases: pool, tick store, cache and SQL, beside pgbench, DuckDB and the ClickHouse engine
    #[command(after_help = db::HELP)]
    Db(db::Options),
}

const STOP_WITHIN: Duration = Duration::from_secs(60);
const RUN_WITHIN: Duration = Duration::from_secs(300);
const IDLE: Duration = Duration::from_secs(10);
const SYMBOL: &str = "GBPJPY";

/// One figure: its samples, and the limit that it is held against.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    limit: f64,
    more_is_better: bool,
    samples: Vec<f64>,
}

impl Figure {
    fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Above 1: better than the limit.
    fn ratio(&self) -> f64 {
        if self.more_is_better { self.median() / self.limit } else { self.limit / self.median() }
    }
}

/// Measures everything; `Ok(true)` only if every figure is within its limit.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool> {
    if let Some(What::Db(options)) = &options.what {
        return db::run(root, options);
    }
    let binary = build(root, true)?;
    let work = std::env::temp_dir().join(format!("aitrading-bench-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    let bench = Bench { binary, work: work.clone(), options: options.clone(), shared: shared_ticks(root) };
    let figures = bench.all();
    std::fs::remove_dir_all(&work)?;
    let figures = figures?;
    show(&figures, options.json)?;
    Ok(figures.iter().all(|f| f.ratio() >= 1.0))
}

fn shared_ticks(root: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("AITRADING_SHARED_DATA").map(PathBuf::from);
    let folder = named.or_else(|| root.parent().map(|p| p.join("shared/data")))?;
    Some(folder.join("ticks/gbpjpy-ticks-2012-12-03.csv")).filter(|p| p.is_file())
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

fn show(figures: &[Figure], json: bool) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    if json {
        let rows: Vec<_> = figures
            .iter()
            .map(|f| {
                serde_json::json!({"name": f.name, "unit": f.unit, "median": f.median(), "limit": f.limit,
                    "ratio": f.ratio(), "samples": f.samples, "holds": f.ratio() >= 1.0})
            })
            .collect();
        println!("{}", serde_json::json!({"cores": cores, "figures": rows}));
        return Ok(());
    }
    println!("{:<52} {:>12} {:>12} {:>8}  RUNS", "FIGURE", "MEDIAN", "LIMIT", "RATIO");
    for f in figures {
        let bound = if f.more_is_better { ">=" } else { "<=" };
        let verdict = if f.ratio() >= 1.0 { "" } else { "  BELOW ITS LIMIT" };
        println!(
            "{:<52} {:>12.2} {:>2}{:>10} {:>8.2}  {} {}{verdict}",
            f.name,
            f.median(),
            bound,
            f.limit,
            f.ratio(),
            f.samples.len(),
            f.unit
        );
    }
    println!("ratio: how many times better than the limit; {cores} cores, load now {}", load_average());
    Ok(())
}

struct Bench {
    binary: PathBuf,
    work: PathBuf,
    options: Options,
    shared: Option<PathBuf>,
}

impl Bench {
    fn all(&self) -> Result<Vec<Figure>> {
        let mut figures = vec![
            self.figure("ticks/s, batches of 256, durable end to end", "ticks/s", 300_000.0, true, |b, n| {
                b.ingest(n, false)
            }),
            self.figure("ticks/s, single-tick frames, durable end to end", "ticks/s", 50_000.0, true, |b, n| {
                b.ingest(n, true)
            }),
            self.figure("bytes per stored quote", "B", 4.0, false, Self::bytes_per_quote),
            self.figure("decision to OrderSend p50, on disk", "ms", 12.0, false, |b, n| b.signal(n, false, "p50")),
            self.figure("decision to OrderSend p99, on disk", "ms", 30.0, false, |b, n| b.signal(n, false, "p99")),
            self.figure("decision to OrderSend p50, on tmpfs", "ms", 1.0, false, |b, n| b.signal(n, true, "p50")),
            self.figure("start of the process to all ready", "ms", 500.0, false, |b, n| Ok(b.start(n)?.0)),
            self.figure("idle resident memory of the server", "MiB", 60.0, false, |b, n| Ok(b.start(n)?.1)),
        ];
        figures.retain(|f| !f.as_ref().is_ok_and(|f| f.samples.is_empty()));
        figures.into_iter().collect()
    }

    fn figure(
        &self,
        name: &'static str,
        unit: &'static str,
        limit: f64,
        more_is_better: bool,
        measure: impl Fn(&Self, u16) -> Result<f64>,
    ) -> Result<Figure> {
        let mut samples = Vec::new();
        if self.options.only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            for n in 0..self.options.runs {
                let value = measure(self, n).with_context(|| format!("figure '{name}'"))?;
                eprintln!("{name}: {value:.2} {unit} (load {})", load_average());
                samples.push(value);
            }
        }
        Ok(Figure { name, unit, limit, more_is_better, samples })
    }

    /// Ticks acknowledged per second between the first sent and the last acknowledged.
    fn ingest(&self, n: u16, single: bool) -> Result<f64> {
        let work = self.work.join(format!("ingest-{single}-{n}"));
        let rig = Rig::init(&self.binary, &work)?;
        let count = if single { self.options.ticks / 5 } else { self.options.ticks };
        let file = work.join("ticks.csv");
        write_ticks(&file, count, 1, u64::from(n) + 1)?;
        let (server, _) = rig.up(&[])?;
        let file = file.to_str().context("the path is not UTF-8")?;
        if single {
            rig.set("single", "true")?;
        }
        let client = rig.client(&["--ticks", file, "--symbol", SYMBOL, "--speed", "max"])?;
        let last = finished(&client)?;
        client.stop(STOP_WITHIN)?;
        server.stop(STOP_WITHIN)?;
        std::fs::remove_dir_all(&work)?;
        let number = |key: &str| last.get(key).and_then(Value::as_f64).with_context(|| format!("no {key} in {last}"));
        let acknowledged = number("acknowledged")?;
        ensure!(acknowledged as u64 == count, "{acknowledged} of {count} ticks were acknowledged");
        Ok(acknowledged / number("stream_s")?)
    }

    /// The demo on one terminal, in a directory of its own; its report.
    fn demo(&self, n: u16, tmpfs: bool) -> Result<Value> {
        let base = if tmpfs { Path::new("/dev/shm").to_owned() } else { self.work.clone() };
        let work = base.join(format!("aitrading-bench-demo-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&work)?;
        let report = work.join("report.json");
        let mut command = Command::new(&self.binary);
        command.args(["demo", "--headless", "--for", "20s", "--symbol", SYMBOL]);
        command.args(["--port-offset", &crate::rig::free_offset()?.to_string()]);
        if let Some(ticks) = &self.shared {
            command.arg("--ticks").arg(ticks);
        }
        command.arg("--data-dir").arg(work.join("data")).arg("--report").arg(&report);
        let done = command.stdout(Stdio::null()).status()?;
        ensure!(done.success(), "the demo did not hold");
        let value = serde_json::from_slice(&std::fs::read(&report)?)?;
        std::fs::remove_dir_all(&work)?;
        Ok(value)
    }

    fn bytes_per_quote(&self, n: u16) -> Result<f64> {
        at(&self.demo(n, false)?, "/storage/bytes_per_quote")
    }

    fn signal(&self, n: u16, tmpfs: bool, quantile: &str) -> Result<f64> {
        let report = self.demo(n, tmpfs)?;
        ensure!(at(&report, "/signals/executed")? >= 1.0, "no signal was executed: {report}");
        Ok(at(&report, &format!("/latency_us/signal_to_ordersend/{quantile}"))? / 1_000.0)
    }

    /// Milliseconds to readiness, and MiB after a while of idling.
    fn start(&self, n: u16) -> Result<(f64, f64)> {
        let work = self.work.join(format!("start-{n}"));
        let rig = Rig::init(&self.binary, &work)?;
        let (server, took) = rig.up(&[])?;
        std::thread::sleep(IDLE);
        let memory = server.rss_mib()?;
        server.stop(STOP_WITHIN)?;
        std::fs::remove_dir_all(&work)?;
        Ok((took.as_secs_f64() * 1_000.0, memory))
    }
}

fn at(value: &Value, pointer: &str) -> Result<f64> {
    value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer} in {value}"))
}

fn finished(client: &Process) -> Result<Value> {
    let start = Instant::now();
    loop {
        let status = client.status();
        if status.get("feed_end").and_then(Value::as_bool) == Some(true) {
            return Ok(status);
        }
        ensure!(client.is_alive(), "the client ended early: {status}");
        ensure!(start.elapsed() < RUN_WITHIN, "the run did not finish: {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
