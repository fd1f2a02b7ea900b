//! `aitrading`: the server, the operator's tool, and the demo. This crate parses arguments, composes the services and returns
//! exit codes; whatever is worth testing alone lives in the other crates.

mod cli;
mod commands;
mod exit;
mod layout;
mod vault;

use clap::Parser;
use exit::{Exit, Failure};
use std::{fmt, io::Write, process::ExitCode};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing else can be told if stderr is closed.
            writeln!(std::io::stderr(), "error: {failure}").unwrap_or(());
            failure.exit_code()
        }
    }
}

fn run(command: cli::Command) -> Result<(), Failure> {
    let out = &mut std::io::stdout();
    match command {
        cli::Command::Version(args) => commands::version::run(out, args.json),
        _ => Err(Failure::new(Exit::Internal, "not composed yet")),
    }
}

/// One line to `out`. A closed pipe ends the command quietly.
pub(crate) fn print(out: &mut dyn Write, line: fmt::Arguments<'_>) -> Result<(), Failure> {
    writeln!(out, "{line}").map_err(|e| Failure::new(Exit::Io, format!("cannot write to the output: {e}")))
}
