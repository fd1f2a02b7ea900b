//! The port on ClickHouse, and why a commit is all or nothing, once.
//!
//! One journal feeds one database, through one instance at a time. A commit has a *number* (1, 2, 3, ...), an attempt at it a
//! *rank* that no other attempt has and that is higher than every earlier one's, over restarts too: its upper bits are a
//! number that each instance registers before it writes anything else. Rows carry both. After all rows of an attempt are
//! acknowledged, one row in `marks` claims the number for them. Of several claims to a number the one with the highest rank
//! holds; a row counts if it belongs to the attempt whose claim holds.
//!
//! - **All or nothing.** A claim is one row, and it is sent after everything that it makes visible is stored. A reader asks
//!   for the claims first and for rows afterwards, so it finds all rows of every commit that it looks for and none of others.
//! - **Nothing twice.** Rows of an attempt that failed, arrived late or were abandoned by a crash carry a rank that holds no
//!   claim. An insert is never sent twice under one rank.
//! - **A claim whose answer was lost** may have taken effect, may do so later, or never. Before anything else is answered or
//!   written, *settling* reads what counts and claims exactly that again with a new, highest rank, and the number after it
//!   for nothing. Whatever arrives afterwards ranks lower and changes nothing. If the lost claim was there, its stretch is
//!   done (`AlreadyDone`); if not, it never will be, and the stretch is written anew.
//! - **What the caller believes** decides where a commit continues: at the newest commit that it was told of. A claim that
//!   took effect untold is replaced, under the same number, by the longer stretch that the caller hands over instead.
//! - **A crash** leaves at most one unclaimed or unanswered attempt. The next instance settles before it writes. Should the
//!   old one still live, its next commit finds a higher writer and is refused (`Conflict`).
//!
//! Numbers at which several attempts may have been are *contested*; only for these are ranks compared, so that questions stay
//! cheap however many commits there were.

use crate::{
    commit,
    door::Door,
    imports,
    prepare::{prepare, server_version},
    query::{self, Pages},
    upkeep,
    writer::{Leave, Pen},
};
use aitrading_database_link::{BackendHealth, Link};
use aitrading_env::Env;
use aitrading_error::Coded as _;
use aitrading_model::{Bar, Cursor, DayCheck, Epoch, Gap, GapRecord, MarketTime, Source, TenantId, Tick, Timeframe};
use aitrading_store::{
    ImportCommit, ImportKey, ImportProgress, JournalMark, StoreError, TickCommit, TickCounts, TickStore, Visit,
};
use async_trait::async_trait;
use std::num::NonZeroU32;
use tokio::sync::{Mutex, OnceCell};

/// What the operator decides about the tick tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClickHouseSettings {
    /// Days after which ticks are forgotten; for ever if none.
    pub retention_days: Option<NonZeroU32>,
    /// Days after which bars are forgotten; for ever if none. A bar outlives its ticks unless this says otherwise.
    pub bars_retention_days: Option<NonZeroU32>,
}

/// Takes epochs and sequence numbers of ticks, many at a time, in order.
pub type VisitNumbers<'a> = dyn FnMut(&[(Epoch, u64)]) + Send + 'a;

/// Ticks, bars and gaps on a ClickHouse server.
#[derive(Debug)]
pub struct ClickHouseTicks {
    pub(crate) env: Env,
    pub(crate) door: Door,
    settings: ClickHouseSettings,
    /// The server's version, once the tables are known to be there.
    ready: OnceCell<String>,
    /// One commit at a time: numbers and ranks are given in order.
    pub(crate) pen: Mutex<Pen>,
}

impl ClickHouseTicks {
    /// The name in health and metrics.
    pub const BACKEND: &'static str = "clickhouse";

    /// A store behind `link`. Connects to nothing: the first call makes the tables ready, or [`ClickHouseTicks::prepare`].
    #[must_use]
    pub fn new(env: &Env, link: Link, settings: ClickHouseSettings) -> Self {
        let (door, ready, pen) = (Door::new(link), OnceCell::new(), Mutex::default());
        Self { env: env.clone(), door, settings, ready, pen }
    }

    /// Checks the server's version and brings the tables up to date, unless that was done. Says the server's version.
    ///
    /// # Errors
    /// [`StoreError::VersionTooOld`], [`StoreError::SchemaNewer`], [`StoreError::Unauthorised`],
    /// [`StoreError::Unavailable`].
    pub async fn prepare(&self) -> Result<&str, StoreError> {
        let ready = self.ready.get_or_try_init(|| prepare(&self.door, self.settings));
        Ok(ready.await?.as_str())
    }

