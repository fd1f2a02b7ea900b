//! The command line.

use crate::faults::{parse_faults, parse_minutes};
use aitrading_metatrader_connector::terminal::FaultPlan;
use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, time::Duration};

/// The table that `--help` shows.
const HELP: &str = "\
Exit codes:
  0   ended in order
  2   wrong usage
  65  a tick file is malformed (line and column are named)
  66  a tick file is missing
  69  the port for the Expert Advisor is taken; with --for: the server was never reached
  70  a defect of ours
  74  reading or writing failed: disk full or broken
  75  another client is using the data directory
  78  settings, keys or certificates are not usable (cause and cure are named)

Examples:
  aitrading-client run --config ./settings.toml
  aitrading-client simulate --config ./settings.toml --symbol EURUSD --synthetic --speed 60 --for 1m";

/// The subscriber's side of aitrading.
#[derive(Debug, Parser)]
#[command(name = "aitrading-client", version, about, after_help = HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Works beside MetaTrader: waits for the Expert Advisor, sends its ticks, executes signals.
    Run(Run),
    /// The same, with a simulated terminal and broker in this process.
    Simulate(Box<Simulate>),
    /// Tells the version.
    Version,
}

/// What both ways of running share.
#[derive(Debug, Args)]
pub struct Common {
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Ends by itself after this time: 500ms, 30s, 5m, 2h.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// One JSON object with the status each half second, and a last one with "final": true.
    #[arg(long)]
    pub json_status: bool,
    /// Ends when standard input ends or says "stop": a client that was started by a program does not outlive it.
    #[arg(long)]
    pub stdin_control: bool,
    /// Log levels, per module if wanted: info,aitrading_channel=debug.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Shared options.
    #[command(flatten)]
    pub common: Common,
}

/// `simulate`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["ticks", "synthetic"]))]
pub struct Simulate {
    /// Shared options.
    #[command(flatten)]
    pub common: Common,
    /// A symbol of the built-in table; may be repeated.
    #[arg(long = "symbol", value_name = "NAME", required = true)]
    pub symbols: Vec<String>,
    /// A tick file for each symbol, in the same order.
    #[arg(long, value_name = "FILE")]
    pub ticks: Vec<PathBuf>,
    /// Format of the tick files, if it is not to be recognised: histdata, time_msc.
    #[arg(long, value_name = "FORMAT", requires = "ticks")]
    pub format: Option<String>,
    /// Ticks from a seeded market model, which are said to be synthetic wherever they are shown.
    #[arg(long)]
    pub synthetic: bool,
    /// Ticks of the market model for each symbol.
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub count: u32,
    /// How many times as fast as the market was, or max.
    #[arg(long, value_name = "N|max", default_value = "1", value_parser = parse_speed)]
    pub speed: Speed,
    /// Seed of market model, slippage and faults.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What goes wrong, in thousandths of all orders: lost=5,late=5,before=5,after=5.
    #[arg(long, value_name = "SPEC", default_value = "", value_parser = parse_faults)]
    pub faults: FaultPlan,
    /// Minutes of market time after each symbol's first tick whose ticks the feed misses, though the history has them; may be
    /// repeated.
    #[arg(long, value_name = "FROM..TO", value_parser = parse_minutes)]
    pub missed: Vec<(u32, u32)>,
}

/// How fast a history is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// So many times as fast as the market was.
    Times(u32),
    /// As fast as everything behind it takes it.
    Max,
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Max),
        _ => match text.parse() {
            Ok(times) if times > 0 => Ok(Speed::Times(times)),
            _ => Err("write a whole number above 0, or max".to_owned()),
        },
    }
}

pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and its unit: 500ms, 30s, 5m, 2h".to_owned();
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(millis).filter(|ms| *ms > 0).map(Duration::from_millis).ok_or_else(wrong)
}
