//! What the tests of several modules share: vectors, worlds, entries.

use crate::{CheckpointKey, Entry, EventKind, Field, Level, Settings};
use aitrading_env::{
    DirEntry, Env, File, FileLock, Fs, Meta, OpenMode, RealNet, RealSpawn, Rng,
    sim::{ManualClock, MemFs, SeededRng},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

/// A file of the shared vectors, or `None` (said aloud) where they are not at hand.
pub(crate) fn vectors(name: &str) -> Option<serde_json::Value> {
    let root = option_env!("AITRADING_SHARED_DATA").map(PathBuf::from).or_else(|| {
        let beside = |dir: &std::path::Path| Some(dir.parent()?.join("shared/data")).filter(|p| p.is_dir());
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(beside)
    });
    let Some(root) = root else {
        println!("skipped: {name} is not here; set AITRADING_SHARED_DATA to the folder that holds vectors/");
        return None;
    };
    let text = aitrading_env::RealFs.read(&root.join("vectors").join(name), 1 << 20).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

pub(crate) fn world(fs: Arc<dyn Fs>, seed: u64) -> (Env, ManualClock) {
    let clock = ManualClock::new(1_700_000_000_000_000_000);
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(seed));
    let env = Env { clock: Arc::new(clock.clone()), rng, fs, net: Arc::new(RealNet), spawn: Arc::new(RealSpawn) };
    (env, clock)
}

pub(crate) fn key() -> CheckpointKey {
    CheckpointKey::from_seed(&[7; 32])
}

pub(crate) const ORIGIN: &str = "test.example/audit/critical";

pub(crate) fn small() -> Settings {
    Settings { first_segment_bytes: 8 << 10, max_segment_bytes: 16 << 10, ballast_bytes: 16 << 10 }
}

/// An entry that carries `n`, so that it can be told from all others.
pub(crate) fn entry(n: u64) -> Entry {
    Entry::new(Level::Critical, EventKind::SignalDecided)
        .trace([3; 16])
        .with(Field::SignalId(u128::from(n).to_be_bytes()))
        .with(Field::Symbol("EURUSD".into()))
        .with(Field::Volume(10_000_000))
}

/// A file system whose power can be cut after so many changes: from then on nothing reaches the medium.
#[derive(Debug, Clone)]
pub(crate) struct PowerFs {
    inner: MemFs,
    left: Arc<Mutex<u64>>,
}

#[derive(Debug)]
struct PowerFile {
    inner: Box<dyn File>,
    left: Arc<Mutex<u64>>,
}

/// Held during the change, so that none is on its way when the power is cut.
fn spend(left: &Mutex<u64>) -> io::Result<MutexGuard<'_, u64>> {
    let mut left = left.lock().unwrap();
    *left = left.checked_sub(1).ok_or_else(|| io::Error::other("no power"))?;
    Ok(left)
}

impl PowerFs {
    pub(crate) fn new(inner: &MemFs, changes: u64) -> Self {
        Self { inner: inner.clone(), left: Arc::new(Mutex::new(changes)) }
    }

    pub(crate) fn cut(&self) {
        *self.left.lock().unwrap() = 0;
    }
}

impl File for PowerFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.write_all_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.set_len(len)
    }
}

impl Fs for PowerFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let _power = if matches!(mode, OpenMode::Read | OpenMode::ReadWrite) { None } else { Some(spend(&self.left)?) };
        Ok(Box::new(PowerFile { inner: self.inner.open(path, mode)?, left: Arc::clone(&self.left) }))
    }
    fn metadata(&self, path: &Path) -> io::Result<Option<Meta>> {
        self.inner.metadata(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.inner.list(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let _power = spend(&self.left)?;
        self.inner.sync_dir(dir)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.inner.try_lock(path)
    }
}
