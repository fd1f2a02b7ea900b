//! `aitrading migrate-store`: from the embedded stores to servers, proved record by record.

use crate::{
    cli::migrate_store::{MigrateStore, Target},
    compose,
    config::{self, Config, Flags},
    demo::words::grouped,
    exit::{Exit, Failure},
    history::{desk::alone, progress::Heartbeat},
    layout::Layout,
    print,
};
use aitrading_config::Environment;
use aitrading_database_link::Secrets;
use aitrading_database_service::{Database, Forgotten, Transferred, forgotten, leave_behind, take_back, transfer};
use aitrading_env::Env;
use aitrading_model::{MarketTime, Timestamp};
use std::io::Write;

/// Moves, or goes back.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &MigrateStore,
) -> Result<(), Failure> {
    let layout = Layout::new(&args.data_dir);
    let config = config::of_directory(env, &layout, variables, &Flags::default())?;
    let targets = if args.back { Vec::new() } else { targets(&config, &args.to)? };
    let lock = alone(env, &layout)?;
    // Whichever store the ticks go to next, the bridge has not seen it.
    aitrading_data_bridge::forget_store(env, &layout.tick_journal())?;
    let secrets = compose::secrets(env, &layout, variables)?;
    // Not as the server opens it: what was moved is refused there.
    let embedded = Database::open(env, config.database_service, &layout.store()).await?;
    let done = if args.back {
        back(out, &embedded, args.json).await
    } else if args.leave_behind {
        leave(out, &embedded, &config, &targets, args.json).await
    } else {
        there(env, out, &embedded, (&config, &secrets), &targets, args.json).await
    };
    // What was moved is whole already, and what was not is as it was.
    embedded.release().await;
    drop(lock);
    done
}

/// What is to be moved: the wish, or all that has a server.
fn targets(config: &Config, wish: &[Target]) -> Result<Vec<Target>, Failure> {
    let servers = &config.databases;
    let named = |target: &Target| match target {
        Target::Postgres => servers.relational.is_some(),
        Target::ClickHouse => servers.ticks.is_some(),
    };
    if let Some(missing) = wish.iter().find(|target| !named(target)) {
        let section = missing.section();
        return Err(Failure::new(
            Exit::Config,
            format!("the configuration names no such server: write {section} with its host first (docs/databases.md)"),
        ));
    }
    // Rows first, whatever the order of the wish: they are what a broken-off move is looked up in.
    let wished = |target: &Target| if wish.is_empty() { named(target) } else { wish.contains(target) };
    let found: Vec<Target> = Target::ALL.into_iter().filter(wished).collect();
    if found.is_empty() {
        let sections = Target::ALL.map(Target::section).join(" or ");
        return Err(Failure::new(
            Exit::Config,
            format!("the configuration names no server to move to: write {sections} first (docs/databases.md)"),
        ));
    }
    Ok(found)
}

async fn there(
    env: &Env,
    out: &mut dyn Write,
    embedded: &Database,
    (config, secrets): (&Config, &Secrets),
    targets: &[Target],
    json: bool,
) -> Result<(), Failure> {
    let mut moved = Vec::new();
    let now = Timestamp(env.clock.wall_ns());
    let forgets = if targets.contains(&Target::ClickHouse) {
        forgotten(embedded, &config.databases, now).await?
    } else {
        Vec::new()
    };
    forgets.iter().for_each(warn);
    for target in targets {
        let mut heartbeat = Heartbeat::new(env);
        let mut hear = |what: &str, records: u64| heartbeat.tell(what, records);
        let done = transfer(env, embedded, target.role(), &config.databases, secrets, &mut hear).await?;
        drop(heartbeat);
        let done = done.ok_or_else(|| Failure::new(Exit::Internal, "a server that is named was not found"))?;
        if !json {
            told(out, &done)?;
        }
        moved.push(done);
    }
    if json {
        return print(out, format_args!("{}", serde_json::json!({ "moved": moved, "forgets": forgets })));
    }
    print(out, format_args!("the next `aitrading up` uses the servers; the embedded stores stay as they are"))
}

/// Before anything is moved: afterwards they are gone from the store that counts.
fn warn(forgets: &Forgotten) {
    let Forgotten { what, setting, days, oldest, before } = forgets;
    let (oldest, before) = (day(*oldest), day(*before));
    let text = format!(
        "warning: {setting} = {days}: with the first start on it ClickHouse forgets all {what} from before {before}, and the oldest \
         here are of {oldest}; to keep them, take the setting out of the configuration before that start"
    );
    // Who closed standard error does not want to know.
    writeln!(std::io::stderr(), "{text}").unwrap_or(());
}

fn day(time: MarketTime) -> String {
    let (year, month, day) = time.civil_date();
    format!("{year:04}-{month:02}-{day:02}")
}

fn told(out: &mut dyn Write, done: &Transferred) -> Result<(), Failure> {
    let how = if done.already { "was there already" } else { "moved" };
    let (records, sets) = (grouped(done.records()), done.compared.len());
    print(out, format_args!("{:<11} {how}: {}", done.role.as_str(), done.at))?;
    print(out, format_args!("  {records} records in {sets} sets, each equal on both sides by number and content"))
}

async fn leave(
    out: &mut dyn Write,
    embedded: &Database,
    config: &Config,
    targets: &[Target],
    json: bool,
) -> Result<(), Failure> {
    let mut left = Vec::new();
    for target in targets {
        if let Some(at) = leave_behind(embedded, target.role(), &config.databases).await? {
            left.push((target.role(), at));
        }
    }
    if json {
        let parts: Vec<_> = left.iter().map(|(role, at)| serde_json::json!({ "role": role, "at": at })).collect();
        return print(out, format_args!("{}", serde_json::json!({ "left_behind": parts })));
    }
    for (role, at) in left {
        print(out, format_args!("{:<11} begins anew at {at}; what is embedded stays here, unused", role.as_str()))?;
    }
    Ok(())
}

async fn back(out: &mut dyn Write, embedded: &Database, json: bool) -> Result<(), Failure> {
    let parts = take_back(embedded).await?;
    if json {
        return print(out, format_args!("{}", serde_json::json!({ "back": parts })));
    }
    if parts.is_empty() {
        return print(out, format_args!("nothing was moved from here"));
    }
    for part in parts {
        print(out, format_args!("{:<11} the embedded store counts again, as old as it is", part.as_str()))?;
    }
    print(out, format_args!("take the servers out of the configuration, then start"))
}
