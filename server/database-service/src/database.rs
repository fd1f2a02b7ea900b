//! Opening the stores of one directory, and what is known of their health.

use crate::{
    Settings,
    cache::MokaCache,
    chains::LocalChains,
    meters,
    schema::SchemaStatus,
    sql::SqlView,
    sqlite::{self, Db, Doing, SqlPatterns},
    stats::Stats,
    ticks::{SqlTicks, refuse_lost},
};
use aitrading_database_link::{BackendHealth, LinkState, Role};
use aitrading_env::{Env, FileLock};
use aitrading_sql_engine::SqlEngine;
use aitrading_store::{LogStore, PlatformStores, StoreError, Stores};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

const LOCK: &str = "database.lock";
const FILE: &str = "main.db";
const TICKS: &str = "ticks";
const SET_ASIDE: &str = "set-aside";
const OPENING: &str = "opening the data directory";
/// A probe that takes longer than this is worth a look.
const SLOW_NS: u64 = 1_000_000_000;

/// The open stores of one directory. Cheap to clone; the directory is locked until [`Database::close`], or until the
/// last clone is gone.
#[derive(Clone, Debug)]
pub struct Database {
    env: Env,
    dir: PathBuf,
    settings: Settings,
    stores: Stores,
    platform: PlatformStores,
    ticks: Arc<SqlTicks>,
    patterns: Arc<SqlPatterns>,
    graph: Arc<LocalChains>,
    db: Db,
    stats: Arc<Stats>,
    lock: Arc<Mutex<Option<Box<dyn FileLock>>>>,
}

impl Database {
    /// Opens the stores in `dir`, creating what is not there: `main.db` (SQLite) and `ticks/` (Parquet). No file of ticks is
    /// touched.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::SchemaNewer`], [`StoreError::CatalogueLost`], [`StoreError::Corrupt`], or what the
    /// medium says.
    pub async fn open(env: &Env, settings: Settings, dir: &Path) -> Result<Self, StoreError> {
        let opened = Self::open_bare(env, settings, dir).await?;
        match opened.fill(true, true).await {
            Ok(()) => Ok(opened),
            Err(error) => {
                opened.release().await;
                Err(error)
            }
        }
    }

    /// As [`Database::open`], but what is derived from rows is empty before [`Database::fill`].
    pub(crate) async fn open_bare(env: &Env, settings: Settings, dir: &Path) -> Result<Self, StoreError> {
        env.fs.create_dir_all(dir).doing(OPENING)?;
        let (lock, stats) = (lock(env, dir)?, Arc::default());
        let db = rows(env, &settings.sane(), dir, &stats).await?;
        Self::over(env, settings.sane(), dir, db, stats, lock).await
    }

    /// For those who only look: nothing is made or changed, so what is derived from rows stays empty. `None` without a database.
    pub(crate) async fn open_to_look(
        env: &Env,
        settings: Settings,
        dir: &Path,
    ) -> Result<Option<(Self, SchemaStatus)>, StoreError> {
        let file = dir.join(FILE);
        if env.fs.metadata(&file).doing(OPENING)?.is_none() {
            refuse_lost(env, dir.join(TICKS)).await?;
            return Ok(None);
        }
        let lock = lock(env, dir)?;
        let still = sqlite::is_still(env, &file)?;
        let schema = sqlite::status_of(&file, still).await?;
        if schema.applied() == 0 {
            refuse_lost(env, dir.join(TICKS)).await?;
            return Ok(None);
        }
        schema.check()?;
        let stats = Arc::default();
        let db = Db::look(env, &settings.sane(), &file, still, Arc::clone(&stats));
        let kept = Self::over(env, settings.sane(), dir, db, stats, lock).await?;
        Ok(Some((kept, schema)))
    }

