//! Where each epoch began in the terminal's history: one small file, written when an epoch begins.
//!
//! It is for counting alone. What is sent never depends on it: that is the server's cursor.

use aitrading_env::Env;
use aitrading_error::{Category, Coded, Dna, FaultSide};
use aitrading_model::{Epoch, Symbol};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use tokio::sync::oneshot;

const FILE: &str = "progress";
/// Bytes that the file may have.
const FILE_BYTES: u64 = 64 * 1024;
const FIRST_LINE: &str = "aitrading progress 1";

/// Why progress cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// The file cannot be read or written.
    #[error("the progress file {path:?} cannot be {action}; check space and permissions of the data directory")]
    Io {
        /// `read` or `written`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is not one.
    #[error(
        "line {line} of the progress file {path:?} is no progress record; remove the file, positions are then counted anew"
    )]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
}

impl Coded for ProgressError {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::Io { .. } => "PROGRESS_IO",
            Self::Malformed { .. } => "PROGRESS_MALFORMED",
        };
        Dna::new("metatrader-connector", code, Category::Storage).side(FaultSide::Dependency)
    }
}

/// An epoch's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) epoch: Epoch,
    /// Ticks of the history before its first.
    pub(super) base: u64,
    pub(super) certain: bool,
}

/// All symbols' records.
#[derive(Debug)]
pub(super) struct Progress {
    path: PathBuf,
    records: BTreeMap<Symbol, Record>,
}

/// The file as it is to be, apart from the lock that guards the records.
pub(super) struct Saving {
    path: PathBuf,
    text: String,
}

impl Progress {
    pub(super) fn open(env: &Env, dir: &Path) -> Result<Self, ProgressError> {
        let path = dir.join(FILE);
        let failed = |source| ProgressError::Io { action: "read", path: path.clone(), source };
        if env.fs.metadata(&path).map_err(failed)?.is_none() {
            return Ok(Self { path, records: BTreeMap::new() });
        }
        let bytes = env.fs.read(&path, FILE_BYTES).map_err(failed)?;
        let malformed = |at: usize| ProgressError::Malformed { path: path.clone(), line: at.saturating_add(1) };
        let text = String::from_utf8(bytes).map_err(|_| malformed(0))?;
        let mut lines = text.lines().enumerate();
        if lines.next().is_none_or(|(_, first)| first != FIRST_LINE) {
            return Err(malformed(0));
        }
        let records: Result<_, _> = lines.map(|(at, line)| record(line).ok_or_else(|| malformed(at))).collect();
        Ok(Self { records: records?, path })
    }

    pub(super) fn get(&self, symbol: Symbol) -> Option<Record> {
        self.records.get(&symbol).copied()
    }

    pub(super) fn set(&mut self, symbol: Symbol, record: Record) {
        self.records.insert(symbol, record);
    }

    pub(super) fn saving(&self) -> Saving {
        let mut text = format!("{FIRST_LINE}\n");
        for (symbol, record) in &self.records {
            let certain = u8::from(record.certain);
            text.push_str(&format!("{} {} {certain} {symbol}\n", record.epoch, record.base));
        }
        Saving { path: self.path.clone(), text }
    }
}

/// The symbol comes last: it alone may hold blanks.
fn record(line: &str) -> Option<(Symbol, Record)> {
    let mut parts = line.splitn(4, ' ');
    let (epoch, base, certain) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()? == "1");
    Some((parts.next()?.parse().ok()?, Record { epoch, base, certain }))
}

impl Saving {
    /// Writes on a thread of its own: syncing takes its time.
    pub(super) async fn run(self, env: &Env) -> Result<(), ProgressError> {
        let (done, saved) = oneshot::channel();
        let (fs, path) = (std::sync::Arc::clone(&env.fs), self.path.clone());
        let failed = |source| ProgressError::Io { action: "written", path: path.clone(), source };
        let write = move || {
            // Whoever waited may be gone; the file is written all the same.
            drop(done.send(fs.write_atomic(&self.path, self.text.as_bytes())));
        };
        env.spawn.thread("progress", Box::new(write)).map_err(failed)?;
        saved.await.unwrap_or_else(|_| Err(io::Error::other("the writer ended early"))).map_err(failed)
    }
}
