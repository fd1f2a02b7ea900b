//! Copies the audit log into rows, so that it can be searched. The copy follows the published checkpoints and proves nothing:
//! nothing waits for it, and what it lacks it takes up at the next start.

use crate::{AuditParts, EngineError};
use aitrading_audit::{AuditError, AuditLog, Leaf, Level, MAX_LEAF_BYTES, merkle, read_leaves};
use aitrading_env::{Env, Fs, Task};
use aitrading_error::Coded;
use aitrading_hub::{Part, Status};
use aitrading_model::{Timestamp, TraceId};
use aitrading_store::{AuditMirror, AuditRow, LogLevel, StoreError};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// Leaves in one transaction: a bundle of the log, so that none is read twice.
const BATCH: usize = 256;
/// Pause after the store failed.
const RETRY: Duration = Duration::from_secs(1);
/// Longest wait for the copy at the end.
const FINISH: Duration = Duration::from_secs(5);
/// Behind for longer than this, the copy is shown as degraded.
const LATE: Duration = Duration::from_secs(5);

const _: () = assert!(MAX_LEAF_BYTES <= AuditRow::LEAF_MAX && BATCH < AuditRow::AT_ONCE_MAX);

type Batch = Result<Vec<AuditRow>, AuditError>;

/// Which leaves are to be read: from the first, so many.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: u64,
    count: usize,
}

/// How far the copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The store has not told where the copy ends.
    Unknown,
    /// This place comes next.
    At(u64),
    /// It is not continued until the next start: why.
    Ended(&'static str),
}

struct Shared {
    env: Env,
    log: AuditLog,
    mirror: Arc<dyn AuditMirror>,
    progress: watch::Sender<Progress>,
    /// Since when the copy has lacked something.
    since_ns: Mutex<Option<u64>>,
}

/// The running copy. Clones are handles on the same one.
#[derive(Clone)]
pub struct AuditCopy {
    shared: Arc<Shared>,
    task: Arc<Mutex<Option<Task>>>,
}

impl fmt::Debug for AuditCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditCopy").field("progress", &*self.shared.progress.borrow()).finish_non_exhaustive()
    }
}

