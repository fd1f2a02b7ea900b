//! The subscriber's program: command line, connector beside a terminal (a real one, or the simulated one in the same process),
//! status lines, orderly end. The server's binary calls the same entry to start its demo's clients.
#![warn(missing_docs)]

mod arguments;
mod error;
mod faults;
mod line;
mod simulate;
mod stop;
#[cfg(test)]
mod tests;
mod work;

pub use arguments::{Cli, Command, Common, Run, Simulate, Speed};
pub use error::{AppError, EXIT_INTERNAL};
pub use faults::parse_faults;

use aitrading_env::Env;
use aitrading_error::{Coded, chain};
use aitrading_logging::LogConfig;
use clap::Parser;
use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

/// Runs a command line (without the program's name) with the process's own output. Call
/// [`aitrading_channel::tls::install_provider`] first.
pub async fn cli(arguments: Vec<OsString>, env: Env) -> ExitCode {
    ExitCode::from(run(arguments, &env, &mut io::stdout()).await)
}

/// Runs a command line; standard output goes to `out`. Returns the exit code.
pub async fn run(arguments: Vec<OsString>, env: &Env, out: &mut (dyn Write + Send)) -> u8 {
    let program = std::iter::once(OsString::from("aitrading-client"));
    let cli = match Cli::try_parse_from(program.chain(arguments)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, but come this way; if the terminal is gone nobody reads them.
            error.print().unwrap_or(());
            return u8::try_from(error.exit_code()).unwrap_or(EXIT_INTERNAL);
        }
    };
    match execute(cli, env, out).await {
        Ok(()) => 0,
        Err(error) => {
            let code = error.dna().code;
            writeln!(io::stderr(), "error: {} [{code}]", chain(&error)).unwrap_or(());
            error.exit_code()
        }
    }
}

async fn execute(cli: Cli, env: &Env, out: &mut (dyn Write + Send)) -> Result<(), AppError> {
    let common = match &cli.command {
        Command::Version => {
            return writeln!(out, "aitrading-client {}", env!("CARGO_PKG_VERSION")).map_err(AppError::Output);
        }
        Command::Run(run) => &run.common,
        Command::Simulate(simulate) => &simulate.common,
    };
    let config = LogConfig { filter: common.log.clone(), ..LogConfig::default() };
    // Held to the end: dropping it writes the last lines.
    let guard = match aitrading_logging::init(env, &config) {
        Ok(guard) => Some(guard),
        // Whoever calls this as a library logs already.
        Err(aitrading_logging::LogError::Installed(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let done = match &cli.command {
        Command::Version => Ok(()),
        Command::Run(run) => work::run(env, out, run).await,
        Command::Simulate(simulate) => simulate::run(env, out, simulate).await,
    };
    drop(guard);
    done
}
