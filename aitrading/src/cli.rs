//! The command line.

pub(crate) mod backup;
pub(crate) mod history;
pub(crate) mod migrate_store;

use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, time::Duration};

/// Self-hosted, zero-trust trading infrastructure around MetaTrader 5.
#[derive(Debug, Parser)]
#[command(name = "aitrading", version, after_help = crate::exit::HELP, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole product working on one machine: terminals, ticks, signals, execution, proof.
    Demo(Demo),
    /// Prepare a data directory: authority, certificates, keys, configuration.
    Init(Init),
    /// Run the server until SIGINT or SIGTERM, then drain.
    Up(Up),
    /// Ask a running server how it is.
    Health(Health),
    /// Work with the configuration.
    #[command(subcommand, after_help = "Example:\n  aitrading config check --data-dir ./desk")]
    Config(Config),
    /// Look at the databases behind the server.
    #[command(subcommand, after_help = "Example:\n  aitrading db health --data-dir ./desk")]
    Db(Db),
    /// Work with the audit log.
    #[command(subcommand, after_help = "Example:\n  aitrading audit verify --data-dir ./desk")]
    Audit(Audit),
    /// Add history from files of other programs.
    #[command(subcommand, after_help = "Example:\n  aitrading import ticks --data-dir ./desk --symbol GBPJPY day.csv")]
    Import(history::Import),
    /// Write history for other programs.
    #[command(
        subcommand,
        after_help = "Example:\n  aitrading export ticks --data-dir ./desk --symbol GBPJPY --output day.csv"
    )]
    Export(history::Export),
    /// Copy everything that a stopped server keeps, with a manifest that proves the copy.
    Backup(backup::Backup),
    /// Check a backup, and make a data directory of it.
    Restore(backup::Restore),
    /// Move what a stopped server keeps to the databases that its configuration names, and prove that all of it arrived.
    MigrateStore(migrate_store::MigrateStore),
    /// Ask for ticks and bars in SQL; nothing can be changed.
    Sql(Sql),
    /// Compare the stored ticks and the executions with a tick file and a demo client's broker, by content and order.
    #[command(hide = true)]
    Compare(Compare),
    /// Print version and build target.
    Version(Version),
    /// The client beside a terminal, as the demo starts it.
    #[command(hide = true, disable_help_flag = true)]
    Client(Client),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading demo                                  a seeded market, one terminal, until its end or Ctrl-C
  aitrading demo --ticks day.csv --symbol GBPJPY  replay real ticks as fast as decisions allow
  aitrading demo --headless --for 30s --report r.json
  aitrading demo --data-dir ./desk                keep everything; run again to go on where it stopped")]
pub(crate) struct Demo {
    /// Replay this tick file: `histdata` (YYYYMMDD HHMMSSmmm,bid,ask,volume in EST) or `time_msc` (time_msc,bid,ask,... in UTC). Without it a seeded market model makes ticks.
    #[arg(long, value_name = "FILE")]
    pub(crate) ticks: Option<PathBuf>,
    /// The file's format; recognised if not given.
    #[arg(long, value_name = "NAME", requires = "ticks", value_parser = ["histdata", "time_msc"])]
    pub(crate) format: Option<String>,
    /// The symbol that is traded, as the shipped table of specifications has it.
    #[arg(long, value_name = "NAME")]
    pub(crate) symbol: Option<String>,
    /// Market speed: 1 is real time; `max` goes as fast as decisions allow.
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = parse_speed)]
    pub(crate) speed: Speed,
    /// Stop so long after the first tick (30s, 5m, 1h); otherwise at the end of the ticks.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Terminals that stream ticks.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) terminals: u16,
    /// Of these, accounts with a subscription; more subscribers than terminals start more terminals. Default: all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=50))]
    pub(crate) subscribers: Option<u16>,
    /// Keep everything here, and go on from what is there; otherwise a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,
    /// Seed of the market model and the broker's behaviour.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Plain lines, a few each five seconds, instead of a screen that is redrawn.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Add this to all ports, to run beside another server.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=57_000))]
    pub(crate) port_offset: u16,
    /// Faults of the simulated terminals, per mille: `lost=5,late=5,before=5,after=5`.
    #[arg(long, value_name = "SPEC", default_value = "", value_parser = check_faults)]
    pub(crate) faults: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading init --data-dir ./desk
  aitrading init --data-dir ./desk --demo-client ./laptop   also a client directory with certificate, key and settings
  aitrading init --data-dir ./desk --auditor ./auditor      a certificate that may ask the database service in SQL
  aitrading init --data-dir ./desk --use-spare /media/stick/server-spare.key   another key for the server
  aitrading init --data-dir ./desk --renew   a new certificate for the server's key, before the old one ends")]
