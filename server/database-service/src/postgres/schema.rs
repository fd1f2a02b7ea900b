//! The schema on the server, and how it comes to be: once, however many instances start at the same time.

use super::{
    dial::dial,
    error::{Doing, map},
};
use crate::schema::{self, AppliedStep, SchemaStatus};
use aitrading_database_link::{Link, LinkError, Role};
use aitrading_env::Env;
use aitrading_store::StoreError;
use sqlx::{Connection, PgConnection, migrate::Migrator};
use std::time::Duration;

/// The schema, embedded: `0001_first.sql` and what was added since.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

const BACKEND: &str = "postgresql";
const READING: &str = "reading the schema's version";
const CHANGING: &str = "changing the schema";
/// A step may rewrite a large table, or wait for an instance that does.
const STEP_LIMIT: Duration = Duration::from_mins(10);

/// Brings the schema up to date, in a transaction for each step. An up-to-date one needs no right to change anything.
pub(super) async fn migrate(env: &Env, link: &Link) -> Result<SchemaStatus, StoreError> {
    // A connection of its own: it may take long, and ends with the migrator's lock if something goes wrong.
    let mut fresh = dial(env, link, STEP_LIMIT).await?;
    let status = read(&mut fresh.raw).await?;
    status.check()?;
    if status.pending() == 0 {
        return goodbye(fresh.raw, status).await;
    }
    if fresh.facts.read_only {
        let source = "the schema has to be changed first".into();
        return Err(StoreError::ReadOnly { doing: CHANGING, source });
    }
    let work = async {
        // Under the migrator's own advisory lock: who comes second finds nothing left to do.
        let done = MIGRATIONS.run_direct(None, &mut fresh.raw, false).await;
        done.map_err(|error| schema::failed(error, &status, map))?;
        read(&mut fresh.raw).await
    };
    let late = |_| Err(LinkError::Deadline { role: Role::Relational, limit: STEP_LIMIT }.unavailable(CHANGING));
    let status = env.timeout(STEP_LIMIT, work).await.unwrap_or_else(late)?;
    status.check()?;
    goodbye(fresh.raw, status).await
}

/// The steps of the server's schema. Changes nothing.
pub(super) async fn status(env: &Env, link: &Link) -> Result<SchemaStatus, StoreError> {
    let limit = link.guard().limits().deadline;
    let mut fresh = dial(env, link, limit).await?;
    let late = |_| Err(LinkError::Deadline { role: Role::Relational, limit }.unavailable(READING));
    let status = env.timeout(limit, read(&mut fresh.raw)).await.unwrap_or_else(late)?;
    goodbye(fresh.raw, status).await
}

async fn goodbye(raw: PgConnection, status: SchemaStatus) -> Result<SchemaStatus, StoreError> {
    // What was to be done is done: a server that hangs up first is no failure.
    drop(raw.close().await);
    Ok(status)
}

async fn read(raw: &mut PgConnection) -> Result<SchemaStatus, StoreError> {
    let table = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    let there: bool = sqlx::query_scalar(table).fetch_one(&mut *raw).await.doing(READING)?;
    let applied = if there {
        let statement = "SELECT version, description, success, checksum,
                 CAST(EXTRACT(EPOCH FROM installed_on) AS BIGINT) AS at
             FROM _sqlx_migrations ORDER BY version";
        sqlx::query_as::<_, AppliedStep>(statement).fetch_all(raw).await.doing(READING)?
    } else {
        Vec::new()
    };
    Ok(SchemaStatus::new(BACKEND, &MIGRATIONS, applied))
}
