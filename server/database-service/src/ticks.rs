//! Ticks: the running day's last ones wait inside SQLite, everything else lies in Parquet files that SQLite lists.
//!
//! A file counts from the moment at which a transaction lists it, and that transaction also moves cursors, counts and the
//! journal's mark. So a crash at any time leaves either both or neither; files that nobody lists are set aside by the server's
//! next start.

mod catalogue;
mod commit;
mod format;
mod imports;
mod late;
mod leftovers;
mod merge;
mod plan;
mod read;
mod rows;
mod set_aside;
mod shelf;
mod show;
#[cfg(test)]
mod tests;
mod whole;

use crate::{
    Settings,
    sqlite::{self, Db, Doing},
    stats::Stats,
};
use aitrading_env::Env;
use aitrading_model::{Bar, Cursor, DayCheck, Gap, GapRecord, MarketTime, Source, TenantId, Tick, Timeframe};
use aitrading_store::{
    ImportCommit, ImportKey, ImportProgress, JournalMark, StoreError, TickCommit, TickCounts, TickStore, Visit,
};
use async_trait::async_trait;
use catalogue::READING;
pub(crate) use leftovers::refuse_lost;
use set_aside::SetAside;
use shelf::Shelf;
use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

const FEED: &str = "ticks";
/// Files whose own count is remembered; 16 bytes each.
const COUNTED_MAX: u64 = 65_536;
/// Ticks that a scan shows at once.
const BATCH: usize = 4096;

/// The tick store.
#[derive(Debug)]
pub(crate) struct SqlTicks {
    db: Db,
    settings: Settings,
    shelf: Arc<Shelf>,
    stats: Arc<Stats>,
    counted: moka::sync::Cache<i64, u64>,
    /// Files that were found damaged.
    pub(crate) set_aside: SetAside,
    /// One commit or merge at a time: what a plan read must still hold when it is written.
    gate: tokio::sync::Mutex<()>,
    /// The database says that there may be files which it does not list yet.
    begun: AtomicBool,
}

impl SqlTicks {
    /// Takes over the folder `root`, and changes nothing there.
    pub(crate) async fn open(
        env: &Env,
        settings: Settings,
        db: Db,
        root: PathBuf,
        stats: Arc<Stats>,
    ) -> Result<Self, StoreError> {
        let shelf = Arc::new(Shelf::new(env, root));
        let counted = moka::sync::Cache::new(COUNTED_MAX);
        let (set_aside, gate) = (SetAside::default(), tokio::sync::Mutex::default());
        let begun = AtomicBool::new(false);
        let ticks = Self { db, settings, shelf, stats, counted, set_aside, gate, begun };
        ticks.refuse_lost().await?;
        ticks.measure().await?;
        Ok(ticks)
    }

