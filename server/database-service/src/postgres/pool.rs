//! The connections: how many there may be, which are free, and which are good.
//!
//! The driver's own pool hides why a connection failed, tests each one before each use and knows no rotated passwords.

use super::{
    conn::{Conn, Live},
    dial::{Facts, dial},
    error::{Busy, Doing},
    rotation::Rotation,
};
use aitrading_database_link::{BackendHealth, Link, LinkState, PoolUse, Repeat};
use aitrading_env::Env;
use aitrading_store::StoreError;
use sqlx::{
    Connection, Executor, FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection that was used within this is not tested before it is used again.
const TRUSTED_NS: u64 = 1_000_000_000;
/// Above the minimum, a connection that nobody used for this long is closed.
const IDLE_NS: u64 = 600_000_000_000;
/// No connection is used longer: the server's process behind it grows.
const LIFE_NS: u64 = 3_600_000_000_000;
/// What health says of a server that takes no writes.
const READ_ONLY: &str =
    "takes no writes: it is a standby, or read-only by its settings; name the primary server [STORE_READ_ONLY]";
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The pool of one server. No task runs while nobody calls.
pub(super) struct Pool {
    env: Env,
    link: Link,
    // Last used last. Held for a few instructions, never across an await.
    free: Mutex<Vec<Live>>,
    seats: Arc<Semaphore>,
    open: Arc<AtomicU32>,
    closed: AtomicBool,
    // Connections that were last used before this may be dead.
    doubt_ns: AtomicU64,
    rotation: Rotation,
    facts: Mutex<Option<Facts>>,
}

impl Pool {
    pub(super) fn new(env: &Env, link: Link) -> Self {
        let seats = usize::try_from(link.pool().max.max(1)).unwrap_or(1);
        Self {
            env: env.clone(),
            free: Mutex::default(),
            seats: Arc::new(Semaphore::new(seats.min(Semaphore::MAX_PERMITS))),
            open: Arc::default(),
            closed: AtomicBool::new(false),
            doubt_ns: AtomicU64::new(0),
            rotation: Rotation::default(),
            facts: Mutex::default(),
            link,
        }
    }

    pub(super) const fn env(&self) -> &Env {
        &self.env
    }

    pub(super) const fn link(&self) -> &Link {
        &self.link
    }

    /// No call, and no statement, is waited for longer.
    pub(super) const fn limit(&self) -> Duration {
        self.link.guard().limits().deadline
    }

    /// Opens the least number of connections, at least one, so that the first callers do not wait for them.
    pub(super) async fn warm_up(&self) -> Result<(), StoreError> {
        let doing = "connecting to the database server";
        let bounds = self.link.pool();
        for _ in 0..bounds.min.clamp(1, bounds.max.max(1)) {
            let live = self.link.call(doing, Repeat::Idempotent, || self.connect()).await?;
            self.give_back(live);
        }
        Ok(())
    }

    /// What is left of the deadline of a call that began at `began_ns`.
    pub(super) fn left(&self, began_ns: u64) -> Duration {
        let gone = self.env.clock.mono_ns().saturating_sub(began_ns);
        self.limit().saturating_sub(Duration::from_nanos(gone))
    }

    /// A connection with a transaction that `statement` has begun, for a call that began at `began_ns`.
    pub(super) async fn begin(
        self: &Arc<Self>,
        doing: &'static str,
        statement: &'static str,
        began_ns: u64,
    ) -> Result<Conn, StoreError> {
        let seat = self.seat(doing, began_ns).await?;
        let attempt = || self.begin_once(doing, statement);
        let guard = self.link.guard();
        let mut conn = guard.call_within(self.left(began_ns), doing, Repeat::Idempotent, attempt).await?;
        conn.keep(seat);
        Ok(conn)
    }

    /// The row that one question finds, outside of any transaction, for a call that began at `began_ns`.
    pub(super) async fn ask<'q, O>(
        self: &Arc<Self>,
        doing: &'static str,
        question: impl Fn() -> QueryAs<'q, Postgres, O, PgArguments> + Send + Sync,
        began_ns: u64,
    ) -> Result<Option<O>, StoreError>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let _seat = self.seat(doing, began_ns).await?;
        let attempt = || async {
            let mut conn = Conn::alone(self, self.take().await?);
            question().fetch_optional(&mut conn).await.doing(doing)
        };
        self.link.guard().call_within(self.left(began_ns), doing, Repeat::Idempotent, attempt).await
    }

    async fn seat(&self, doing: &'static str, began_ns: u64) -> Result<OwnedSemaphorePermit, StoreError> {
        let seat = self.env.timeout(self.left(began_ns), Arc::clone(&self.seats).acquire_owned()).await;
        seat.map_err(|_| Busy::Seats.unavailable(doing))?.map_err(|_| Busy::Closed.unavailable(doing))
    }

    async fn begin_once(self: &Arc<Self>, doing: &'static str, statement: &'static str) -> Result<Conn, StoreError> {
        let live = self.take().await?;
        let mut conn = Conn::new(self, live);
        conn.execute(statement).await.doing(doing)?;
        Ok(conn)
    }

    async fn take(&self) -> Result<Live, StoreError> {
        let generation = self.rotation.generation(&self.env, &self.link);
        while let Some(mut live) = self.pop() {
            let now = self.env.clock.mono_ns();
            let unused = now.saturating_sub(live.used_ns);
            let stale = live.generation < generation || now.saturating_sub(live.born_ns) > LIFE_NS;
            let sure = unused < TRUSTED_NS && live.used_ns > self.doubt_ns.load(Ordering::Relaxed);
            if !stale && (sure || live.raw.ping().await.is_ok()) {
                return Ok(live);
            }
        }
        self.connect().await
    }

    fn pop(&self) -> Option<Live> {
        self.free().pop()
    }

    async fn connect(&self) -> Result<Live, StoreError> {
        let fresh = dial(&self.env, &self.link, self.limit()).await?;
        self.learn(fresh.facts);
        Ok(Live::new(fresh.raw, fresh.generation, self.env.clock.mono_ns(), &self.open))
    }

    /// Takes in what the server said of itself last.
    pub(super) fn learn(&self, facts: Facts) {
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }

    pub(super) fn facts(&self) -> Option<Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes back a connection without a transaction. Closes one that nobody has needed for long.
    pub(super) fn give_back(&self, mut live: Live) {
        let now = self.env.clock.mono_ns();
        live.used_ns = now;
        let mut free = self.free();
        if self.is_closed() {
            return;
        }
        let more = self.open.load(Ordering::Relaxed) > self.link.pool().min;
        let idle = free.first().is_some_and(|oldest| now.saturating_sub(oldest.used_ns) > IDLE_NS);
        let oldest = (more && idle).then(|| free.remove(0));
        free.push(live);
        drop(free);
        drop(oldest);
    }

    /// A connection broke: the others may be dead as well.
    pub(super) fn doubt(&self) {
        self.doubt_ns.store(self.env.clock.mono_ns(), Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn free(&self) -> MutexGuard<'_, Vec<Live>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known already: never waits.
    pub(super) fn health(&self) -> BackendHealth {
        let facts = self.facts();
        let free = u32::try_from(self.free().len()).unwrap_or(u32::MAX);
        let pool = PoolUse { size: self.open.load(Ordering::Relaxed), idle: free, max: self.link.pool().max };
        let health = self.link.health();
        // It answers, and nothing can be decided with it: no order, no entry of the audit log would be kept.
        let read_only = facts.as_ref().is_some_and(|facts| facts.read_only);
        let refuses = read_only.then(|| READ_ONLY.to_owned());
        BackendHealth {
            version: facts.map(|facts| facts.version),
            pool: Some(pool),
            state: if read_only { LinkState::Down } else { health.state },
            note: refuses.or_else(|| health.note.clone()),
            ..health
        }
    }

    /// Refuses new calls and says goodbye on every free connection; those in use are closed when their users are done.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.seats.close();
        let free = std::mem::take(&mut *self.free());
        for live in free {
            // A server that does not hear it will notice.
            drop(self.env.timeout(GOODBYE, live.raw.close()).await);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("at", &self.link.endpoint().authority()).finish_non_exhaustive()
    }
}
