//! The database service as a component of a process: its door, its probe, its end.

use crate::{Database, sql::SqlDoor};
use aitrading_env::Env;
use aitrading_error::Fault;
use aitrading_http::{Door, DoorConfig, Observability};
use aitrading_hub::{Component, ReadyHandle, Shutdown};
use aitrading_sql_engine::SqlEngine;
use std::{sync::Arc, time::Duration};

/// The component's name, which others name as their need.
pub const NAME: &str = "database-service";

/// How often the database is probed.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// The service around an open database: serves health, metrics and `sql` at its door, probes, and flushes and closes at the end.
/// Whoever uses the stores must name [`NAME`] as a need, so that it is drained before.
#[must_use]
pub fn component(
    env: Env,
    database: Database,
    sql: SqlEngine,
    door: DoorConfig,
    observability: &Observability,
) -> Component {
    let handler = SqlDoor::new(&env, sql, observability.of(NAME));
    Component::new(NAME, move |ready, shutdown| run(env, database, door, handler, ready, shutdown))
}

async fn run(
    env: Env,
    database: Database,
    door: DoorConfig,
    handler: SqlDoor,
    ready: ReadyHandle,
    shutdown: Shutdown,
) -> Result<(), Fault> {
    let door = Door::bind(&env, door).await.map_err(Fault::new)?;
    database.probe().await.map_err(Fault::new)?;
    let shown = database.clone();
    ready.up_with(move || shown.parts());
    let serve = door.run(Arc::new(handler), Box::pin(shutdown.begun()));
    tokio::pin!(serve);
    loop {
        tokio::select! {
            () = &mut serve => break,
            () = env.clock.sleep(PROBE_EVERY) => probe(&database).await,
        }
    }
    database.close().await.map_err(Fault::new)
}

async fn probe(database: &Database) {
    if let Err(error) = database.probe().await {
        tracing::error!(error = %aitrading_error::chain(&error), "the database does not answer");
    }
}
