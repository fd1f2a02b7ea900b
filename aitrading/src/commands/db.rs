//! `aitrading db`: the databases behind the server, looked at from this machine with its configuration.

use crate::{
    cli, compose, config,
    config::{Config, Flags},
    exit::{Exit, Failure},
    layout::Layout,
    print,
};
use aitrading_config::Environment;
use aitrading_database_link::{BackendHealth, LinkState, Secrets};
use aitrading_database_service::{Databases, HELD, SchemaState, SchemaStatus};
use aitrading_env::Env;
use std::io::Write;

/// A directory's configuration, with what opens its secrets.
struct Desk {
    layout: Layout,
    config: Config,
    secrets: Secrets,
}

impl Desk {
    fn of(env: &Env, variables: &Environment, args: &cli::DbHealth) -> Result<Self, Failure> {
        let layout = Layout::new(&args.data_dir);
        let config = config::of_directory(env, &layout, variables, &Flags::default())?;
        let secrets = compose::secrets(env, &layout, variables)?;
        Ok(Self { layout, config, secrets })
    }
}

/// Asks each database that the configuration names; fails if one does not work.
pub(crate) async fn health(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::DbHealth,
) -> Result<(), Failure> {
    let Desk { layout, config, secrets } = Desk::of(env, variables, args)?;
    let asked = Databases::examine(env, config.database_service, &config.databases, &secrets, &layout.store()).await?;
    if args.json {
        print(out, format_args!("{}", serde_json::json!({ "databases": asked })))?;
    } else {
        table(out, &asked)?;
    }
    let well = |h: &BackendHealth| h.state == LinkState::Up || h.backend == HELD;
    let down: Vec<_> = asked.iter().filter(|h| !well(h)).map(|h| h.role.as_str()).collect();
    if down.is_empty() {
        return Ok(());
    }
    let down = down.join(", ");
    Err(Failure::new(Exit::CheckFailed, format!("not working: {down}; the lines above say why")))
}

/// Shows the schemas; fails if one is not as this release needs it.
pub(crate) async fn status(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::DbHealth,
) -> Result<(), Failure> {
    let Desk { layout, config, secrets } = Desk::of(env, variables, args)?;
    let found = Databases::schemas(env, &config.databases, &secrets, &layout.store()).await?;
    schemas(out, &found, args.json)?;
    found.iter().try_for_each(SchemaStatus::check)?;
    let pending: usize = found.iter().map(SchemaStatus::pending).sum();
    if pending == 0 {
        return Ok(());
    }
    let text = format!("{pending} steps are pending; `aitrading db migrate` takes them, and so does the next start");
    Err(Failure::new(Exit::CheckFailed, text))
}

/// Takes the pending steps.
pub(crate) async fn migrate(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::DbHealth,
) -> Result<(), Failure> {
    let Desk { layout, config, secrets } = Desk::of(env, variables, args)?;
    let lock = layout.lock(env)?;
    let taken = Databases::migrate(env, &config.databases, &secrets, &layout.store()).await?;
    drop(lock);
    schemas(out, &taken, args.json)
}

fn schemas(out: &mut dyn Write, found: &[SchemaStatus], json: bool) -> Result<(), Failure> {
    if json {
        return print(out, format_args!("{}", serde_json::json!({ "schemas": found })));
    }
    print(out, format_args!("{:<11} {:>4}  {:<10} STEP", "DATABASE", "NO", "STATE"))?;
    for schema in found {
        for step in &schema.steps {
            let state = match step.state {
                SchemaState::Pending => "pending",
                SchemaState::Applied => "applied",
                SchemaState::HalfDone => "HALF DONE",
                SchemaState::Changed => "CHANGED",
                SchemaState::Unknown => "UNKNOWN",
            };
            print(out, format_args!("{:<11} {:>4}  {state:<10} {}", schema.backend, step.version, step.name))?;
        }
    }
    Ok(())
}

fn table(out: &mut dyn Write, asked: &[BackendHealth]) -> Result<(), Failure> {
    print(
        out,
        format_args!(
            "{:<11} {:<11} {:<8} {:<12} {:>10} {:>9} {:>8}  NOTE",
            "PART", "BACKEND", "STATE", "VERSION", "LATENCY", "POOL", "LAG"
        ),
    )?;
    for health in asked {
        let state = match health.state {
            LinkState::Up => "up",
            LinkState::Probing => "probing",
            LinkState::Down => "DOWN",
            LinkState::Unknown => "unknown",
        };
        let latency = health.latency_us.map_or_else(dash, |us| format!("{us} us"));
        let pool = health.pool.map_or_else(dash, |pool| format!("{}/{}", pool.in_use(), pool.max));
        print(
            out,
            format_args!(
                "{:<11} {:<11} {state:<8} {:<12} {latency:>10} {pool:>9} {:>8}  {}",
                health.role.as_str(),
                health.backend,
                health.version.as_deref().unwrap_or("-"),
                health.lag_ms.map_or_else(dash, |lag| format!("{lag} ms")),
                health.note.as_deref().unwrap_or_default()
            ),
        )?;
    }
    Ok(())
}

fn dash() -> String {
    "-".to_owned()
}
