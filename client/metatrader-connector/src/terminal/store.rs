//! The broker's books on disk: a journal of what was done, in a directory of their own.

use super::{
    TerminalError,
    broker::{Books, OrderRow, Record},
};
use aitrading_env::{Env, FileLock};
use aitrading_journal::{Journal, JournalError, Position, Settings};
use aitrading_model::AccountId;
use std::path::Path;
use tokio::sync::oneshot;

/// Purpose tag of the journal.
const MAGIC: [u8; 4] = *b"ATSB";

/// Books that are open for writing.
pub(super) struct Store {
    journal: Journal,
    /// Held until the store is dropped.
    _lock: Box<dyn FileLock>,
}

/// Tells when a change is durable.
pub(super) type Durable = oneshot::Receiver<Result<Position, JournalError>>;

impl Store {
    /// Opens or creates the books. Blocks on files.
    pub(super) fn open(env: &Env, dir: &Path, account: AccountId) -> Result<(Self, Books), TerminalError> {
        let io = |source| TerminalError::Io { path: dir.to_owned(), source };
        env.fs.create_dir_all(dir).map_err(io)?;
        let lock = env.fs.try_lock(&dir.join("lock")).map_err(io)?;
        let lock = lock.ok_or_else(|| TerminalError::Locked(dir.to_owned()))?;
        let (journal, books) = replay(env, dir)?;
        if let Some(found) = books.owner().filter(|owner| *owner != account) {
            return Err(TerminalError::OtherAccount { path: dir.to_owned(), found: found.0 });
        }
        Ok((Self { journal, _lock: lock }, books))
    }

    /// Appends records as one; the receiver tells when they are durable.
    pub(super) fn append(&self, records: &[Record]) -> Result<Durable, JournalError> {
        let bytes = serde_json::to_vec(records).map_err(|error| JournalError::Refused { reason: error.to_string() })?;
        let (done, durable) = oneshot::channel();
        // Whoever asked may have gone with its connection.
        self.journal.append_with(bytes, Box::new(move |outcome| drop(done.send(outcome))))?;
        Ok(durable)
    }

    pub(super) async fn close(&self) {
        self.journal.clone().shutdown().await;
    }
}

fn settings() -> Settings {
    Settings { preallocate: false, ..Settings::new(MAGIC) }
}

fn replay(env: &Env, dir: &Path) -> Result<(Journal, Books), TerminalError> {
    let mut books = Books::default();
    let (journal, _) = Journal::open(env, &dir.join("journal"), settings(), &mut |_, bytes| {
        let records: Vec<Record> =
            serde_json::from_slice(bytes).map_err(|error| JournalError::Refused { reason: error.to_string() })?;
        for record in &records {
            books.apply(record);
        }
        Ok(())
    })?;
    Ok((journal, books))
}

/// Every order that the simulated broker in `dir` ever answered, oldest first; empty if there is none. For checks after the
/// terminal has ended. Blocks on files.
///
/// # Errors
/// [`TerminalError`] if the books are in use or damaged.
pub fn read_history(env: &Env, dir: &Path) -> Result<Vec<OrderRow>, TerminalError> {
    let io = |source| TerminalError::Io { path: dir.to_owned(), source };
    if env.fs.metadata(&dir.join("journal")).map_err(io)?.is_none() {
        return Ok(Vec::new());
    }
    let lock = env.fs.try_lock(&dir.join("lock")).map_err(io)?;
    let lock = lock.ok_or_else(|| TerminalError::Locked(dir.to_owned()))?;
    let (journal, books) = replay(env, dir)?;
    drop((journal, lock));
    Ok(books.into_rows())
}
