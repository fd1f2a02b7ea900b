//! `cargo xtask bench db` runs this: the figures of the databases on this machine, each beside its bar and its peers.
//!
//! Everything goes through the ports that the server itself uses. The servers are those of the tests: started on free loopback
//! ports in temporary folders, PostgreSQL and Redis over TLS.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool talks to the terminal, the clock and other programs directly"
)]

#[cfg(unix)]
mod cache;
#[cfg(unix)]
mod figures;
#[cfg(unix)]
mod latest;
#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod peers;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod quotes;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod sql;
#[cfg(unix)]
mod ticks;
#[cfg(unix)]
mod world;

use clap::{Parser, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Pooled reads on PostgreSQL, against a connection for each
    Pool,
    /// The tick store: inserts, bytes, scans, the latest price
    Ticks,
    /// The cache in process and on Redis
    Cache,
    /// Bars out of ticks in SQL
    Sql,
}

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench db", about = "The databases' figures, each beside its bar")]
struct Options {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Only this group of figures
    #[arg(long)]
    only: Option<Group>,
    /// A few seconds and a tenth of the ticks: to see that it runs, not to quote
    #[arg(long)]
    quick: bool,
    /// Runs of each figure; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Folder with the shared test data, for the real day [default: AITRADING_SHARED_DATA, or shared/data beside the tree]
    #[arg(long)]
    data: Option<PathBuf>,
}

#[cfg(unix)]
fn main() -> ExitCode {
    match run::all(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    drop(Options::parse());
    eprintln!("error: the servers that are measured can be started on Unix only");
    ExitCode::from(2)
}
