//! The project's own commands, run as `cargo xtask <command>`. They check and test the tree; nothing here is shipped.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool talks to the terminal, the file system and other programs directly"
)]

mod bench;
mod ci;
mod crash;
mod machine;
mod rig;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  cargo xtask tidy            the rules that no compiler knows, one line per violation
  cargo xtask tidy --json     the same as a JSON array, for editors
  cargo xtask test            everything that a reader of README.md is told to run
  cargo xtask test --embedded the same without database servers
  cargo xtask ci              what has to pass before a change goes in
  cargo xtask bench           the product's figures, each beside its limit
  cargo xtask bench db        the databases' figures, beside their peers
  cargo xtask crash           kills at random, then the proof that nothing was lost";

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks the dependency edges, ARCHITECTURE.md, the manifests and the source rules
    #[command(after_help = "Reads `cargo metadata --locked` and the tree. A check that cannot run counts as failed.

Examples:
  cargo xtask tidy
  cargo xtask tidy --write
  cargo xtask tidy --json | jq -r '.[].rule' | sort | uniq -c

Exit code: 0 when nothing was found, 1 otherwise.")]
    Tidy {
        /// Print a JSON array of {path, line, rule, message} instead of lines
        #[arg(long)]
        json: bool,
        /// First write anew what is made from something else: the list of tests in docs/THREAT-MODEL.md
        #[arg(long)]
        write: bool,
    },
    /// Runs all tests: nextest, the doc tests, then the demo for ten seconds
    #[command(
        after_help = "Needs cargo, cargo-nextest, and the database servers that tests start. PostgreSQL, Redis, Python and
openssl have to be there: what is missing is named with the command that installs it. cargo-nextest, NATS
and the ClickHouse engine are installed into the user's cache folder when missing, nothing anywhere else.
The demo replays real ticks when `shared/data` lies beside the repository, or when
AITRADING_SHARED_DATA names that folder, and synthetic ones otherwise.
Build files go to CARGO_TARGET_DIR, by default $XDG_CACHE_HOME/aitrading/target.

Examples:
  cargo xtask test
  cargo xtask test --embedded

The last line is `N passed, N failed`.
Exit code: 0 when nothing failed and something ran, 1 otherwise."
    )]
    Test {
        /// Skip the tests of database servers, and install none
        #[arg(long)]
        embedded: bool,
    },
    /// Runs the whole gate: fmt, clippy, tidy, deny, test
    #[command(
        after_help = "Installs cargo-deny, cargo-nextest, NATS and the ClickHouse engine into the user's cache folder when they
are missing, once. PostgreSQL, Redis, Python and openssl have to be there (see `cargo xtask test --help`).
Advisories are not checked: their database is a git repository of its own, and this gate runs without it.

Example:
  cargo xtask ci

Exit code: 0 when every step passed, 1 otherwise."
    )]
    Ci,
    /// Measures the product's figures on this machine, each beside its limit
    #[command(
        after_help = "Builds in release. The median of the runs is shown with its ratio to the limit: above 1 is better.
The tick file of `shared/data` is replayed when it is there, a seeded market model otherwise.

Examples:
  cargo xtask bench
  cargo xtask bench --only ticks/s --runs 5
  cargo xtask bench db --only pool

Exit code: 0 when every figure is within its limit, 1 otherwise."
    )]
    Bench(bench::Options),
    /// Kills server or client at random under load, and proves that nothing was lost or done twice
    #[command(after_help = "Needs the `kill` program. The last line is the verdict with all counts.

Example:
  cargo xtask crash --cycles 50

Exit code: 0 when everything held, 1 otherwise.")]
    Crash(crash::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Tidy { json, write } => machine::repository().and_then(|root| {
            if write {
                tidy::write(&root)?;
            }
            tidy::run(&root, json)
        }),
        Command::Test { embedded } => {
            let scope = if embedded { test::Scope::Embedded } else { test::Scope::All };
            machine::repository().and_then(|root| test::run(&root, scope))
        }
        Command::Ci => machine::repository().and_then(|root| ci::run(&root)),
        Command::Bench(options) => machine::repository().and_then(|root| bench::run(&root, &options)),
        Command::Crash(options) => machine::repository().and_then(|root| crash::run(&root, &options)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
