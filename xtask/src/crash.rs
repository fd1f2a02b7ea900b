//! `cargo xtask crash`: kills server or client at random under load, again and again, and then compares what is stored with
//! what was sent, by content and order.

use crate::rig::{Process, Rig, build, write_ticks};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use std::{path::PathBuf, time::Duration};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Kills
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    cycles: u64,
    /// Seed of the kills, of the ticks and of the broker
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use the debug build
    #[arg(long)]
    debug: bool,
    /// Keep the directories for inspection
    #[arg(long)]
    keep: bool,
}

/// Market milliseconds between two ticks, on average.
const TICK_MS: u64 = 1_000;
/// The market runs this much faster than real time: about 10,000 ticks a second, one bar each 6 ms.
const SPEED: u64 = 10_000;
/// Shortest and longest life between two kills.
const LIFE_MIN_MS: u64 = 100;
const LIFE_MAX_MS: u64 = 2_000;
const STOP_WITHIN: Duration = Duration::from_secs(30);
const SYMBOL: &str = "GBPJPY";

#[derive(Debug, Default)]
struct Tally {
    server_kills: u64,
    client_kills: u64,
    audits: u64,
    audits_clean: u64,
    acknowledged: u64,
    orders_seen: u64,
}

/// Runs the loop; `Ok(true)` only if everything held.
pub(crate) fn run(root: &std::path::Path, options: &Options) -> Result<bool> {
    let binary = build(root, !options.debug)?;
    let work = std::env::temp_dir().join(format!("aitrading-crash-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    let held = Loop::new(&binary, work.clone(), options)?.run(options);
    if options.keep {
        println!("kept: {}", work.display());
    } else {
        std::fs::remove_dir_all(&work)?;
    }
    held
}

struct Loop {
    rig: Rig,
    ticks: PathBuf,
    draw: Box<dyn FnMut(u64) -> u64>,
    tally: Tally,
    seed: u64,
}

impl Loop {
    fn new(binary: &std::path::Path, work: PathBuf, options: &Options) -> Result<Self> {
        let rig = Rig::init(binary, &work)?;
        // An outcome that is unknown is looked up until the signal has expired and the broker has had its time. Three minutes of
        // that would be most of the run: signals live two seconds here.
        rig.set("order_timeout_ms", "500")?;
        rig.set("broker_latency_ms", "500")?;
        rig.set("lookup_pause_ms", "50")?;
        let config = rig.server_dir.join("aitrading.toml");
        let text = std::fs::read_to_string(&config)?;
        std::fs::write(&config, text + "\n[trading_engine]\nsignal_life_s = 2\nreport_grace_s = 2\n")?;
        let ticks = work.join("ticks.csv");
        let per_cycle = SPEED * (LIFE_MAX_MS + 1_500) / TICK_MS;
        write_ticks(&ticks, per_cycle * (options.cycles + 10), TICK_MS, options.seed)?;
        let mut state = options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let draw = move |bound: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound.max(1)
        };
        Ok(Self { rig, ticks, draw: Box::new(draw), tally: Tally::default(), seed: options.seed })
    }

    fn start_client(&self) -> Result<Process> {
        let ticks = self.ticks.to_str().context("the path is not UTF-8")?;
        let (speed, seed) = (SPEED.to_string(), self.seed.to_string());
        let faults = "lost=20,late=20,before=20,after=20";
        self.rig.client(&["--ticks", ticks, "--symbol", SYMBOL, "--speed", &speed, "--seed", &seed, "--faults", faults])
    }

    fn audit(&mut self) -> Result<()> {
        let (clean, report) = self.rig.ask(&["audit", "verify"])?;
        self.tally.audits += 1;
        self.tally.audits_clean += u64::from(clean);
        if !clean {
            println!("audit: {report}");
        }
        Ok(())
    }

    fn note(&mut self, client: &Process) {
        self.tally.acknowledged = self.tally.acknowledged.max(acknowledged(&client.status()));
    }

    fn run(mut self, options: &Options) -> Result<bool> {
        let (mut server, _) = self.rig.up(&[])?;
        let mut client = self.start_client()?;
        for cycle in 1..=options.cycles {
            let life = LIFE_MIN_MS + (self.draw)(LIFE_MAX_MS - LIFE_MIN_MS);
            std::thread::sleep(Duration::from_millis(life));
            ensure!(server.is_alive(), "the server ended by itself; see {}", self.rig.server_dir.display());
            ensure!(client.is_alive(), "the client ended by itself; see {}", self.rig.client_dir.display());
            self.note(&client);
            let victim = (self.draw)(3);
            if victim != 1 {
                server.kill()?;
                self.tally.server_kills += 1;
                self.audit()?;
                (server, _) = self.rig.up(&[])?;
            }
            if victim != 0 {
                client.kill()?;
                self.tally.client_kills += 1;
                client = self.start_client()?;
            }
            if victim == 1 {
                self.audit()?;
            }
            if cycle % 10 == 0 {
                println!("cycle {cycle}: {} acknowledged, {:?}", self.tally.acknowledged, self.tally);
            }
        }
        self.settle(client, server, options)
    }

    /// After the faults: everything converges, then everything is compared.
    fn settle(mut self, client: Process, server: Process, options: &Options) -> Result<bool> {
        // A client knows what is acknowledged once it has a session; on a busy machine that takes a while.
        let start = std::time::Instant::now();
        while acknowledged(&client.status()) == 0 && start.elapsed() < STOP_WITHIN {
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_secs(3));
        self.note(&client);
        let last = client.stop(STOP_WITHIN)?;
        // Without the last client's word nothing would be held against what is stored.
        let told = acknowledged(&last);
        self.tally.acknowledged = self.tally.acknowledged.max(told);
        server.stop(STOP_WITHIN)?;
        self.audit()?;
        let ticks = self.ticks.to_str().context("the path is not UTF-8")?.to_owned();
        let clients = self.rig.client_dir.to_str().context("the path is not UTF-8")?.to_owned();
        let (_, compared) = self.rig.ask(&["compare", "--ticks", &ticks, "--symbol", SYMBOL, "--client", &clients])?;
        let number = |key: &str| compared.get(key).and_then(Value::as_u64).unwrap_or(u64::MAX);
        let same = compared.get("same").and_then(Value::as_bool) == Some(true);
        let covered = number("stored").saturating_add(number("rejected"));
        let lost = self.tally.acknowledged.saturating_sub(covered);
        self.tally.orders_seen = number("orders");
        let held = same
            && told > 0
            && lost == 0
            // A desk that stopped trading would prove nothing about executions.
            && number("orders") >= options.cycles
            && number("disputed_reports") == 0
            && number("executions_per_signal_max") <= 1
            && self.tally.audits == self.tally.audits_clean;
        let t = &self.tally;
        println!("compared: {compared}");
        println!(
            "crash: {} - {} server kills, {} client kills; {} ticks acknowledged, {} stored + {} rejected, {lost} lost, {} twice, order and content {}; {} orders of {} signals, executions per signal <= {}, {} reports disputed; audit verified {} of {} times",
            if held { "HELD" } else { "FAILED" },
            t.server_kills,
            t.client_kills,
            t.acknowledged,
            number("stored"),
            number("rejected"),
            number("twice"),
            if same { "equal" } else { "DIFFERENT" },
            t.orders_seen,
            number("signals"),
            number("executions_per_signal_max"),
            number("disputed_reports"),
            t.audits_clean,
            t.audits
        );
        Ok(held)
    }
}

/// Ticks that the server acknowledged over the whole life of a client's directory; 0 until the client knows.
fn acknowledged(status: &Value) -> u64 {
    status.get("acknowledged").and_then(Value::as_u64).unwrap_or(0)
}