    /// Puts every waiting tick into a file and merges what can be merged: afterwards any Parquet tool sees everything.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        let _one = self.gate.lock().await;
        self.empty_tails().await?;
        self.tidy_all().await?;
        self.shelf.sweep();
        self.measure().await
    }

    /// The listed files, relative to the folder of tick files.
    pub(crate) async fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let listed = catalogue::all_names(&mut tx).await?;
        Ok(listed.iter().map(|(source, name)| shelf::place_of(source, name)).collect())
    }

    async fn empty_tails(&self) -> Result<(), StoreError> {
        let rows = {
            let mut tx = self.db.read(READING).await?;
            let statement = "SELECT DISTINCT s.tenant, s.account, s.symbol, t.day FROM tick_tails t
                 JOIN sources s ON s.id = t.source";
            let query = sqlx::query_as::<_, (i64, i64, String, i64)>(statement);
            query.fetch_all(&mut *tx).await.doing(READING)?
        };
        for (tenant, account, symbol, day) in rows {
            let source = catalogue::source((tenant, account, symbol))?;
            let (known, rows) = {
                let mut tx = self.db.read(READING).await?;
                let Some(known) = catalogue::find(&mut tx, &source).await? else { continue };
                (known, catalogue::tail(&mut tx, known.id, day).await?)
            };
            let write = move |shelf: &Shelf| shelf.write(&source, day, known.digits, &rows);
            let file = self.shelf.blocking(write).await?;
            let mut tx = self.db.write(catalogue::WRITING).await?;
            catalogue::clear_tail(tx.conn(), known.id, day).await?;
            catalogue::add_file(tx.conn(), known.id, day, None, &file).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// From here on the commit stands, whatever happens: what is still to be done is housekeeping.
    async fn stored(&self, ticks: usize, changed: &[(Source, i64)]) {
        crate::meters::ticks().increment(ticks as u64);
        if changed.is_empty() {
            return;
        }
        self.tidy(changed).await;
        self.shelf.sweep();
        if let Err(error) = self.measure().await {
            tracing::warn!(%error, "tick files could not be counted");
        }
    }

    /// Looks at one of the damaged files again.
    pub(crate) async fn look_again(&self) {
        self.set_aside.look_again(&self.shelf).await;
    }

    async fn measure(&self) -> Result<(), StoreError> {
        let mut tx = self.db.read(READING).await?;
        let (files, bytes) = catalogue::totals(&mut tx).await?;
        self.stats.has_files(files, bytes);
        Ok(())
    }
}

fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[async_trait]
impl TickStore for SqlTicks {
    async fn commit(&self, commit: TickCommit) -> Result<(), StoreError> {
        let _one = self.gate.lock().await;
        let ticks: usize = commit.sources.iter().map(|part| part.ticks.len().saturating_add(part.late.len())).sum();
        let changed = self.take(commit).await?;
        self.stored(ticks, &changed).await;
        Ok(())
    }

    async fn import(&self, commit: ImportCommit) -> Result<(), StoreError> {
        let _one = self.gate.lock().await;
        let ticks = commit.ticks.len();
        let changed = self.take_import(commit).await?;
        self.stored(ticks, &changed).await;
        Ok(())
    }

    async fn imported(&self, tenant: TenantId, key: ImportKey) -> Result<Option<ImportProgress>, StoreError> {
        self.import_progress(tenant, key).await
    }

    async fn mark(&self) -> Result<JournalMark, StoreError> {
        let mut tx = self.db.read(READING).await?;
        sqlite::mark(&mut tx, FEED).await
    }

    async fn cursors(&self) -> Result<Vec<(Source, Cursor)>, StoreError> {
        self.all_cursors().await
    }

    async fn counts(&self, tenant: TenantId) -> Result<TickCounts, StoreError> {
        self.count(tenant).await
    }

    async fn range(
        &self,
        source: Source,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Tick>, StoreError> {
        let mut view = self.view(&source, from.0, Some(to.0)).await?;
        let inside = |tick: &Tick| from <= tick.time && tick.time < to;
        let mut found = Vec::new();
        for listed in std::mem::take(&mut view.files) {
            if found.len() >= limit {
                return Ok(found);
            }
            let ticks = self.read_file(source, listed).await?;
            let room = limit.saturating_sub(found.len());
            found.extend(ticks.into_iter().filter(inside).take(room));
        }
        let room = limit.saturating_sub(found.len());
        found.extend(view.tail.ticks.iter().copied().filter(inside).take(room));
        Ok(found)
    }

    async fn scan(&self, source: Source, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
        let mut view = self.view(&source, i64::MIN, None).await?;
        let mut shown: u64 = 0;
        for listed in std::mem::take(&mut view.files) {
            let ticks = self.read_file(source, listed).await?;
            ticks.chunks(BATCH).for_each(&mut *visit);
            shown = shown.saturating_add(ticks.len() as u64);
        }
        view.tail.ticks.chunks(BATCH).for_each(visit);
        Ok(shown.saturating_add(view.tail.len() as u64))
    }

    async fn bars(
        &self,
        source: Source,
        timeframe: Timeframe,
        from: MarketTime,
        to: MarketTime,
        n: usize,
    ) -> Result<Vec<Bar>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let Some(known) = catalogue::find(&mut tx, &source).await? else { return Ok(Vec::new()) };
        let statement = "SELECT start_ms, open, high, low, close, ticks, spread_min FROM bars
             WHERE source = ? AND frame_ms = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms LIMIT ?";
        let query = sqlx::query_as::<_, read::BarColumns>(statement).bind(known.id).bind(timeframe.millis());
        let rows = query.bind(from.0).bind(to.0).bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|columns| read::bar(timeframe, columns)).collect()
    }

    async fn latest_bars(&self, source: Source, timeframe: Timeframe, n: usize) -> Result<Vec<Bar>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let Some(known) = catalogue::find(&mut tx, &source).await? else { return Ok(Vec::new()) };
        let statement = "SELECT start_ms, open, high, low, close, ticks, spread_min FROM bars
             WHERE source = ? AND frame_ms = ? ORDER BY start_ms DESC LIMIT ?";
        let query = sqlx::query_as::<_, read::BarColumns>(statement).bind(known.id).bind(timeframe.millis());
        let rows = query.bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().rev().map(|columns| read::bar(timeframe, columns)).collect()
    }

    async fn gaps(&self, source: Source) -> Result<Vec<GapRecord>, StoreError> {
        self.all_gaps(source).await
    }

    async fn open_gaps(&self, source: Source, n: usize) -> Result<Vec<Gap>, StoreError> {
        self.first_open_gaps(source, n).await
    }

    async fn latest_days(&self, source: Source, n: usize) -> Result<Vec<DayCheck>, StoreError> {
        self.last_days(source, n).await
    }
}