    /// The stores over an open database.
    async fn over(
        env: &Env,
        settings: Settings,
        dir: &Path,
        db: Db,
        stats: Arc<Stats>,
        lock: Box<dyn FileLock>,
    ) -> Result<Self, StoreError> {
        meters::describe();
        let ticks = SqlTicks::open(env, settings, db.clone(), dir.join(TICKS), Arc::clone(&stats)).await?;
        let ticks = Arc::new(ticks);
        let of_rows = sqlite::stores(&db);
        let stores = Stores {
            ticks: Arc::<SqlTicks>::clone(&ticks),
            signals: of_rows.signals,
            subscriptions: of_rows.subscriptions,
            accounts: of_rows.accounts,
            devices: of_rows.devices,
            meta: of_rows.meta,
            cache: Arc::new(MokaCache::new(env, settings.cache_entries)),
        };
        let (graph, patterns) = (Arc::<LocalChains>::default(), Arc::new(SqlPatterns::new(env, db.clone())));
        let platform =
            sqlite::platform(&db).alone(env, Arc::<LocalChains>::clone(&graph), Arc::<SqlPatterns>::clone(&patterns));
        let lock = Arc::new(Mutex::new(Some(lock)));
        let (env, dir) = (env.clone(), dir.to_owned());
        Ok(Self { env, dir, settings, stores, platform, ticks, patterns, graph, db, stats, lock })
    }

    /// Reads from the rows what the graph and the index of patterns know at the start.
    pub(crate) async fn fill(&self, graph: bool, patterns: bool) -> Result<(), StoreError> {
        if graph {
            sqlite::shapes(&self.db, &|tenant, shape| self.graph.take(tenant, shape)).await?;
        }
        if patterns {
            self.patterns.fill().await?;
        }
        Ok(())
    }

