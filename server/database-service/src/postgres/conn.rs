//! A connection inside a transaction: every statement has a deadline, and a connection of unknown state is never used again.

use super::{
    error::{ends_connection, late},
    pool::Pool,
};
use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

type Step = Result<Either<PgQueryResult, PgRow>, Error>;

/// An open connection and what the pool needs to know of it.
pub(super) struct Live {
    pub(super) raw: PgConnection,
    pub(super) generation: u64,
    pub(super) born_ns: u64,
    pub(super) used_ns: u64,
    _counted: Counted,
}

impl Live {
    pub(super) fn new(raw: PgConnection, generation: u64, now: u64, open: &Arc<AtomicU32>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self { raw, generation, born_ns: now, used_ns: now, _counted: Counted(Arc::clone(open)) }
    }
}

struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Takes statements.
    Ready,
    /// A statement is under way. Whoever gives up now leaves an answer behind that nobody reads.
    Busy,
    /// The server refused a statement; it takes no more in this transaction, and commits nothing.
    Refused,
    /// The connection is of no use any more.
    Broken,
}

/// What statements run on: a connection, most times inside a transaction. Dropped, it undoes what was not committed, in the
/// background.
pub(crate) struct Conn {
    // Present until dropped.
    live: Option<Live>,
    state: State,
    in_transaction: bool,
    seat: Option<OwnedSemaphorePermit>,
    pool: Arc<Pool>,
}

impl Conn {
    pub(super) fn new(pool: &Arc<Pool>, live: Live) -> Self {
        Self { live: Some(live), state: State::Ready, in_transaction: true, seat: None, pool: Arc::clone(pool) }
    }

    /// For statements that need no transaction.
    pub(super) fn alone(pool: &Arc<Pool>, live: Live) -> Self {
        let mut conn = Self::new(pool, live);
        conn.ended();
        conn
    }

    /// The place in the pool is given back with the connection.
    pub(super) fn keep(&mut self, seat: OwnedSemaphorePermit) {
        self.seat = Some(seat);
    }

    /// Did the server refuse a statement? Then it would answer a commit with an undo, and call that a success.
    pub(super) fn is_refused(&self) -> bool {
        self.state == State::Refused
    }

    /// The transaction has ended by a statement.
    pub(super) fn ended(&mut self) {
        self.in_transaction = false;
    }
}

/// What an error leaves behind.
fn after(error: &Error) -> State {
    if ends_connection(error) { State::Broken } else { State::Refused }
}

/// A call that answers once, within the deadline.
async fn bounded<T>(
    state: &mut State,
    pool: &Pool,
    call: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, Error> {
    let before = std::mem::replace(state, State::Busy);
    let answer = pool.env().timeout(pool.limit(), call).await.unwrap_or_else(|_| Err(late(pool.limit())));
    *state = answer.as_ref().err().map_or(before, after);
    answer
}

impl<'c> Executor<'c> for &'c mut Conn {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Conn { live: Some(live), state, pool, .. } = self else {
            return stream::once(async { Err(Error::PoolClosed) }).boxed();
        };
        let (limit, before) = (pool.limit(), *state);
        *state = State::Busy;
        let mut deadline = pool.env().clock.sleep(limit);
        let mut rows = live.raw.fetch_many(query);
        let next = move |context: &mut Context<'_>| {
            let step = match rows.as_mut().poll_next(context) {
                Poll::Pending if deadline.as_mut().poll(context).is_pending() => return Poll::Pending,
                Poll::Pending => Some(Err(late(limit))),
                Poll::Ready(step) => step,
            };
            match &step {
                None => *state = before,
                Some(Err(error)) => *state = after(error),
                Some(Ok(_)) => {}
            }
            Poll::Ready(step)
        };
        stream::poll_fn(next).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let mut steps = self.fetch_many(query);
        Box::pin(async move {
            let mut found = None;
            // To the end: an error may follow a row.
            while let Some(step) = steps.next().await {
                match step? {
                    Either::Right(row) if found.is_none() => found = Some(row),
                    _ => {}
                }
            }
            Ok(found)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        let Conn { live: Some(live), state, pool, .. } = self else {
            return Box::pin(async { Err(Error::PoolClosed) });
        };
        Box::pin(bounded(state, pool, live.raw.prepare_with(sql, parameters)))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        let Conn { live: Some(live), state, pool, .. } = self else {
            return Box::pin(async { Err(Error::PoolClosed) });
        };
        Box::pin(bounded(state, pool, live.raw.describe(sql)))
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        let Some(mut live) = self.live.take() else { return };
        let (pool, seat) = (Arc::clone(&self.pool), self.seat.take());
        if matches!(self.state, State::Busy | State::Broken) {
            // Without a goodbye: it would have to wait for what is under way.
            return pool.doubt();
        }
        if !self.in_transaction {
            return pool.give_back(live);
        }
        // Outside of a runtime nobody could wait for the answer; the server undoes when the connection ends.
        if Handle::try_current().is_err() || pool.is_closed() {
            return;
        }
        let env = pool.env().clone();
        let undo = async move {
            let undone = pool.env().timeout(pool.limit(), live.raw.execute("ROLLBACK")).await;
            match undone {
                Ok(Ok(_)) => pool.give_back(live),
                Ok(Err(_)) | Err(_) => pool.doubt(),
            }
            drop(seat);
        };
        drop(env.spawn.task("postgres-undo", Box::pin(undo)));
    }
}
