//! The SQLite file: one connection that writes, a few that read, and what its errors mean.

mod error;

pub(crate) use error::Doing;

use crate::{Settings, stats::Stats};
use aitrading_env::Env;
use aitrading_store::{JournalMark, StoreError};
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, sync::Arc, time::Duration};

/// The schema, embedded: `0001_first.sql` and what was added since.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const BUSY: Duration = Duration::from_secs(5);
const ACQUIRE: Duration = Duration::from_secs(10);
/// The write-ahead log is cut back to this after a checkpoint.
const WAL_BYTES: &str = "8388608";

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
        migrate(&writer).await?;
        // Readers connect when they are first needed: an idle server has no use for their memory.
        let readers = pool(settings.readers).connect_lazy_with(options.read_only(true).create_if_missing(false));
        Ok(Self { env: env.clone(), writer, readers, stats })
    }

    /// A transaction that may write. Nobody else writes meanwhile: keep it short, and do no other I/O inside.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<WriteTx<'_>, StoreError> {
        let began = self.env.clock.mono_ns();
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await.doing(doing)?;
        Ok(WriteTx { tx, doing, began, db: self })
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
        Ok(self.env.clock.mono_ns().saturating_sub(began))
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
    pub(crate) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }

    /// Durable when this returns.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await.doing(self.doing)?;
        self.db.stats.wrote(self.db.env.clock.mono_ns().saturating_sub(self.began));
        Ok(())
    }
}

/// How far a feed's journal has been taken.
pub(crate) async fn mark(conn: &mut SqliteConnection, feed: &'static str) -> Result<JournalMark, StoreError> {
    let query = sqlx::query_as::<_, (i64, i64)>("SELECT segment, position FROM marks WHERE feed = ?");
    let row = query.bind(feed).fetch_optional(conn).await.doing("reading the journal's mark")?;
    let mark = |(segment, position): (i64, i64)| JournalMark {
        segment: segment.cast_unsigned(),
        offset: position.cast_unsigned(),
    };
    Ok(row.map_or(JournalMark::START, mark))
}

/// Moves a feed's mark on, or refuses if it is there already.
pub(crate) async fn advance(
    conn: &mut SqliteConnection,
    feed: &'static str,
    to: JournalMark,
) -> Result<(), StoreError> {
    let stored = mark(conn, feed).await?;
    if to <= stored {
        return Err(StoreError::AlreadyDone { stored });
    }
    let statement = "INSERT INTO marks (feed, segment, position) VALUES (?, ?, ?)
         ON CONFLICT (feed) DO UPDATE SET segment = excluded.segment, position = excluded.position";
    let query = sqlx::query(statement).bind(feed).bind(to.segment.cast_signed()).bind(to.offset.cast_signed());
    query.execute(conn).await.doing("moving the journal's mark").map(drop)
}

fn options(settings: &Settings, file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
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

async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let table = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let doing = "reading the schema's version";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(pool).await.doing(doing)?;
    if tables > 0 {
        let newest = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations");
        let found: i64 = newest.fetch_one(pool).await.doing(doing)?;
        if found > known {
            return Err(StoreError::SchemaNewer { found, known });
        }
    }
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::Execute(error) => error::map(error, "changing the schema"),
        MigrateError::VersionMissing(found) => StoreError::SchemaNewer { found, known },
        other => StoreError::Corrupt { what: "the schema's history".to_owned(), source: Some(other.into()) },
    })
}