    /// Brings the schema of the directory's database up to date, and opens nothing else. [`Database::open`] does the same.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn migrate(env: &Env, dir: &Path) -> Result<SchemaStatus, StoreError> {
        env.fs.create_dir_all(dir).doing(OPENING)?;
        let lock = lock(env, dir)?;
        let db = rows(env, &Settings::default(), dir, &Arc::default()).await?;
        db.close().await;
        drop(lock);
        Self::schema_status(env, dir).await
    }

    /// Which steps of the schema the directory's database has, also while a server uses it. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or what the medium says.
    pub async fn schema_status(env: &Env, dir: &Path) -> Result<SchemaStatus, StoreError> {
        let file = dir.join(FILE);
        let there = env.fs.metadata(&file).doing(OPENING)?.is_some();
        sqlite::status(there.then_some(&*file)).await
    }

    /// The stores behind their ports.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.stores.clone()
    }

    /// The stores of the platform behind their ports. Every call answers the same ones.
    ///
    /// All but three are rows in the same SQLite file as [`Database::stores`]; the patterns behind an index in this process. The
    /// graph, the events and the shared cache live in this process, bounded. After a start the graph has the chains of
    /// [`PlatformStores::chains`] and nothing else; events and shared cache are empty.
    #[must_use]
    pub fn platform(&self) -> PlatformStores {
        self.platform.clone()
    }

    /// The SQLite file, for a move or a copy of all its rows.
    pub(crate) const fn rows(&self) -> &Db {
        &self.db
    }

    /// The patterns themselves.
    pub(crate) const fn patterns(&self) -> &Arc<SqlPatterns> {
        &self.patterns
    }

    /// The graph itself.
    pub(crate) const fn graph(&self) -> &Arc<LocalChains> {
        &self.graph
    }

    /// The tick store itself.
    pub(crate) const fn ticks(&self) -> &Arc<SqlTicks> {
        &self.ticks
    }

    /// Read-only SQL over ticks, bars and the given logs; without a store of logs the table `logs` is empty. Costs nothing
    /// before the first question.
    #[must_use]
    pub fn sql(&self, logs: Option<Arc<dyn LogStore>>) -> SqlEngine {
        self.sql_over(SqlView::new(Some(Arc::clone(&self.ticks)), logs))
    }

    /// As [`Database::sql`], for a deployment that keeps its ticks on a server: questions about ticks and bars are refused, for
    /// what lies here is old.
    #[must_use]
    pub fn sql_without_ticks(&self, logs: Option<Arc<dyn LogStore>>) -> SqlEngine {
        self.sql_over(SqlView::new(None, logs))
    }

    fn sql_over(&self, view: SqlView) -> SqlEngine {
        SqlEngine::new(self.env.clone(), self.settings.sql_limits(), Arc::new(view))
    }

    /// Puts every waiting tick into a file and merges small files: afterwards any Parquet tool sees every tick.
    ///
    /// # Errors
    /// As the medium says; nothing is lost then.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.ticks.flush().await
    }

    /// Moves tick files that nobody lists, which a crash left, out of the history to `set-aside/`, and says how many those were.
    /// For whoever owns the history: those who only look at it, or copy it, leave everything where it is.
    ///
    /// # Errors
    /// As the medium says; what is still in its place then is left out all the same.
    pub async fn set_leftovers_aside(&self) -> Result<u64, StoreError> {
        self.ticks.set_leftovers_aside(&self.dir.join(SET_ASIDE)).await
    }

    /// The tick files that count, relative to the directory.
    ///
    /// # Errors
    /// As the medium says.
    pub async fn tick_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        Ok(self.ticks.files().await?.into_iter().map(|file| Path::new(TICKS).join(file)).collect())
    }

    /// Flushes and closes. The stores answer nothing afterwards.
    ///
    /// # Errors
    /// As the medium says while flushing; the database is closed all the same, and nothing is lost.
    pub async fn close(&self) -> Result<(), StoreError> {
        let flushed = self.ticks.flush().await;
        self.release().await;
        flushed
    }

    /// Closes as it is. The stores answer nothing afterwards.
    pub async fn release(&self) {
        self.db.close().await;
        // Others may still hold a clone, for health reports: the directory is free all the same.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Asks the database something small; [`Database::backend`] shows the answer's time.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let outcome = self.db.probe().await;
        self.stats.probed(outcome.as_ref().ok().copied());
        self.ticks.look_again().await;
        outcome.map(drop)
    }

    /// How the embedded store of a part is, from what is known already: never waits.
    #[must_use]
    pub fn backend(&self, role: Role) -> BackendHealth {
        match role {
            Role::Relational => self.relational(),
            Role::Ticks => self.tick_store(),
            Role::Cache | Role::Patterns | Role::Events => BackendHealth::embedded(role, Self::backend_name(role)),
            Role::Graph => self.chains(),
        }
    }

    /// What plays a part that no server is named for.
    pub(crate) const fn backend_name(role: Role) -> &'static str {
        match role {
            Role::Relational => "sqlite",
            Role::Ticks => "parquet",
            Role::Cache | Role::Patterns | Role::Events => "in process",
            Role::Graph => "petgraph",
        }
    }

    fn chains(&self) -> BackendHealth {
        let embedded = BackendHealth::embedded(Role::Graph, Self::backend_name(Role::Graph));
        match self.graph.crowded() {
            None => embedded,
            Some(why) => BackendHealth { state: LinkState::Down, note: Some(why), ..embedded },
        }
    }

    fn relational(&self) -> BackendHealth {
        let micros = |ns: u64| ns.checked_div(1000).unwrap_or(0);
        let (probe, write) = (self.stats.probe_ns(), self.stats.write_ns());
        let state = match (self.stats.failed(), probe > SLOW_NS || write > SLOW_NS) {
            (true, _) => LinkState::Down,
            (false, true) => LinkState::Probing,
            (false, false) => LinkState::Up,
        };
        BackendHealth {
            version: self.stats.version(),
            state,
            latency_us: Some(micros(probe)),
            pool: Some(self.db.pool()),
            note: Some(format!("last write {} us", micros(write))),
            ..BackendHealth::embedded(Role::Relational, Self::backend_name(Role::Relational))
        }
    }

    fn tick_store(&self) -> BackendHealth {
        let (files, bytes) = self.stats.files();
        let merging = self.stats.merge_failed();
        let damaged = self.ticks.set_aside.named();
        let left_out =
            damaged.as_ref().map(|named| format!(", damaged and left out of answers in SQL until restored: {named}"));
        BackendHealth {
            state: if merging || damaged.is_some() { LinkState::Probing } else { LinkState::Up },
            note: Some(format!("{files} files, {bytes} bytes{}", left_out.unwrap_or_default())),
            ..BackendHealth::embedded(Role::Ticks, Self::backend_name(Role::Ticks))
        }
    }
}

/// The rows of the locked directory. Where tick files lie, a new database would forget them: nothing is made then.
async fn rows(env: &Env, settings: &Settings, dir: &Path, stats: &Arc<Stats>) -> Result<Db, StoreError> {
    let file = dir.join(FILE);
    if sqlite::is_new(env, &file).await? {
        refuse_lost(env, dir.join(TICKS)).await?;
    }
    Db::open(env, settings, &file, Arc::clone(stats)).await
}

fn lock(env: &Env, dir: &Path) -> Result<Box<dyn FileLock>, StoreError> {
    let lock = env.fs.try_lock(&dir.join(LOCK)).doing(OPENING)?;
    lock.ok_or_else(|| StoreError::InUse { dir: dir.to_owned() })
}
