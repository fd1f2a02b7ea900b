//! `aitrading-client`: all that a subscriber's machine gets. What it does is in the library of the same crate.

use aitrading_env::Env;
use std::{io::Write, process::ExitCode};

/// The connector waits most of the time: two threads keep ticks and signals apart.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    // First of all: libraries that look for the process's TLS provider panic without one.
    aitrading_channel::tls::install_provider();
    let arguments = std::env::args_os().skip(1).collect();
    match tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build() {
        Ok(runtime) => runtime.block_on(aitrading_app::cli(arguments, Env::real())),
        Err(error) => {
            // Nothing else can be told if stderr is closed.
            writeln!(std::io::stderr(), "error: cannot start the runtime: {error}").unwrap_or(());
            ExitCode::from(aitrading_app::EXIT_INTERNAL)
        }
    }
}
