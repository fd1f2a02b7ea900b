//! Opening the stores of one directory, and what is known of their health.

use crate::{
    Settings,
    accounts::{SqlAccounts, SqlDevices},
    cache::MokaCache,
    meta::SqlMeta,
    meters,
    signals::SqlSignals,
    sqlite::{Db, Doing},
    stats::Stats,
    subscriptions::SqlSubscriptions,
    ticks::SqlTicks,
};
use aitrading_env::{Env, FileLock};
use aitrading_hub::{Part, Status};
use aitrading_store::{StoreError, Stores};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

const LOCK: &str = "database.lock";
const FILE: &str = "main.db";
const TICKS: &str = "ticks";
/// A probe that takes longer than this is worth a look.
const SLOW_NS: u64 = 1_000_000_000;

/// The open stores of one directory. Cheap to clone; the directory is locked until [`Database::close`], or until the
/// last clone is gone.
#[derive(Clone, Debug)]
pub struct Database {
    stores: Stores,
    ticks: Arc<SqlTicks>,
    db: Db,
    stats: Arc<Stats>,
    lock: Arc<Mutex<Option<Box<dyn FileLock>>>>,
}

impl Database {
    /// Opens the stores in `dir`, creating what is not there: `main.db` (SQLite) and `ticks/` (Parquet).
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::SchemaNewer`], [`StoreError::Corrupt`], or what the medium says.
    pub async fn open(env: &Env, settings: Settings, dir: &Path) -> Result<Self, StoreError> {
        let doing = "opening the data directory";
        let settings = settings.sane();
        meters::describe();
        env.fs.create_dir_all(dir).doing(doing)?;
        let lock = env.fs.try_lock(&dir.join(LOCK)).doing(doing)?;
        let lock = lock.ok_or_else(|| StoreError::InUse { dir: dir.to_owned() })?;
        let stats = Arc::new(Stats::default());
        let db = Db::open(env, &settings, &dir.join(FILE), Arc::clone(&stats)).await?;
        let ticks = SqlTicks::open(env, settings, db.clone(), dir.join(TICKS), Arc::clone(&stats)).await?;
        let ticks = Arc::new(ticks);
        let stores = Stores {
            ticks: Arc::<SqlTicks>::clone(&ticks),
            signals: Arc::new(SqlSignals(db.clone())),
            subscriptions: Arc::new(SqlSubscriptions(db.clone())),
            accounts: Arc::new(SqlAccounts(db.clone())),
            devices: Arc::new(SqlDevices(db.clone())),
            meta: Arc::new(SqlMeta(db.clone())),
            cache: Arc::new(MokaCache::new(env, settings.cache_entries)),
        };
        Ok(Self { stores, ticks, db, stats, lock: Arc::new(Mutex::new(Some(lock))) })
    }

    /// The stores behind their ports.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.stores.clone()
    }

    /// Puts every waiting tick into a file and merges small files: afterwards any Parquet tool sees every tick.
    ///
    /// # Errors
    /// As the medium says; nothing is lost then.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.ticks.flush().await
    }

    /// Writes a consistent copy of the database to `file`, which must not exist. Tick files are not in it: [`Self::tick_files`]
    /// names those that belong to it while nothing is stored.
    ///
    /// # Errors
    /// As the medium says; what is in `file` then is void.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        self.db.copy_to(file).await
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
        self.db.close().await;
        // Others may still hold a clone, for health reports: the directory is free all the same.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        flushed
    }

    /// Asks the database something small; [`Database::parts`] shows the answer's time.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let outcome = self.db.probe().await;
        self.stats.probed(outcome.as_ref().ok().copied());
        outcome.map(drop)
    }

    /// Health parts, from what is known already: never waits.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let micros = |ns: u64| ns.checked_div(1000).unwrap_or(0);
        let (probe, write) = (self.stats.probe_ns(), self.stats.write_ns());
        let status = match (self.stats.failed(), probe > SLOW_NS || write > SLOW_NS) {
            (true, _) => Status::Down,
            (false, true) => Status::Degraded,
            (false, false) => Status::Up,
        };
        let sqlite = format!("last probe {} us, last write {} us", micros(probe), micros(write));
        let (files, bytes) = self.stats.files();
        let merging = if self.stats.merge_failed() { Status::Degraded } else { Status::Up };
        vec![
            Part::new("sqlite", status, sqlite),
            Part::new("tick-files", merging, format!("{files} files, {bytes} bytes")),
        ]
    }
}
