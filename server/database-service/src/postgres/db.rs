//! The server as the shared stores see it: transactions that read, transactions that write, and what errors mean.

pub(crate) use super::conn::Conn;
pub(crate) use super::error::Doing;

use super::{
    error::{Busy, ends_connection, map},
    pool::Pool,
};
use crate::{meters, turn::Turn};
use aitrading_store::StoreError;
use sqlx::{
    Executor, FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The open database, as one store uses it.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    pool: Arc<Pool>,
    turn: Turn,
    queue: Arc<Mutex<()>>,
}

impl Db {
    pub(super) fn new(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), turn: Turn::Others, queue: Arc::default() }
    }

    /// The database as the store of this turn uses it.
    pub(crate) fn of(&self, turn: Turn) -> Self {
        Self { pool: Arc::clone(&self.pool), turn, queue: Arc::default() }
    }

    /// A transaction that may write. No other of this store does meanwhile, in no instance: keep it short.
    ///
    /// The writers of a store follow each other by an advisory lock, as SQLite's single writer makes them do. What a store
    /// reads before it writes (a mark, a version, a head) then stays true until it commits; no writer meets a deadlock or a
    /// serialisation failure that he would have to repeat; and rows become visible in the order of their numbers, so that
    /// who pages by number misses none. Those of this process wait here, so that they do not take each a connection to wait.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<WriteTx<'_>, StoreError> {
        let env = self.pool.env();
        let began = env.clock.mono_ns();
        // Whatever was waited for, the transaction has begun within one deadline.
        let turn = env.timeout(self.pool.limit(), Arc::clone(&self.queue).lock_owned()).await;
        let turn = turn.map_err(|_| Busy::Turn.unavailable(doing))?;
        let conn = self.pool.begin(doing, self.turn.begin(), began).await?;
        Ok(WriteTx { conn, doing, began, db: self, _turn: turn })
    }

    /// The row that one question finds. A statement sees one moment of the database by itself, so no transaction is begun for
    /// it: one way to the server and back instead of three. It changes nothing, so it is asked again when the server was not
    /// there.
    pub(crate) async fn one<'q, O>(
        &self,
        doing: &'static str,
        question: impl Fn() -> QueryAs<'q, Postgres, O, PgArguments> + Send + Sync,
    ) -> Result<Option<O>, StoreError>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let began = self.pool.env().clock.mono_ns();
        self.pool.ask(doing, question, began).await
    }

    /// A transaction that sees one moment of the database, whatever is written meanwhile.
    pub(crate) async fn read(&self, doing: &'static str) -> Result<Tx, StoreError> {
        let began = self.pool.env().clock.mono_ns();
        self.pool.begin(doing, READ, began).await.map(Tx)
    }
}

/// A transaction that reads.
#[derive(Debug)]
pub(crate) struct Tx(Conn);

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

/// A write that is undone unless [`WriteTx::commit`] is reached.
pub(crate) struct WriteTx<'a> {
    conn: Conn,
    doing: &'static str,
    began: u64,
    db: &'a Db,
    // Released after the connection: the next writer need not wait at the server.
    _turn: OwnedMutexGuard<()>,
}

impl WriteTx<'_> {
    pub(crate) fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Durable when this returns. It is sent once: if the answer is lost, nobody knows whether it was done, and
    /// [`StoreError::TooSlow`] says so.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.conn.is_refused() {
            return Err(StoreError::Conflict { what: "a part of the change was refused, so none of it was made" });
        }
        match self.conn.execute("COMMIT").await {
            Ok(_) => self.conn.ended(),
            Err(error) if ends_connection(&error) => {
                let cause = map(error, self.doing);
                tracing::warn!(error = %aitrading_error::chain(&cause), "the answer to a commit was lost");
                return Err(StoreError::TooSlow { doing: self.doing });
            }
            Err(error) => return Err(map(error, self.doing)),
        }
        let took = self.db.pool.env().clock.mono_ns().saturating_sub(self.began);
        meters::write_seconds().record(took as f64 / 1e9);
        Ok(())
    }
}
