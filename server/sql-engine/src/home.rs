//! The way from a query's own threads to the store: its calls run on the runtime that asked the query.

use crate::{
    SqlError,
    view::{BarRow, BarWish, ListedFile, LogRow, LogWish, Rows, TickFilesView, TickSnapshot, TickWish},
};
use aitrading_env::{Clock, Env};
use aitrading_model::TenantId;
use aitrading_store::StoreError;
use datafusion::error::DataFusionError;
use futures_util::StreamExt as _;
use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
};

/// Pages of rows that may wait for the query.
const PAGES_WAITING: usize = 2;

/// One query's connection to the store.
#[derive(Clone)]
pub(crate) struct Home {
    view: Arc<dyn TickFilesView>,
    runtime: Handle,
    tenant: TenantId,
    failure: Arc<Mutex<Option<SqlError>>>,
    left_out: Arc<Mutex<BTreeSet<String>>>,
    /// Word of damaged files, on its way to the store.
    reports: Arc<Mutex<Vec<JoinHandle<()>>>>,
    clock: Arc<dyn Clock>,
    time: Time,
    stopped: Arc<AtomicBool>,
}

/// How long a query may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    /// When it is over, on the monotonic clock.
    pub(crate) deadline_ns: u64,
    /// The limit that this came from.
    pub(crate) limit: Duration,
}

impl Time {
    /// From now on.
    pub(crate) fn starting(clock: &dyn Clock, limit: Duration) -> Self {
        let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Self { deadline_ns: clock.mono_ns().saturating_add(limit_ns), limit }
    }

    /// What is left of it.
    pub(crate) fn left(&self, clock: &dyn Clock) -> Duration {
        Duration::from_nanos(self.deadline_ns.saturating_sub(clock.mono_ns()))
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Stops a task that nobody waits for any more.
#[derive(Debug)]
struct Stop(AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Pages that arrive from a task of the store's runtime.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pages: mpsc::Receiver<Result<Vec<T>, StoreError>>,
    _stop: Stop,
}

impl<T> Pages<T> {
    pub(crate) async fn next(&mut self) -> Option<Result<Vec<T>, StoreError>> {
        self.pages.recv().await
    }
}

impl Home {
    /// Must be called on the runtime that the store's calls are to run on.
    pub(crate) fn new(view: Arc<dyn TickFilesView>, tenant: TenantId, env: &Env, limit: Duration) -> Self {
        let (failure, left_out, reports, stopped) = Default::default();
        let (clock, time) = (Arc::clone(&env.clock), Time::starting(&*env.clock, limit));
        Self { view, runtime: Handle::current(), tenant, failure, left_out, reports, clock, time, stopped }
    }

    pub(crate) fn time(&self) -> Time {
        self.time
    }

    /// Nobody wants the result any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Work that takes long without a pause asks here whether to go on.
    pub(crate) fn check(&self) -> Result<(), DataFusionError> {
        if self.stopped.load(Ordering::Relaxed) || self.time.left(&*self.clock).is_zero() {
            return Err(self.fail(SqlError::TimedOut { limit: self.time.limit }));
        }
        Ok(())
    }

    /// Keeps the first error of ours, and stands in for it while the query machinery unwinds.
    pub(crate) fn fail(&self, error: SqlError) -> DataFusionError {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        DataFusionError::Execution("see the query's own failure".to_owned())
    }

    /// The error of ours behind the one that the query machinery reports.
    pub(crate) fn take_failure(&self) -> Option<SqlError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Fails if another server keeps the ticks and bars.
    pub(crate) fn keeps_ticks(&self) -> Result<(), DataFusionError> {
        self.view.elsewhere().map_or(Ok(()), |place| Err(self.fail(SqlError::KeptElsewhere { place })))
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, SqlError> {
        let task = self.runtime.spawn(work);
        let _stop = Stop(task.abort_handle());
        let lost =
            |source: tokio::task::JoinError| SqlError::Engine { doing: "asking the store", source: source.into() };
        task.await.map_err(lost)?.map_err(SqlError::Store)
    }

    pub(crate) async fn ticks(&self, wish: TickWish) -> Result<TickSnapshot, SqlError> {
        let (view, tenant) = (Arc::clone(&self.view), self.tenant);
        let shown = self.call(async move { view.ticks(tenant, &wish).await }).await?;
        // The view answers for one tenant. That no other tenant's file is ever opened does not rest on it alone.
        let files = shown.files.iter().chain(&shown.set_aside).map(|f| f.source);
        let mut sources = files.chain(shown.waiting.iter().map(|w| w.source));
        if sources.any(|source| source.tenant != self.tenant) {
            return Err(SqlError::Store(StoreError::corrupt("the store showed ticks of another tenant")));
        }
        let names = shown.set_aside.iter().map(ListedFile::shown);
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
        Ok(shown)
    }

    /// Files that the store had set aside, and that the query would have asked.
    pub(crate) fn left_out(&self) -> Vec<String> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn bars(&self, wish: BarWish) -> Pages<BarRow> {
        let (view, tenant) = (Arc::clone(&self.view), self.tenant);
        let ours = move |row: &BarRow| row.source.tenant == tenant;
        self.pages(async move { view.bars(tenant, &wish).await }, ours)
    }

    pub(crate) fn logs(&self, wish: LogWish) -> Pages<LogRow> {
        let (view, tenant) = (Arc::clone(&self.view), self.tenant);
        self.pages(async move { view.logs(tenant, &wish).await }, |_| true)
    }

    fn pages<T: Send + 'static>(
        &self,
        open: impl Future<Output = Result<Rows<T>, StoreError>> + Send + 'static,
        ours: impl Fn(&T) -> bool + Send + 'static,
    ) -> Pages<T> {
        let (send, pages) = mpsc::channel(PAGES_WAITING);
        let task = self.runtime.spawn(async move {
            let mut rows = match open.await {
                Ok(rows) => rows,
                Err(error) => return send.send(Err(error)).await.unwrap_or_default(),
            };
            while let Some(page) = rows.next().await {
                let page = page.and_then(|page| match page.iter().all(&ours) {
                    true => Ok(page),
                    false => Err(StoreError::corrupt("the store showed rows of another tenant")),
                });
                if send.send(page).await.is_err() {
                    return;
                }
            }
        });
        Pages { pages, _stop: Stop(task.abort_handle()) }
    }

    /// Tells the store of a damaged file, and makes the query's error of it.
    pub(crate) fn damaged(
        &self,
        file: &ListedFile,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> SqlError {
        let shown = file.shown();
        tracing::error!(file = shown, "a query met a damaged tick file");
        let (view, file) = (Arc::clone(&self.view), file.clone());
        let report = self.runtime.spawn(async move { view.damaged(&file).await });
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        SqlError::DamagedFile { file: shown, source }
    }

    /// Waits until the store knows of the damaged files: who asks again is answered without them.
    pub(crate) async fn reported(&self) {
        let reports = std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner));
        for report in reports {
            // One that broke has told nothing, and the next query will meet the file again.
            report.await.unwrap_or_default();
        }
    }
}