    /// Asks the server for a sign of life, then says how it is.
    pub async fn probe(&self) -> BackendHealth {
        let asked = server_version(&self.door).await;
        let mut health = self.health();
        match asked {
            Ok(version) => health.version = Some(version),
            // An answer that is a refusal does not count as an outage; the operator should know of it all the same.
            Err(error) => health.note = Some(format!("{error} [{}]", error.dna().code)),
        }
        health
    }

    /// How it went so far, without asking.
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        let (version, pool) = (self.ready.get().cloned(), Some(self.door.pool()));
        BackendHealth { version, pool, ..self.door.link().health() }
    }

    /// Removes what is not needed any more, now and then.
    pub(crate) async fn tidy_after(&self, door: &Door, leave: Leave) {
        if leave.contested {
            upkeep::sweep(door, leave.stamp).await;
        }
        if leave.stamp.number.is_multiple_of(upkeep::EVERY) {
            upkeep::tidy(door).await;
        }
    }

    /// Shows the numbers (epoch, sequence number) of every tick of a source, in the order of [`TickStore::scan`].
    ///
    /// # Errors
    /// As the server says.
    pub async fn numbers(&self, source: Source, visit: &mut VisitNumbers<'_>) -> Result<(), StoreError> {
        let all = (MarketTime(i64::MIN), MarketTime(i64::MAX));
        let mut pages = Pages::open(self.door().await?, source, all, u64::MAX).await?;
        loop {
            let page = pages.next_numbers().await?;
            if page.is_empty() {
                return Ok(());
            }
            visit(&page);
        }
    }

    pub(crate) async fn door(&self) -> Result<&Door, StoreError> {
        self.prepare().await?;
        Ok(&self.door)
    }
}

#[async_trait]
impl TickStore for ClickHouseTicks {
    async fn commit(&self, commit: TickCommit) -> Result<(), StoreError> {
        commit::check(&commit)?;
        let door = self.door().await?;
        let mut pen = self.pen.lock().await;
        pen.take_up(door, &self.env).await?;
        let leave = pen.begin(commit.mark)?;
        commit::store(door, &commit, leave.stamp).await?;
        pen.finish(door, leave, commit.mark).await?;
        self.tidy_after(door, leave).await;
        Ok(())
    }

    async fn import(&self, commit: ImportCommit) -> Result<(), StoreError> {
        self.take_import(self.door().await?, commit).await
    }

    async fn imported(&self, tenant: TenantId, key: ImportKey) -> Result<Option<ImportProgress>, StoreError> {
        let door = self.door().await?;
        self.pen.lock().await.still(door).await?;
        imports::progress(door, tenant, key).await
    }

    async fn mark(&self) -> Result<JournalMark, StoreError> {
        let door = self.door().await?;
        Ok(self.pen.lock().await.tell(door).await?.mark)
    }

    async fn cursors(&self) -> Result<Vec<(Source, Cursor)>, StoreError> {
        query::cursors(self.door().await?).await
    }

    async fn counts(&self, tenant: TenantId) -> Result<TickCounts, StoreError> {
        query::counts(self.door().await?, tenant).await
    }

    async fn range(
        &self,
        source: Source,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Tick>, StoreError> {
        query::range(self.door().await?, source, (from, to), limit).await
    }

    async fn scan(&self, source: Source, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
        let all = (MarketTime(i64::MIN), MarketTime(i64::MAX));
        let mut pages = Pages::open(self.door().await?, source, all, u64::MAX).await?;
        let mut shown = 0_u64;
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                return Ok(shown);
            }
            visit(&page);
            shown = shown.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
        }
    }

    async fn bars(
        &self,
        source: Source,
        timeframe: Timeframe,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Bar>, StoreError> {
        query::bars(self.door().await?, (source, timeframe), (from, to), limit).await
    }

    async fn latest_bars(&self, source: Source, timeframe: Timeframe, limit: usize) -> Result<Vec<Bar>, StoreError> {
        query::latest_bars(self.door().await?, source, timeframe, limit).await
    }

    async fn gaps(&self, source: Source) -> Result<Vec<GapRecord>, StoreError> {
        query::gaps(self.door().await?, source).await
    }

    async fn open_gaps(&self, source: Source, limit: usize) -> Result<Vec<Gap>, StoreError> {
        query::open_gaps(self.door().await?, source, limit).await
    }

    async fn latest_days(&self, source: Source, limit: usize) -> Result<Vec<DayCheck>, StoreError> {
        query::latest_days(self.door().await?, source, limit).await
    }
}
