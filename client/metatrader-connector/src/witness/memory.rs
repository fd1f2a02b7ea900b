//! The largest checkpoint on disk, beside the ledger, and the evidence of a log that contradicted it.

use crate::status::Board;
use aitrading_env::Env;
use aitrading_error::{Category, Coded, Dna, FaultSide};
use aitrading_security::SecurityError;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::{oneshot, watch};

const FILE: &str = "checkpoint";
/// The file in a client's data directory that keeps two checkpoints of one log which contradict each other.
pub const EVIDENCE: &str = "checkpoint-conflict";
const FIRST_LINE: &str = "aitrading checkpoint 1";
/// Bytes that the file may have.
const FILE_BYTES: u64 = 4 * 1024;

/// Why what was seen of the audit log cannot be remembered.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The file cannot be read or written.
    #[error("the checkpoint file {path:?} cannot be {action}; check space and permissions of the data directory")]
    Io {
        /// `read` or `written`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is not one, or another log's.
    #[error(
        "the checkpoint file {0:?} was not written by this client for the log of server.audit_key; ask the operator whether the \
         log was replaced, and only then move the file away: the log is then witnessed anew"
    )]
    Malformed(PathBuf),
    /// The settings name no key.
    #[error("server.audit_key is no Ed25519 public key; copy it from the operator again")]
    Key(#[source] SecurityError),
}

impl Coded for WitnessError {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("metatrader-connector", code, category);
        match self {
            Self::Io { .. } => dna("CHECKPOINT_IO", Category::Storage).side(FaultSide::Dependency),
            Self::Malformed(_) => dna("CHECKPOINT_MALFORMED", Category::Storage).side(FaultSide::Dependency),
            Self::Key(_) => dna("CLIENT_SETTING", Category::Config).side(FaultSide::Caller),
        }
    }
}

/// What earlier runs left.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// A signed note, and when it was first seen.
    pub(super) note: Option<(String, i64)>,
    pub(super) evidence: bool,
}

/// What is to be on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) note: Option<(String, i64)>,
    pub(super) evidence: Option<String>,
}

pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

pub(super) fn read(env: &Env, dir: &Path) -> Result<Found, WitnessError> {
    let exists = |path: &Path| {
        let failed = |source| WitnessError::Io { action: "read", path: path.to_owned(), source };
        env.fs.metadata(path).map(|found| found.is_some()).map_err(failed)
    };
    let (path, evidence) = (path(dir), exists(&dir.join(EVIDENCE))?);
    if !exists(&path)? {
        return Ok(Found { note: None, evidence });
    }
    let failed = |source| WitnessError::Io { action: "read", path: path.clone(), source };
    let bytes = env.fs.read(&path, FILE_BYTES).map_err(failed)?;
    let note = String::from_utf8(bytes).ok().and_then(|text| {
        let rest = text.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?;
        let (since, note) = rest.split_once('\n')?;
        Some((note.to_owned(), since.parse().ok()?))
    });
    let note = Some(note.ok_or(WitnessError::Malformed(path))?);
    Ok(Found { note, evidence })
}

/// Keeps on disk what the witness wants there, without holding up the session.
#[derive(Debug)]
pub(crate) struct Memory {
    env: Env,
    dir: PathBuf,
    board: Arc<Board>,
    wanted: watch::Receiver<Contents>,
    written: Contents,
}

impl Memory {
    pub(super) fn new(env: &Env, dir: &Path, board: Arc<Board>, wanted: watch::Receiver<Contents>) -> Self {
        Self { env: env.clone(), dir: dir.to_owned(), board, wanted, written: Contents::default() }
    }

    /// Writes until the witness is gone and everything it wanted is on disk.
    pub(crate) async fn run(mut self) {
        while self.wanted.changed().await.is_ok() {
            let wanted = self.wanted.borrow_and_update().clone();
            if let Err(error) = self.write(wanted).await {
                tracing::error!(code = error.dna().code, "{}", aitrading_error::chain(&error));
                self.board.error(&error);
            }
        }
    }

    /// The evidence first: what it contradicts is on disk already, or is written next.
    async fn write(&mut self, wanted: Contents) -> Result<(), WitnessError> {
        if let Some(text) = wanted.evidence.as_ref().filter(|text| self.written.evidence.as_ref() != Some(text)) {
            self.file(EVIDENCE, text.clone()).await?;
            self.written.evidence.clone_from(&wanted.evidence);
        }
        if let Some((note, since)) = wanted.note.as_ref().filter(|_| self.written.note != wanted.note) {
            self.file(FILE, format!("{FIRST_LINE}\n{since}\n{note}")).await?;
            self.written.note = wanted.note;
        }
        Ok(())
    }

    /// On a thread of its own: syncing takes its time.
    async fn file(&self, name: &str, text: String) -> Result<(), WitnessError> {
        let path = self.dir.join(name);
        let failed = |source| WitnessError::Io { action: "written", path: path.clone(), source };
        let (done, saved) = oneshot::channel();
        let (fs, to) = (Arc::clone(&self.env.fs), path.clone());
        // Whoever waited may be gone; the file is written all the same.
        let write = move || drop(done.send(fs.write_atomic(&to, text.as_bytes())));
        self.env.spawn.thread("checkpoint", Box::new(write)).map_err(failed)?;
        saved.await.unwrap_or_else(|_| Err(io::Error::other("the writer ended early"))).map_err(failed)
    }
}
