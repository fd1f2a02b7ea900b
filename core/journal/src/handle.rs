//! The handle that everybody appends through, and the state that it shares with the writer thread.

use crate::{
    JournalError, Position, Reader, Recovery, Settings,
    format::SEGMENT_HEADER,
    recover::{Tail, Visit, recover},
    segment::{file_name, list},
    writer::{Writer, activate, make_spare, new_header},
};
use aitrading_env::{Env, Task};
use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot, watch};

/// Called from the writer thread when the fate of a record is known, in the order of the appends. It must neither block
/// nor panic: everybody else waits for it.
pub type Done = Box<dyn FnOnce(Result<Position, JournalError>) + Send>;

pub(crate) enum Completion {
    Async(oneshot::Sender<Result<Position, JournalError>>),
    Callback(Done),
}

impl Completion {
    pub(crate) fn call(self, outcome: Result<Position, JournalError>) {
        match self {
            // The asker may have given up.
            Self::Async(sender) => sender.send(outcome).map_or((), |()| ()),
            Self::Callback(done) => done(outcome),
        }
    }
}

pub(crate) struct Append {
    pub(crate) record: Vec<u8>,
    pub(crate) done: Completion,
}

pub(crate) enum Message {
    Append(Append),
    Stop,
}

pub(crate) struct Shared {
    pub(crate) durable: watch::Sender<Position>,
    pub(crate) halted: OnceLock<Arc<io::Error>>,
    pub(crate) full: AtomicBool,
    writer: Mutex<Option<Task>>,
}

/// Condition of a journal, for health reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Appends work.
    Open,
    /// The last group was refused for lack of space.
    Full,
    /// A write or sync failed; nothing is accepted until the next start.
    Halted,
    /// Shut down.
    Closed,
}

/// A journal. Clones are handles on the same one; the caller makes sure (with a lock) that no other process opens it.
#[derive(Clone)]
pub struct Journal {
    queue: mpsc::Sender<Message>,
    shared: Arc<Shared>,
    env: Env,
    dir: Arc<Path>,
    settings: Settings,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("state", &self.state())
            .field("durable", &self.durable())
            .finish_non_exhaustive()
    }
}

/// A place in the queue: using it cannot fail for lack of room.
#[derive(Debug)]
pub struct Permit<'a> {
    permit: mpsc::Permit<'a, Message>,
    max: usize,
}

impl Permit<'_> {
    /// Appends; `done` is called when the record is durable or refused.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`]; `done` is then not called.
    pub fn append_with(self, record: impl Into<Vec<u8>>, done: Done) -> Result<(), JournalError> {
        let record = sized(record.into(), self.max)?;
        self.permit.send(Message::Append(Append { record, done: Completion::Callback(done) }));
        Ok(())
    }
}

fn sized(record: Vec<u8>, max: usize) -> Result<Vec<u8>, JournalError> {
    let len = record.len();
    if len > max { Err(JournalError::TooLarge { len, max }) } else { Ok(record) }
}

impl Journal {
    /// Opens or creates the journal in `dir`. Every intact record is handed to `visit` in order, with its position; bytes
    /// that were never acknowledged are cut off behind the last one. Blocks: at start, or on a thread.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if acknowledged bytes changed or are missing; [`JournalError::Foreign`] for a directory of
    /// another journal; what `visit` returns; failed file operations.
    pub fn open(
        env: &Env,
        dir: &Path,
        settings: Settings,
        visit: &mut Visit<'_>,
    ) -> Result<(Self, Recovery), JournalError> {
        settings.check()?;
        env.fs.create_dir_all(dir).map_err(JournalError::io("create", dir))?;
        if let Some(parent) = dir.parent().filter(|parent| *parent != Path::new("")) {
            env.fs.sync_dir(parent).map_err(JournalError::io("sync", parent))?;
        }
        let tail = match recover(env.fs.as_ref(), dir, &settings, visit)? {
            Some(tail) => tail,
            None => create(env, dir, &settings)?,
        };
        let recovery = tail.recovery;
        let (queue, incoming) = mpsc::channel(settings.queue);
        let shared = Arc::new(Shared {
            durable: watch::Sender::new(recovery.end),
            halted: OnceLock::new(),
            full: AtomicBool::new(false),
            writer: Mutex::new(None),
        });
        let writer = Writer {
            env: env.clone(),
            dir: dir.to_owned(),
            settings,
            shared: Arc::clone(&shared),
            file: tail.file,
            seed: tail.seed,
            tail: recovery.end,
            next_seq: recovery.next_seq,
            spare: None,
            buffer: Vec::new(),
        };
        let thread = env.spawn.thread("journal", Box::new(move || writer.run(incoming)));
        *shared.writer.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(thread.map_err(JournalError::io("start the writer of", dir))?);
        Ok((Self { queue, shared, env: env.clone(), dir: dir.into(), settings }, recovery))
    }

