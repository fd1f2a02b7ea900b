//! The schema of the SQLite file, and how it comes to be.

use super::{
    db::{Conn, Doing},
    error,
};
use crate::schema::{self, AppliedStep, SchemaStatus};
use aitrading_env::Env;
use aitrading_store::StoreError;
use sqlx::{ConnectOptions, Connection, migrate::Migrator, sqlite::SqliteConnectOptions};
use std::path::Path;

/// The schema, embedded: `0001_first.sql` and what was added since.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const BACKEND: &str = schema::SQLITE;
const READING: &str = "reading the schema's version";

/// Brings the schema up to date, in a transaction for each step.
pub(super) async fn migrate(conn: &mut Conn) -> Result<(), StoreError> {
    let status = read(conn).await?;
    status.check()?;
    if status.pending() == 0 {
        return Ok(());
    }
    let done = MIGRATIONS.run_direct(None, conn, false).await;
    done.map_err(|error| schema::failed(error, &status, error::map))
}

/// The steps of the file's schema; without a file none is taken yet.
pub(crate) async fn status(file: Option<&Path>) -> Result<SchemaStatus, StoreError> {
    match file {
        Some(file) => status_of(file, false).await,
        None => Ok(SchemaStatus::new(BACKEND, &MIGRATIONS, Vec::new())),
    }
}

/// The same of a file that is there; `still` as in [`super::Db::look`].
pub(crate) async fn status_of(file: &Path, still: bool) -> Result<SchemaStatus, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(still);
    let options = options.disable_statement_logging();
    let mut conn = options.connect().await.doing(READING)?;
    let status = read(&mut conn).await?;
    conn.close().await.doing(READING)?;
    Ok(status)
}

/// Is there no schema in `file`, or no file? Makes none.
pub(crate) async fn is_new(env: &Env, file: &Path) -> Result<bool, StoreError> {
    match status(Some(file)).await {
        Ok(status) => Ok(status.applied() == 0),
        // SQLite says only that it cannot open it.
        Err(_) if env.fs.metadata(file).doing(READING)?.is_none() => Ok(true),
        Err(error) => Err(error),
    }
}

async fn read(conn: &mut Conn) -> Result<SchemaStatus, StoreError> {
    let table = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut *conn).await.doing(READING)?;
    let applied = if tables == 0 {
        Vec::new()
    } else {
        let statement = "SELECT version, description, success, checksum,
                 COALESCE(CAST(strftime('%s', installed_on) AS INTEGER), 0) AS at
             FROM _sqlx_migrations ORDER BY version";
        sqlx::query_as::<_, AppliedStep>(statement).fetch_all(conn).await.doing(READING)?
    };
    Ok(SchemaStatus::new(BACKEND, &MIGRATIONS, applied))
}