impl AuditCopy {
    /// Starts to copy `audit` into `mirror`.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(env: &Env, audit: AuditParts, mirror: Arc<dyn AuditMirror>) -> Result<Self, EngineError> {
        let (ask, asked) = mpsc::channel(1);
        let (give, given) = mpsc::channel(1);
        let (fs, dir) = (audit.fs, audit.dir);
        let read = Box::new(move || read_loop(fs.as_ref(), &dir, asked, &give));
        // It ends when the task below does.
        drop(env.spawn.thread("audit-copy", read).map_err(EngineError::Thread)?);
        let (progress, _) = watch::channel(Progress::Unknown);
        let since_ns = Mutex::default();
        let shared = Arc::new(Shared { env: env.clone(), log: audit.log, mirror, progress, since_ns });
        let follower = Arc::clone(&shared);
        let follow = async move { follower.follow(&ask, given).await };
        let task = env.spawn.task("audit-copy", Box::pin(follow));
        Ok(Self { shared, task: Arc::new(Mutex::new(Some(task))) })
    }

    /// How many published leaves the copy lacks; `None` while the store has not told where it ends, and when it is not continued.
    #[must_use]
    pub fn behind(&self) -> Option<u64> {
        match *self.shared.progress.borrow() {
            Progress::At(next) => Some(self.shared.published().saturating_sub(next)),
            Progress::Unknown | Progress::Ended(_) => None,
        }
    }

    /// For health reports.
    #[must_use]
    pub fn part(&self) -> Part {
        let shared = &self.shared;
        let since = *shared.since_ns.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = since.map_or(0, |since| shared.env.clock.mono_ns().saturating_sub(since));
        let timely = if u128::from(waited) > LATE.as_nanos() { Status::Degraded } else { Status::Up };
        let progress = *shared.progress.borrow();
        let (status, detail) = match progress {
            Progress::Unknown => (timely, "the store has not told where the copy ends".to_owned()),
            Progress::At(next) => match shared.published().saturating_sub(next) {
                0 => (Status::Up, "all that is published is copied".to_owned()),
                behind => (timely, format!("{behind} leaves behind")),
            },
            Progress::Ended(code) => {
                let cure = "`aitrading audit verify` tells whether the log is whole; see the server's log";
                (Status::Degraded, format!("{code}: the copy is not continued; {cure}"))
            }
        };
        Part::new("audit-copy", status, detail)
    }

    /// Waits a while until everything that the log has published is copied, then ends.
    pub async fn finish(&self) {
        let goal = self.shared.published();
        let mut progress = self.shared.progress.subscribe();
        let reached = async {
            let over = progress.wait_for(|progress| match progress {
                Progress::Unknown => false,
                Progress::At(next) => *next >= goal,
                Progress::Ended(_) => true,
            });
            over.await.is_ok_and(|progress| matches!(*progress, Progress::At(_)))
        };
        let copied = self.shared.env.timeout(FINISH, reached).await.unwrap_or(false);
        if !copied {
            tracing::warn!(
                code = "AUDIT_COPY_BEHIND",
                "the copy of the audit log is behind; it is taken up at the next start"
            );
        }
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Shared {
    fn published(&self) -> u64 {
        self.log.checkpoint().map_or(0, |checkpoint| checkpoint.size())
    }

    async fn follow(&self, ask: &mpsc::Sender<Stretch>, mut given: mpsc::Receiver<Batch>) {
        let mut checkpoints = self.log.checkpoints();
        self.lacks(true);
        let mut next = self.first().await;
        loop {
            let goal = checkpoints.borrow_and_update().as_ref().map(|checkpoint| checkpoint.size());
            match goal {
                // The log was set back, or the database belongs to another one.
                Some(goal) if goal < next => return self.end("AUDIT_COPY_AHEAD"),
                Some(goal) if goal > next => match self.copy(next, goal, ask, &mut given).await {
                    Ok(reached) => {
                        next = reached;
                        self.progress.send_replace(Progress::At(next));
                        continue;
                    }
                    Err(code) => return self.end(code),
                },
                Some(_) => {
                    self.progress.send_replace(Progress::At(next));
                    self.lacks(false);
                }
                None => {}
            }
            if checkpoints.changed().await.is_err() {
                return;
            }
            self.lacks(true);
        }
    }

    /// Where the copy ends, once the store tells it.
    async fn first(&self) -> u64 {
        loop {
            match self.mirror.next_index().await {
                Ok(next) => return next,
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// Copies one stretch and answers where the copy ends then. The last leaf that is there already goes along: the store
    /// compares it, so that a copy of another log is not continued with this one.
    async fn copy(
        &self,
        next: u64,
        goal: u64,
        ask: &mpsc::Sender<Stretch>,
        given: &mut mpsc::Receiver<Batch>,
    ) -> Result<u64, &'static str> {
        let from = next.saturating_sub(1);
        let count = usize::try_from(goal.saturating_sub(from)).map_or(BATCH, |count| count.min(BATCH));
        if ask.send(Stretch { from, count }).await.is_err() {
            return Err("AUDIT_COPY_UNREADABLE");
        }
        let rows = match given.recv().await {
            Some(Ok(rows)) if rows.len() == count => rows,
            Some(Ok(_)) | None => return Err("AUDIT_COPY_UNREADABLE"),
            Some(Err(error)) => {
                let error = aitrading_error::chain(&error).to_string();
                tracing::error!(%error, "the audit log cannot be read for its copy");
                return Err("AUDIT_COPY_UNREADABLE");
            }
        };
        let reached = rows.last().map_or(next, |row| row.index.saturating_add(1));
        loop {
            match self.mirror.append(rows.clone()).await {
                Ok(()) => return Ok(reached),
                Err(StoreError::Conflict { .. }) => return Err("AUDIT_COPY_DIFFERS"),
                Err(error) => self.rest(&error).await,
            }
        }
    }

    async fn rest(&self, error: &StoreError) {
        crate::meters::audit_copy_failed().increment(1);
        tracing::warn!(code = error.dna().code, "the store does not take the copy of the audit log; it is tried again");
        self.env.clock.sleep(RETRY).await;
    }

    /// Notes since when something has been lacking.
    fn lacks(&self, something: bool) {
        let mut since = self.since_ns.lock().unwrap_or_else(PoisonError::into_inner);
        *since = something.then(|| since.unwrap_or_else(|| self.env.clock.mono_ns()));
    }

    fn end(&self, code: &'static str) {
        tracing::error!(code, "the copy of the audit log is not continued until the next start");
        self.progress.send_replace(Progress::Ended(code));
    }
}

/// Reads on its own thread, a stretch whenever it is asked.
fn read_loop(fs: &dyn Fs, dir: &Path, mut asked: mpsc::Receiver<Stretch>, give: &mpsc::Sender<Batch>) {
    while let Some(Stretch { from, count }) = asked.blocking_recv() {
        let rows = read_leaves(fs, dir, from).take(count).map(|leaf| row(&leaf?, dir.to_path_buf())).collect();
        if give.blocking_send(rows).is_err() {
            return;
        }
    }
}

fn row(leaf: &Leaf, dir: PathBuf) -> Result<AuditRow, AuditError> {
    let bytes =
        leaf.encode().map_err(|_| AuditError::Corrupt { what: "a leaf that cannot be written again", path: dir })?;
    Ok(AuditRow {
        index: leaf.log_seq,
        hash: merkle::leaf_hash(&bytes),
        at: Timestamp(leaf.wall_ns),
        level: match leaf.entry.level {
            Level::Info => LogLevel::Info,
            Level::Warning => LogLevel::Warning,
            Level::Error => LogLevel::Error,
            Level::Critical => LogLevel::Critical,
        },
        event: word(&format!("{:?}", leaf.entry.event)),
        actor: leaf.entry.actor_ref,
        subject: leaf.entry.subject_ref,
        trace: TraceId(leaf.entry.trace_id),
        leaf: bytes,
    })
}

/// `SignalDecided` as `signal_decided`.
fn word(name: &str) -> String {
    let mut word = String::with_capacity(name.len().saturating_add(4));
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests;
