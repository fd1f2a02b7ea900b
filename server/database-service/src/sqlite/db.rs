//! The SQLite file: one connection that writes, a few that read.

pub(crate) use super::error::Doing;

use super::{mark, schema};
use crate::{Settings, stats::Stats, turn::Turn};
use aitrading_database_link::PoolUse;
use aitrading_env::Env;
use aitrading_store::StoreError;
use sqlx::{
    ConnectOptions, Connection, FromRow, Sqlite, SqliteConnection, SqlitePool, Transaction,
    query::QueryAs,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use std::{path::Path, sync::Arc, time::Duration};

const BUSY: Duration = Duration::from_secs(5);
const ACQUIRE: Duration = Duration::from_secs(10);
/// The write-ahead log is cut back to this after a checkpoint.
const WAL_BYTES: &str = "8388608";

/// What statements run on.
pub(crate) type Conn = SqliteConnection;

/// A transaction on either kind of connection.
pub(crate) type Tx = Transaction<'static, Sqlite>;

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    env: Env,
    writer: SqlitePool,
    readers: SqlitePool,
    stats: Arc<Stats>,
}

impl Db {
    /// Opens or creates `file` and brings its schema up to date.
    pub(crate) async fn open(
        env: &Env,
        settings: &Settings,
        file: &Path,
        stats: Arc<Stats>,
    ) -> Result<Self, StoreError> {
        let doing = "opening the database";
        let options = options(settings, file);
        // A commit that failed (disk full) leaves its connection inside the transaction, where no other can begin: such a
        // connection is closed, which undoes it, and a new one takes its place.
        let whole = pool(1).before_acquire(|conn, _| Box::pin(async move { Ok(!conn.is_in_transaction()) }));
        let writer = whole.connect_with(options.clone()).await.doing(doing)?;
        schema::migrate(&mut *writer.acquire().await.doing(doing)?).await?;
        // Readers connect when they are first needed: an idle server has no use for their memory.
        let readers = pool(settings.readers).connect_lazy_with(options.read_only(true).create_if_missing(false));
        Ok(Self { env: env.clone(), writer, readers, stats })
    }

    /// Connects to `file`, which is there, when it is first asked: nothing in it is changed, and its schema is what it is. With
    /// `still`, which promises [`is_still`] and that nobody else opens the file meanwhile, nothing is made beside it either.
    pub(crate) fn look(env: &Env, settings: &Settings, file: &Path, still: bool, stats: Arc<Stats>) -> Self {
        let options = plain(settings, file).read_only(true).immutable(still);
        let readers = pool(settings.readers).connect_lazy_with(options.clone());
        Self { env: env.clone(), writer: pool(1).connect_lazy_with(options), readers, stats }
    }

    /// The database as the store of this turn uses it. One connection writes, so all stores share one turn.
    pub(crate) fn of(&self, _store: Turn) -> Self {
        self.clone()
    }

    /// A transaction that may write. Nobody else writes meanwhile: keep it short, and do no other I/O inside.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<WriteTx<'_>, StoreError> {
        let began = self.env.clock.mono_ns();
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await.doing(doing)?;
        Ok(WriteTx { tx, doing, began, db: self })
    }

    /// The row that one question finds.
    pub(crate) async fn one<'q, O>(
        &self,
        doing: &'static str,
        question: impl Fn() -> QueryAs<'q, Sqlite, O, SqliteArguments> + Send + Sync,
    ) -> Result<Option<O>, StoreError>
    where
        O: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        question().fetch_optional(&self.readers).await.doing(doing)
    }

    /// A transaction that sees one moment of the database, whatever is written meanwhile.
    pub(crate) async fn read(&self, doing: &'static str) -> Result<Tx, StoreError> {
        self.readers.begin().await.doing(doing)
    }

    /// Asks the database something small, for health: nanoseconds that the answer took.
    pub(crate) async fn probe(&self) -> Result<u64, StoreError> {
        let began = self.env.clock.mono_ns();
        let mut tx = self.read("probing the database").await?;
        mark(&mut tx, "ticks").await?;
        if self.stats.version().is_none() {
            let version = sqlx::query_scalar("SELECT sqlite_version()");
            self.stats.has_version(version.fetch_one(&mut *tx).await.doing("asking for the version of SQLite")?);
        }
        Ok(self.env.clock.mono_ns().saturating_sub(began))
    }

    /// Its connections: the one that writes and those that read.
    pub(crate) fn pool(&self) -> PoolUse {
        let idle = |pool: &SqlitePool| u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        PoolUse {
            size: self.writer.size().saturating_add(self.readers.size()),
            idle: idle(&self.writer).saturating_add(idle(&self.readers)),
            max: self.readers.options().get_max_connections().saturating_add(1),
        }
    }

    /// Writes a copy of everything committed into a new file.
    pub(crate) async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let doing = "copying the database";
        let Some(name) = file.to_str() else {
            return Err(StoreError::Invalid { what: "the copy's path is not UTF-8" });
        };
        let mut conn = self.writer.acquire().await.doing(doing)?;
        sqlx::query("VACUUM INTO ?").bind(name).execute(&mut *conn).await.doing(doing).map(drop)
    }

    /// Closes all connections; the write-ahead log is taken into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A write that is undone unless [`WriteTx::commit`] is reached.
pub(crate) struct WriteTx<'a> {
    tx: Tx,
    doing: &'static str,
    began: u64,
    db: &'a Db,
}

impl WriteTx<'_> {
    pub(crate) fn conn(&mut self) -> &mut Conn {
        &mut self.tx
    }

    /// Durable when this returns.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await.doing(self.doing)?;
        self.db.stats.wrote(self.db.env.clock.mono_ns().saturating_sub(self.began));
        Ok(())
    }
}

/// Is all that was committed in `file` itself? After a kill the last of it lies beside it.
pub(crate) fn is_still(env: &Env, file: &Path) -> Result<bool, StoreError> {
    for beside in ["-wal", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(beside);
        if env.fs.metadata(Path::new(&name)).doing("opening the database")?.is_some_and(|found| found.len > 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn options(settings: &Settings, file: &Path) -> SqliteConnectOptions {
    plain(settings, file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

/// What every connection has, whatever it may do.
fn plain(settings: &Settings, file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .pragma("cache_size", format!("-{}", settings.cache_kib))
        .pragma("mmap_size", "0")
        .pragma("journal_size_limit", WAL_BYTES)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