    /// Appends a record and waits until it is durable; waits for room in the queue first. If the future is dropped while
    /// it waits for durability, the record is written all the same.
    ///
    /// # Errors
    /// `JOURNAL_FULL`: not kept, may be tried again. `JOURNAL_HALTED`: fate unknown. Or too large, or closed.
    pub async fn append(&self, record: impl Into<Vec<u8>>) -> Result<Position, JournalError> {
        let record = sized(record.into(), self.settings.max_record)?;
        let (done, outcome) = oneshot::channel();
        let append = Append { record, done: Completion::Async(done) };
        self.queue.send(Message::Append(append)).await.map_err(|_| self.gone())?;
        outcome.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Appends without waiting: `done` is called when the record is durable or refused.
    ///
    /// # Errors
    /// [`JournalError::Busy`] if the queue is full ([`Journal::reserve`] waits for room); too large; closed. `done` is then
    /// not called.
    pub fn append_with(&self, record: impl Into<Vec<u8>>, done: Done) -> Result<(), JournalError> {
        let record = sized(record.into(), self.settings.max_record)?;
        let append = Append { record, done: Completion::Callback(done) };
        self.queue.try_send(Message::Append(append)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => JournalError::Busy,
            mpsc::error::TrySendError::Closed(_) => self.gone(),
        })
    }

    /// Waits for room in the queue: back-pressure for pipelines that do not wait for every sync.
    ///
    /// # Errors
    /// If the journal is closed.
    pub async fn reserve(&self) -> Result<Permit<'_>, JournalError> {
        let permit = self.queue.reserve().await.map_err(|_| self.gone())?;
        Ok(Permit { permit, max: self.settings.max_record })
    }

    /// [`Journal::append`] for threads. Must not be called from asynchronous code.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_blocking(&self, record: impl Into<Vec<u8>>) -> Result<Position, JournalError> {
        let record = sized(record.into(), self.settings.max_record)?;
        let (done, outcome) = oneshot::channel();
        let append = Append { record, done: Completion::Async(done) };
        self.queue.blocking_send(Message::Append(append)).map_err(|_| self.gone())?;
        outcome.blocking_recv().unwrap_or_else(|_| Err(self.gone()))
    }

    /// Everything before this position survives a crash.
    #[must_use]
    pub fn durable(&self) -> Position {
        *self.shared.durable.borrow()
    }

    /// Waits until something behind `position` is durable; returns the new durable end.
    ///
    /// # Errors
    /// If the journal was shut down or halted first.
    pub async fn durable_after(&self, position: Position) -> Result<Position, JournalError> {
        let mut durable = self.shared.durable.subscribe();
        let found = tokio::select! {
            biased;
            found = durable.wait_for(|end| *end > position || self.shared.halted.get().is_some()) => found.map(|end| *end),
            () = self.queue.closed() => return Err(self.gone()),
        };
        found.ok().filter(|end| *end > position).ok_or_else(|| self.gone())
    }

    /// Removes the segments that end before `position`, never the current one. Blocks on files: call it from a thread.
    ///
    /// # Errors
    /// If a file cannot be removed; the rest then stays.
    pub fn remove_before(&self, position: Position) -> Result<u64, JournalError> {
        let keep = position.segment.min(self.durable().segment);
        let mut removed = 0;
        for number in list(self.env.fs.as_ref(), &self.dir)?.into_iter().take_while(|number| *number < keep) {
            let path = self.dir.join(file_name(number));
            self.env.fs.remove_file(&path).map_err(JournalError::io("remove", &path))?;
            // One by one, oldest first: a crash in between must leave no hole in the numbers.
            self.env.fs.sync_dir(&self.dir).map_err(JournalError::io("sync", &self.dir))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// A reader of the durable records behind `position`. It blocks on files: use it on a thread.
    ///
    /// # Errors
    /// [`JournalError::Gone`] if the position's segment does not exist.
    pub fn read_from(&self, position: Position) -> Result<Reader, JournalError> {
        let durable = self.shared.durable.subscribe();
        Reader::open(Arc::clone(&self.env.fs), Arc::clone(&self.dir), self.settings.magic, durable, position)
    }

    /// Condition, for health reports.
    #[must_use]
    pub fn state(&self) -> State {
        if self.shared.halted.get().is_some() {
            State::Halted
        } else if self.queue.is_closed() {
            State::Closed
        } else if self.shared.full.load(Ordering::Relaxed) {
            State::Full
        } else {
            State::Open
        }
    }

    /// Writes what was accepted, then ends the writer. Other handles get `JOURNAL_CLOSED` from then on.
    pub async fn shutdown(self) {
        // Already closed: the writer is about to end by itself.
        self.queue.send(Message::Stop).await.unwrap_or(());
        let writer = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has answered its callers by dropping them.
            writer.join().await.unwrap_or(());
        }
    }

    fn gone(&self) -> JournalError {
        match self.shared.halted.get() {
            Some(source) => JournalError::Halted { source: Arc::clone(source) },
            None => JournalError::Closed,
        }
    }
}

/// The first segment of a new journal.
fn create(env: &Env, dir: &Path, settings: &Settings) -> Result<Tail, JournalError> {
    let fs = env.fs.as_ref();
    let header = new_header(env, settings, 1, 1);
    // A disk too full for zeros may still have room for records.
    let prepared = settings.preallocate.then(|| make_spare(fs, dir, settings.segment_bytes).ok()).flatten();
    let file = activate(fs, dir, prepared, &header).map_err(JournalError::io("create a segment in", dir))?;
    let end = Position { segment: 1, offset: SEGMENT_HEADER };
    let recovery = Recovery { records: 0, segments: 1, next_seq: 1, end, torn_bytes: 0 };
    Ok(Tail { file, seed: header.seed(), recovery })
}
