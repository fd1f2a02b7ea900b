//! A database in a temporary directory, with real or simulated files for ticks.

use aitrading_database_link::Secrets;
use aitrading_database_service::{Database, Databases, OpenError, Servers, Settings};
use aitrading_env::{Env, sim::MemFs};
use aitrading_model::{Source, Tick};
use aitrading_store::{StoreError, conformance::sample};
use std::{future::Future, path::PathBuf, sync::Arc};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) env: Env,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), env: Env::real() }
    }

    /// SQLite writes to the machine's disk, tick files go to a file system whose power can be cut.
    pub(crate) fn with_mem_files() -> (Self, MemFs) {
        let mem = MemFs::new();
        let env = Env { fs: Arc::new(mem.clone()), ..Env::real() };
        (Self { dir: TempDir::new().unwrap(), env }, mem)
    }

    pub(crate) async fn open(&self, settings: Settings) -> Result<Database, StoreError> {
        Database::open(&self.env, settings, self.dir.path()).await
    }

    /// As the server does it.
    pub(crate) async fn start(&self, settings: Settings) -> Result<Database, StoreError> {
        let database = self.open(settings).await?;
        database.set_leftovers_aside().await?;
        Ok(database)
    }

    /// With all its parts, `servers` among them.
    pub(crate) async fn open_all(&self, settings: Settings, servers: &Servers) -> Result<Databases, OpenError> {
        Databases::open(&self.env, settings, servers, &Secrets::default(), self.dir.path()).await
    }

    /// Names of all files below `ticks/`.
    pub(crate) fn tick_files(&self) -> Vec<PathBuf> {
        self.files_below("ticks")
    }

    /// Names of all files below a folder.
    pub(crate) fn files_below(&self, folder: &str) -> Vec<PathBuf> {
        let (mut files, mut dirs) = (Vec::new(), vec![self.dir.path().join(folder)]);
        while let Some(dir) = dirs.pop() {
            for entry in self.env.fs.list(&dir).unwrap_or_default() {
                let into = if entry.is_dir { &mut dirs } else { &mut files };
                into.push(dir.join(entry.name));
            }
        }
        files.sort();
        files
    }
}

/// Settings under which a handful of ticks already makes files and merges.
pub(crate) fn small() -> Settings {
    Settings { file_ticks: 20, file_ticks_max: 100, day_files_max: 3, ..Settings::default() }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

pub(crate) async fn everything(database: &Database, source: Source) -> Result<Vec<Tick>, StoreError> {
    let mut all = Vec::new();
    database.stores().ticks.scan(source, &mut |batch| all.extend_from_slice(batch)).await?;
    Ok(all)
}

/// Commits `ticks[from..]` in steps of `step`; the mark counts ticks.
pub(crate) async fn feed(database: &Database, source: Source, ticks: &[Tick], step: usize) -> Result<(), StoreError> {
    let store = database.stores().ticks;
    let mut at = usize::try_from(store.mark().await?.offset).unwrap();
    while at < ticks.len() {
        let end = (at + step).min(ticks.len());
        let part = sample::part(source, at as u64 + 1, ticks[at..end].to_vec());
        store.commit(sample::commit(end as u64, part)).await?;
        at = end;
    }
    Ok(())
}