pub(crate) struct Init {
    /// Where the server keeps everything.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Write a client certificate, its key and ready settings for `aitrading-client` here.
    #[arg(long, value_name = "DIR")]
    pub(crate) demo_client: Option<PathBuf>,
    /// Write an auditor's certificate and key here, in PEM, for curl and other programs.
    #[arg(long, value_name = "DIR")]
    pub(crate) auditor: Option<PathBuf>,
    /// Change the server to its spare key, read from here: enrolled clients accept it. A new spare is made.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["demo_client", "auditor"])]
    pub(crate) use_spare: Option<PathBuf>,
    /// Give the server of a prepared directory a new certificate for the key that it has; takes effect at its next start.
    #[arg(long, conflicts_with_all = ["demo_client", "auditor", "use_spare"])]
    pub(crate) renew: bool,
    /// The account (MT5 login) that the demo client trades.
    #[arg(long, value_name = "LOGIN", default_value_t = 70_001, requires = "demo_client")]
    pub(crate) account: u64,
    /// Written into the configuration: added to all ports.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=57_000))]
    pub(crate) port_offset: u16,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading up --data-dir ./desk
  aitrading up --data-dir ./desk --port-offset 100   ports 8100, 8101, 8107, 8108, 8110")]
pub(crate) struct Up {
    /// A directory that `aitrading init` prepared.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Add this to all ports.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=57_000))]
    pub(crate) port_offset: Option<u16>,
    /// Let replaying terminals wait for decisions, as the demo does.
    #[arg(long)]
    pub(crate) lock_step: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading health
  aitrading health --json | jq .components")]
pub(crate) struct Health {
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
    /// Take the address from this directory's configuration.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The server's port offset.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port_offset: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check the configuration and list every problem; nothing is started.
    #[command(after_help = "Example:\n  aitrading config check --data-dir ./desk")]
    Check(ConfigCheck),
    /// Seal a password for the configuration: read from standard input, printed as `sealed:...`.
    #[command(after_help = "\
Examples:
  aitrading config seal database.ticks.password --data-dir ./desk < password.txt
  pass show desk/redis | aitrading config seal database.cache.password --data-dir ./desk

The sealed text opens only with this directory's keys, and only for the setting that it was sealed for:
database.PART.password or database.PART.client_key, where PART is relational, ticks, cache, patterns, graph or events.")]
    Seal(ConfigSeal),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigSeal {
    /// The setting that it is for.
    #[arg(value_name = "SETTING", value_parser = check_setting)]
    pub(crate) key: String,
    /// The directory whose keys seal it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Ask every database that the configuration names: backend, version, latency, connections.
    #[command(after_help = "\
Example:
  aitrading db health --data-dir ./desk --json

The embedded stores of a running server are its own: `aitrading health` asks it.")]
    Health(DbHealth),
    /// Show which steps of its schema each database of rows has; changes nothing.
    #[command(after_help = "Example:\n  aitrading db status --data-dir ./desk")]
    Status(DbHealth),
    /// Bring the schemas up to date, as the next start of the server would; take a backup first.
    #[command(after_help = "\
Example:
  aitrading backup --data-dir ./desk --to ./before && aitrading db migrate --data-dir ./desk

Instances that start at the same time take each step once. A step is never taken back: a release that is older than
the schema refuses to start, and a step that was begun and not finished is named.")]
    Migrate(DbHealth),
}

#[derive(Debug, Args)]
pub(crate) struct DbHealth {
    /// The server's data directory, whose configuration names the databases.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigCheck {
    /// The directory whose `aitrading.toml` is checked.
    #[arg(long, value_name = "DIR", required_unless_present = "file")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Check this file instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Prove from files alone that the log is whole and unaltered.
    #[command(after_help = "\
Exit codes: 0 clean, 1 tampered with, 2 could not run.

Example:
  aitrading audit verify --data-dir ./desk")]
    Verify(AuditVerify),
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    /// The server's data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Trust only this checkpoint key (the text of `audit/vkey`, kept elsewhere) instead of the one beside the log.
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Option<String>,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading sql --data-dir ./desk --tables
  aitrading sql --data-dir ./desk \"SELECT symbol, count(*), min(spread) FROM ticks GROUP BY symbol\"
  aitrading sql --data-dir ./desk --file report.sql --format csv --output report.csv
  echo 'SELECT * FROM bars LIMIT 5' | aitrading sql --data-dir ./desk - --json

A server that runs on the directory is asked, as its operator; if none runs, the stores are read here, and the directory is taken
meanwhile: a server that starts then is told that it is in use. Without a server, ticks that a crash left in the journal are not
shown before the server has started again.
Only one SELECT, WITH, EXPLAIN, SHOW TABLES or DESCRIBE over ticks, bars and logs is answered. Nothing keeps logs yet: the table
is empty.")]
#[command(group(clap::ArgGroup::new("question").required(true).args(["statement", "file", "tables"])))]
pub(crate) struct Sql {
    /// The statement; `-` reads it from the standard input.
    #[arg(value_name = "STATEMENT")]
    pub(crate) statement: Option<String>,
    /// The server's data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Read the statement from this file; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Show the tables and their columns.
    #[arg(long)]
    pub(crate) tables: bool,
    /// How the answer is written; `jsonl` is one JSON object a line, `arrow` an Arrow IPC stream.
    #[arg(long, value_name = "NAME", default_value = "table", value_parser = ["table", "csv", "json", "jsonl", "arrow"])]
    pub(crate) format: String,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// More rows than this are refused; at most the configuration's `sql_rows`.
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
    /// Stop after so many seconds; at most the configuration's `sql_seconds`.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) timeout: Option<u32>,
    /// Write the answer to this file; it appears when it is whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The running server's port offset, if it was given with `up`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=57_000))]
    pub(crate) port_offset: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The server's data directory; no server may be using it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// The tick file that the client's terminal replayed.
    #[arg(long, value_name = "FILE")]
    pub(crate) ticks: PathBuf,
    /// The symbol.
    #[arg(long, value_name = "NAME")]
    pub(crate) symbol: String,
    /// The client's directory, whose simulated broker is asked for executions.
    #[arg(long, value_name = "DIR")]
    pub(crate) client: PathBuf,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading version
  aitrading version --json")]
pub(crate) struct Version {
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Client {
    /// Everything after `client` is the client's own command line.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<std::ffi::OsString>,
}

/// How fast the market runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    Times(u32),
    Max,
}

/// The client parses it for good; here a typing error is told before anything starts.
fn check_faults(text: &str) -> Result<String, String> {
    aitrading_app::parse_faults(text).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Max),
        _ => match text.parse() {
            Ok(times @ 1..=1_000_000) => Ok(Speed::Times(times)),
            _ => Err("a whole number from 1 to 1000000, or 'max', is expected".into()),
        },
    }
}

/// `30s`, `5m`, `1h`, `500ms`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| "a number with a unit is expected: 500ms, 30s, 5m, 1h".to_owned())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err("a unit is expected: 500ms, 30s, 5m, 1h".into()),
    };
    millis.filter(|m| *m > 0).map(Duration::from_millis).ok_or_else(|| "longer than 0, and within reason".into())
}

/// A sealed text is bound to the setting's name: a misspelt one would never open.
fn check_setting(text: &str) -> Result<String, String> {
    let known = aitrading_database_link::Role::ALL
        .iter()
        .any(|role| ["password", "client_key"].iter().any(|last| *text == format!("database.{role}.{last}")));
    let cure = "write database.PART.password or database.PART.client_key, PART being relational, ticks, cache, patterns, graph or events";
    if known { Ok(text.to_owned()) } else { Err(cure.to_owned()) }
}
