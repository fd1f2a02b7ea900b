//! The database service as a component of a process: its door, its probe, its end.

use crate::{Databases, sql::SqlDoor};
use aitrading_env::Env;
use aitrading_error::Fault;
use aitrading_http::{Door, DoorConfig, Handler, Observability, Request, Response};
use aitrading_hub::{Component, ReadyHandle, Shutdown};
use aitrading_sql_engine::SqlEngine;
use aitrading_store_remote::PortsDoor;
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// The component's name, which others name as their need.
pub const NAME: &str = "database-service";

/// How often the database is probed.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How long calls of other processes may go on when the door is shut already.
const REST_MAX: Duration = Duration::from_secs(5);

/// Everything that is asked for at :8008.
struct FrontDoor {
    ports: Arc<PortsDoor>,
    /// Also health and metrics.
    sql: SqlDoor,
}

#[async_trait]
impl Handler for FrontDoor {
    async fn handle(&self, request: Request) -> Response {
        if PortsDoor::is_for(request.path()) {
            self.ports.handle(request).await
        } else {
            self.sql.handle(request).await
        }
    }
}

/// The service around open databases: serves the ports (for other processes), health, metrics and `sql` at its door, probes, and
/// flushes and closes at the end.
/// Whoever uses the stores must name [`NAME`] as a need, so that it is drained before.
#[must_use]
pub fn component(
    env: Env,
    databases: Databases,
    sql: SqlEngine,
    door: DoorConfig,
    observability: &Observability,
) -> Component {
    let ports = Arc::new(PortsDoor::new(&env, databases.stores(), databases.platform()));
    let handler = FrontDoor { ports, sql: SqlDoor::new(&env, sql, observability.of(NAME)) };
    Component::new(NAME, move |ready, shutdown| run(env, databases, door, handler, ready, shutdown))
}

async fn run(
    env: Env,
    databases: Databases,
    door: DoorConfig,
    handler: FrontDoor,
    ready: ReadyHandle,
    shutdown: Shutdown,
) -> Result<(), Fault> {
    let door = Door::bind(&env, door).await.map_err(Fault::new)?;
    databases.probe().await.map_err(Fault::new)?;
    let shown = databases.clone();
    ready.up_with(move || shown.parts());
    let ports = Arc::clone(&handler.ports);
    let serve = door.run(Arc::new(handler), Box::pin(shutdown.begun()));
    // Beside each other: a server that is slow to answer must not keep the door shut.
    tokio::select! {
        () = serve => {}
        () = watch(&env, &databases) => {}
    }
    // What was begun by a caller who is gone by now.
    if env.timeout(REST_MAX, ports.rest()).await.is_err() {
        tracing::warn!(
            "calls of other processes are still under way at the end; what they change is whole or not at all"
        );
    }
    databases.close().await.map_err(Fault::new)
}

/// Probes until the end.
async fn watch(env: &Env, databases: &Databases) {
    loop {
        env.clock.sleep(PROBE_EVERY).await;
        if let Err(error) = databases.probe().await {
            tracing::error!(error = %aitrading_error::chain(&error), "the database does not answer");
        }
    }
}
