//! `cargo xtask bench db`: builds the crate that measures the databases, and runs it.
//!
//! The measuring itself is not in here: it needs the server's crates, and this tool must stay quick to build.

use crate::machine::{cargo, target_dir};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::{path::Path, process::Command};

pub(super) const HELP: &str =
    "Builds in release. The servers are started by the command itself, on loopback, in temporary folders: PostgreSQL
(with pgbench) and Redis have to be installed; the ClickHouse engine is there once `cargo xtask test` ran. What
is missing is named with the command that installs it, and the rest is measured. Needs 1 GB of disk for a while.

Examples:
  cargo xtask bench db
  cargo xtask bench db --only pool --runs 5
  cargo xtask bench db --json | jq .pool_ratio_8

Exit code: 0 when every bar is held, 1 when one is missed, something was skipped, or the measuring itself failed.";

#[derive(Debug, Clone, Args)]
pub(super) struct Options {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Only this group of figures
    #[arg(long, value_parser = ["pool", "ticks", "cache", "sql"])]
    only: Option<String>,
    /// A few seconds and a tenth of the ticks: to see that it runs, not to quote
    #[arg(long)]
    quick: bool,
    /// Runs of each figure; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Folder with the shared test data [default: AITRADING_SHARED_DATA, or shared/data beside the repository]
    #[arg(long)]
    data: Option<std::path::PathBuf>,
}

/// `Ok(true)` only if every bar is held.
pub(super) fn run(root: &Path, options: &Options) -> Result<bool> {
    // Both packages in one go: the libraries that they share are then built once, and with the server's own features.
    let mut build = cargo(root)?;
    build.args(["build", "--locked", "--release", "--package", "aitrading", "--package", "aitrading-bench"]);
    ensure!(build.status()?.success(), "the build failed");
    let program = target_dir()?.join("release").join(format!("aitrading-bench{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(program);
    bench.current_dir(root).args(["--runs", &options.runs.to_string()]);
    bench.args(options.json.then_some("--json")).args(options.quick.then_some("--quick"));
    if let Some(only) = &options.only {
        bench.args(["--only", only]);
    }
    if let Some(data) = &options.data {
        bench.arg("--data").arg(std::path::absolute(data)?);
    }
    match bench.status().context("the benchmark does not start")?.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("the benchmark did not end"),
    }
}
