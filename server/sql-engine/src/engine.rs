//! The engine: takes statements, and gives each a bounded run.

use crate::{
    SqlError, SqlLimits, TickFilesView,
    home::Home,
    query::{self, QueryStream},
    worker::Worker,
};
use aitrading_env::Env;
use aitrading_model::{TenantId, TraceId};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Who asks. The tenant comes from the one who checked the asker's rights, never from the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlSession {
    /// Whose tables.
    pub tenant: TenantId,
    /// Joins the query's log lines to what caused it.
    pub trace: TraceId,
    /// Fewer rows than the engine's limit; more have no effect.
    pub rows: Option<u64>,
    /// Less time than the engine's limit; more has no effect.
    pub wall: Option<Duration>,
}

impl SqlSession {
    /// One that may use what the engine gives.
    #[must_use]
    pub const fn new(tenant: TenantId, trace: TraceId) -> Self {
        Self { tenant, trace, rows: None, wall: None }
    }

    fn within(&self, limits: &Arc<SqlLimits>) -> Arc<SqlLimits> {
        let rows = self.rows.map_or(limits.rows, |rows| rows.min(limits.rows));
        let wall = self.wall.map_or(limits.wall, |wall| wall.min(limits.wall));
        if (rows, wall) == (limits.rows, limits.wall) {
            return Arc::clone(limits);
        }
        Arc::new(SqlLimits { rows, wall, ..SqlLimits::clone(limits) })
    }
}

/// Read-only SQL over one store.
pub struct SqlEngine {
    env: Env,
    limits: Arc<SqlLimits>,
    view: Arc<dyn TickFilesView>,
    slots: Arc<Semaphore>,
    worker: Mutex<Weak<Worker>>,
}

impl fmt::Debug for SqlEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlEngine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl SqlEngine {
    /// An engine over `view`. Costs nothing before the first query.
    #[must_use]
    pub fn new(env: Env, limits: SqlLimits, view: Arc<dyn TickFilesView>) -> Self {
        let slots = Arc::new(Semaphore::new(limits.queries));
        Self { env, limits: Arc::new(limits), view, slots, worker: Mutex::default() }
    }

    /// Plans one statement and starts it. Its time runs from now on; dropping the stream stops it.
    ///
    /// # Errors
    /// [`SqlError`]: the statement is no valid question, or the engine is busy, or a limit was met while planning.
    pub async fn execute(&self, sql: &str, session: &SqlSession) -> Result<QueryStream, SqlError> {
        if sql.len() > self.limits.sql_bytes {
            return Err(SqlError::TooLong { limit: self.limits.sql_bytes, unit: "bytes" });
        }
        let busy = |_| SqlError::Busy { limit: self.limits.queries };
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(busy)?;
        let limits = session.within(&self.limits);
        let home = Home::new(Arc::clone(&self.view), session.tenant, &self.env, limits.wall);
        let started = query::start(sql.to_owned(), self.worker()?, &self.env, &limits, home, slot).await;
        if let Err(error) = &started {
            let code = aitrading_error::Coded::dna(error).code;
            tracing::info!(tenant = session.tenant.0, trace = %session.trace, code, "a query was refused");
        }
        started
    }

    /// The threads that queries share; the first query starts them, and they end with the last.
    fn worker(&self) -> Result<Arc<Worker>, SqlError> {
        let mut kept = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = kept.upgrade() {
            return Ok(worker);
        }
        let worker = Arc::new(Worker::start(self.limits.threads)?);
        *kept = Arc::downgrade(&worker);
        Ok(worker)
    }
}
