//! Rows: every table of the SQLite file to PostgreSQL, in one transaction that is compared before it is committed.

use super::{
    Compared, Hear, TransferError, Transferred, at,
    digest::Digest,
    line::Line,
    tables::{NUMBERS, TABLES, Table},
};
use crate::{
    Database, PostgresStores,
    postgres::{Doing as _, long_connection},
    sqlite::{self, Tx},
};
use aitrading_database_link::{Role, Secrets, ServerSettings};
use aitrading_env::Env;
use aitrading_store::StoreError;
use futures_util::StreamExt as _;
use sqlx::{Connection as _, Executor as _, PgConnection};

const READING: &str = "reading the rows that are to be moved";
const WRITING: &str = "moving rows to the database server";
const LOOKING: &str = "looking for rows that were not moved";
const COMPARING: &str = "comparing moved rows";
/// Rows, and bytes of JSON, of one statement.
const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

pub(super) async fn transfer(
    env: &Env,
    from: &Database,
    settings: &ServerSettings,
    secrets: &Secrets,
    hear: &mut Hear<'_>,
) -> Result<Transferred, TransferError> {
    PostgresStores::migrate(env, settings, secrets).await?;
    let mut to = long_connection(env, settings, secrets).await?;
    // One moment of the file; nobody writes to it, for the directory is ours.
    let mut rows = from.rows().read(READING).await?;
    let done = moved(&mut rows, &mut to, settings, hear).await;
    // What was not committed the server undoes now; if it hung up first, it has done so.
    drop(to.close().await);
    done
}

/// Is there a row here that a move would take along?
pub(super) async fn any(from: &Database) -> Result<bool, StoreError> {
    let mut rows = from.rows().read(LOOKING).await?;
    for table in TABLES {
        let held: bool = sqlite::Doing::doing(sqlx::query_scalar(table.held).fetch_one(&mut *rows).await, LOOKING)?;
        if held {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn moved(
    from: &mut Tx,
    to: &mut PgConnection,
    settings: &ServerSettings,
    hear: &mut Hear<'_>,
) -> Result<Transferred, TransferError> {
    let mut tx = to.begin().await.doing(WRITING)?;
    // An instance that uses the database already would be waited for without an end.
    tx.execute("SET LOCAL lock_timeout = '10s'").await.doing(WRITING)?;
    let mut filled = None;
    for table in TABLES {
        tx.execute(table.lock).await.doing(WRITING)?;
        let rows: bool = sqlx::query_scalar(table.filled).fetch_one(&mut *tx).await.doing(WRITING)?;
        filled = filled.or(rows.then_some(table.name));
    }
    let mut compared = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let target = filled.is_none().then_some(&mut *tx);
        let sent = send(from, target, table, hear).await?;
        let found = read_back(&mut tx, table).await?;
        if sent != found {
            return Err(differs(settings, filled.is_some(), &sent, &found));
        }
        hear(&format!("table {} compared", table.name), sent.records);
        compared.push(sent);
    }
    if filled.is_none() {
        for statement in NUMBERS {
            tx.execute(statement).await.doing(WRITING)?;
        }
        tx.commit().await.map_err(|error| {
            tracing::warn!(%error, "the answer to a commit was lost");
            StoreError::TooSlow { doing: WRITING }
        })?;
    }
    Ok(Transferred { role: Role::Relational, at: at(settings), already: filled.is_some(), compared })
}

/// A database that was filled before holds something else; one that was just filled is not to be trusted.
fn differs(settings: &ServerSettings, filled: bool, sent: &Compared, found: &Compared) -> TransferError {
    let (role, at) = (Role::Relational, at(settings));
    let what = format!("table {}: {} rows here, {} there", sent.name, sent.records, found.records);
    if filled { TransferError::NotEmpty { role, at, what } } else { TransferError::Differs { role, at, what } }
}

/// Hashes every row of a table and sends it, if there is where to.
async fn send(
    from: &mut Tx,
    mut to: Option<&mut PgConnection>,
    table: &Table,
    hear: &mut Hear<'_>,
) -> Result<Compared, StoreError> {
    let (mut digest, mut batch) = (Digest::default(), Batch::default());
    let mut rows = sqlx::query(table.read).fetch(&mut **from);
    while let Some(row) = rows.next().await {
        let line = Line::of_sqlite(table, &sqlite::Doing::doing(row, READING)?)?;
        digest.row(&line);
        if let Some(to) = to.as_deref_mut()
            && batch.add(&line)
        {
            batch.send(to, table).await?;
            hear(&format!("table {}", table.name), digest.records());
        }
    }
    if let Some(to) = to {
        batch.send(to, table).await?;
    }
    Ok(digest.finish(table.name))
}

/// Rows on their way, as a JSON array.
#[derive(Default)]
struct Batch {
    json: String,
    rows: usize,
}

impl Batch {
    /// Is it full now?
    fn add(&mut self, line: &Line) -> bool {
        self.json.push(if self.rows == 0 { '[' } else { ',' });
        self.json.push_str(&line.to_json().to_string());
        self.rows = self.rows.saturating_add(1);
        self.rows >= BATCH_ROWS || self.json.len() >= BATCH_BYTES
    }

    async fn send(&mut self, to: &mut PgConnection, table: &Table) -> Result<(), StoreError> {
        let Self { mut json, rows } = std::mem::take(self);
        if rows == 0 {
            return Ok(());
        }
        json.push(']');
        let done = sqlx::query(table.write).bind(json).execute(to).await.doing(WRITING)?;
        if done.rows_affected() == rows as u64 {
            return Ok(());
        }
        Err(StoreError::Conflict { what: "the database server took another number of rows than it was given" })
    }
}

async fn read_back(to: &mut PgConnection, table: &Table) -> Result<Compared, StoreError> {
    let mut digest = Digest::default();
    let mut rows = sqlx::query(table.read).fetch(to);
    while let Some(row) = rows.next().await {
        digest.row(&Line::of_postgres(table, &row.doing(COMPARING)?)?);
    }
    Ok(digest.finish(table.name))
}
