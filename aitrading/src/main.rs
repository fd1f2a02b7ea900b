//! `aitrading`: the server, the operator's tool, and the demo. This crate parses arguments, composes the services and returns
//! exit codes; whatever is worth testing alone lives in the other crates.

mod backup;
mod cli;
mod commands;
mod compose;
mod config;
mod demo;
mod enrol;
mod exit;
mod history;
mod layout;
mod rewritten;
mod vault;

use aitrading_config::Environment;
use aitrading_env::Env;
use clap::Parser;
use cli::Command;
use exit::{Exit, Failure};
use std::{
    fmt,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
};

/// Threads that run tasks: the product is sized for two cores and grows with the machine.
const WORKERS_MIN: usize = 2;
/// The observer's port without an offset.
const OBSERVER_PORT: u16 = 8_010;

fn main() -> ExitCode {
    aitrading_channel::tls::install_provider();
    let cli = cli::Cli::parse();
    let workers = std::thread::available_parallelism().map_or(WORKERS_MIN, |n| n.get().max(WORKERS_MIN));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(Failure::new(Exit::Internal, format!("cannot start the runtime: {error}"))),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            // Nothing else can be told if stderr is closed.
            writeln!(std::io::stderr(), "error: {failure}").unwrap_or(());
            failure.exit_code()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
async fn run(command: Command) -> Result<ExitCode, Failure> {
    let (env, out) = (&Env::real(), &mut std::io::stdout());
    // What is not UTF-8 cannot be a setting of ours.
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let variables: Environment = texts.collect();
    match command {
        Command::Demo(args) => demo::run(env, out, &variables, &args).await?,
        Command::Init(args) => commands::init::run(env, out, &variables, &args).await?,
        Command::Up(args) => commands::up::run(env, out, &variables, &args).await?,
        Command::Health(args) => commands::health::run(env, out, observer(env, &variables, &args)?, &args).await?,
        Command::Config(cli::Config::Check(args)) => commands::config_check::run(env, out, &variables, &args)?,
        Command::Config(cli::Config::Seal(args)) => commands::seal::run(env, out, &mut std::io::stdin(), &args)?,
        Command::Db(cli::Db::Health(args)) => commands::db::health(env, out, &variables, &args).await?,
        Command::Db(cli::Db::Status(args)) => commands::db::status(env, out, &variables, &args).await?,
        Command::Db(cli::Db::Migrate(args)) => commands::db::migrate(env, out, &variables, &args).await?,
        Command::Audit(cli::Audit::Verify(args)) => commands::audit::verify(env, out, &args)?,
        Command::Import(args) => history::import::run(env, out, &variables, &args).await?,
        Command::Export(args) => history::export::run(env, out, &variables, &args).await?,
        Command::Backup(args) => backup::run(env, out, &variables, &args).await?,
        Command::Restore(args) => backup::restore::run(env, out, &args)?,
        Command::MigrateStore(args) => commands::migrate_store::run(env, out, &variables, &args).await?,
        Command::Compare(args) => commands::compare::run(env, out, &variables, &args).await?,
        Command::Sql(args) => commands::sql::run(env, out, &variables, &args).await?,
        Command::Version(args) => commands::version::run(out, args.json)?,
        Command::Client(args) => return Ok(aitrading_app::cli(args.arguments, env.clone()).await),
    }
    Ok(ExitCode::SUCCESS)
}

fn observer(env: &Env, variables: &Environment, args: &cli::Health) -> Result<SocketAddr, Failure> {
    match &args.data_dir {
        Some(dir) => {
            let layout = layout::Layout::new(dir);
            let offset = (args.port_offset != 0).then_some(args.port_offset);
            let flags = config::Flags { port_offset: offset };
            Ok(config::of_directory(env, &layout, variables, &flags)?.observer_listen)
        }
        None => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, OBSERVER_PORT.saturating_add(args.port_offset)))),
    }
}

/// One line to `out`.
pub(crate) fn print(out: &mut dyn Write, line: fmt::Arguments<'_>) -> Result<(), Failure> {
    writeln!(out, "{line}").map_err(|e| Failure::new(Exit::Io, format!("cannot write to the output: {e}")))
}
