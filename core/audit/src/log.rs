//! The open log: what components hold. Appending resolves once the entry is on the medium.

#[cfg(test)]
mod tests;

use crate::{
    AuditError, CheckpointKey, Entry, EventKind, Field, LogKey, LogState, RecoveryReport, SignedCheckpoint,
    integrator::{Backlog, Integrator},
    layout,
    leaf::Prepared,
    merkle::Hash,
    recovery::{Recovered, recover},
    signer::Signer,
    state::Shared,
    tiles::Tile,
    wal::BatchBuffer,
    writer::{Command, Writer, fits, frame_bytes, make_ballast, own},
};
use aitrading_env::Env;
use std::{
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that may wait for the writer; more appenders wait their turn.
const QUEUE: usize = 4096;
/// Pace of the integrator; full tiles follow their leaves within two of these.
const TICK: Duration = Duration::from_millis(100);

/// Sizes that an operator may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of the first segment.
    pub first_segment_bytes: u64,
    /// Each further segment is twice as long as the one before, up to this.
    pub max_segment_bytes: u64,
    /// Space kept for the entry that says that the disk is full.
    pub ballast_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { first_segment_bytes: 4 << 20, max_segment_bytes: 16 << 20, ballast_bytes: 16 << 20 }
    }
}

/// Proof of acceptance: the entry is durable at this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Place in the log.
    pub index: u64,
    /// Hash of the leaf, as inclusion proofs use it.
    pub leaf_hash: Hash,
}

/// An open log. Clones share it; when the last one is dropped, the log is closed in order.
#[derive(Debug, Clone)]
pub struct AuditLog {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    key: LogKey,
}

impl AuditLog {
    /// Opens the log in `dir`, which is created if need be, and recovers it. Blocks on files; call it at start, from within
    /// the runtime that the world spawns tasks on.
    ///
    /// # Errors
    /// [`AuditError`]: locked, rolled back, damaged, another key, or the files cannot be written.
    pub fn open(
        env: &Env,
        dir: &Path,
        signer: CheckpointKey,
        origin: &str,
        settings: Settings,
    ) -> Result<(Self, RecoveryReport), AuditError> {
        let fs = env.fs.as_ref();
        fs.create_dir_all(dir).map_err(AuditError::io("create", dir))?;
        if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs.sync_dir(parent).map_err(AuditError::io("sync", parent))?;
        }
        let lock_path = layout::lock(dir);
        let lock = fs.try_lock(&lock_path).map_err(AuditError::io("lock", &lock_path))?;
        let lock = lock.ok_or_else(|| AuditError::Locked(dir.to_owned()))?;
        let lock_meta = fs.metadata(&lock_path).map_err(AuditError::io("look at", &lock_path))?;
        let key = signer.verifier(origin)?;
        let Recovered { tree, last_signed, checkpoint, segment, offset, link, next, sealed, report } =
            recover(env, dir, &key, &settings)?;
        make_ballast(fs, dir, settings.ballast_bytes)?;

        let shared = Arc::new(Shared::new());
        let backlog = Arc::new(Backlog::default());
        let next = Arc::new(Mutex::new(next));
        let disk_full = Arc::new(AtomicBool::new(false));
        let mut integrator = Integrator {
            env: env.clone(),
            dir: dir.to_owned(),
            shared: Arc::clone(&shared),
            backlog: Arc::clone(&backlog),
            next: Arc::clone(&next),
            disk_full: Arc::clone(&disk_full),
            signer: Signer::new(Arc::clone(&env.fs), dir, signer, key.clone(), last_signed),
            tree,
            partials: checkpoint.as_ref().map(|c| Tile::partials(c.size())).unwrap_or_default(),
            sealed,
            published: checkpoint.as_ref().map(SignedCheckpoint::size),
            published_ns: env.clock.mono_ns(),
        };
        integrator.start(checkpoint)?;
        let mut writer = Writer {
            env: env.clone(),
            dir: dir.to_owned(),
            settings,
            shared: Arc::clone(&shared),
            backlog,
            next,
            disk_full,
            lock,
            lock_identity: lock_meta.map_or((0, 0), |m| m.identity),
            segment,
            offset,
            link,
            next_index: report.entries,
            boot_id: report.boot_id,
            buffer: BatchBuffer::default(),
            checked_ns: env.clock.mono_ns(),
            retried_ns: 0,
            stall_noted: false,
        };
        if !report.fresh {
            writer.commit_own(&recovered(&report))?;
        }
        let commands = start_threads(env, writer, integrator)?;
        Ok((Self { commands, shared, key }, report))
    }

    /// Appends one entry. Resolves when it is durable; an error means that it must be taken for not recorded.
    ///
    /// # Errors
    /// The entry is malformed, the disk is full, or the log halted or was shut down.
    pub async fn append(&self, entry: Entry) -> Result<Receipt, AuditError> {
        let receipts = self.append_prepared(vec![Prepared::new(&entry)?]).await?;
        receipts.first().copied().ok_or(AuditError::Halted)
    }

    /// Appends entries as one group: all are durable, at consecutive indices, or none is.
    ///
    /// # Errors
    /// As [`AuditLog::append`]; [`AuditError::GroupSize`] if the group is empty or too large for one batch.
    pub async fn append_all(&self, entries: Vec<Entry>) -> Result<Vec<Receipt>, AuditError> {
        let leaves = entries.iter().map(Prepared::new).collect::<Result<Vec<_>, _>>()?;
        if leaves.is_empty() || !fits(leaves.len(), frame_bytes(&leaves)) {
            return Err(AuditError::GroupSize);
        }
        self.append_prepared(leaves).await
    }

    async fn append_prepared(&self, leaves: Vec<Prepared>) -> Result<Vec<Receipt>, AuditError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Append(leaves, reply)).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    /// The newest published checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Option<SignedCheckpoint> {
        self.shared.watch_checkpoint().borrow().clone()
    }

    /// Every published checkpoint, as it comes.
    #[must_use]
    pub fn checkpoints(&self) -> watch::Receiver<Option<SignedCheckpoint>> {
        self.shared.watch_checkpoint()
    }

    /// Publishes a checkpoint over everything appended so far, and returns it.
    ///
    /// # Errors
    /// The log stalled, halted or was shut down.
    pub async fn publish_now(&self) -> Result<SignedCheckpoint, AuditError> {
        self.ask(Command::Publish).await?;
        self.checkpoint().ok_or(AuditError::Halted)
    }

    /// May entries be appended? Changes are seen through the receiver.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LogState> {
        self.shared.watch_state()
    }

    /// Why the log failed, if it did: for the one place that logs it.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<AuditError>> {
        self.shared.failure()
    }

    /// Name and public key of this log, for those who pin it.
    #[must_use]
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// Answers what waits, publishes a checkpoint over everything, marks the orderly end and gives the lock back.
    ///
    /// # Errors
    /// The log had stalled or failed, or was shut down already: the files are as a crash would leave them.
    pub async fn shutdown(&self) -> Result<(), AuditError> {
        self.ask(Command::Shutdown).await
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<bool>) -> Command) -> Result<(), AuditError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| self.gone())?;
        if answer.await.map_err(|_| self.gone())? {
            Ok(())
        } else {
            Err(self.shared.refusal().unwrap_or(AuditError::Halted))
        }
    }

    /// What a caller is told when nobody listens any more.
    fn gone(&self) -> AuditError {
        self.shared.refusal().unwrap_or(AuditError::Closed)
    }
}

/// The leaf that says that the log was opened over existing files.
fn recovered(report: &RecoveryReport) -> Entry {
    let fields = vec![
        Field::BootId(report.boot_id),
        Field::Bytes(report.torn_bytes),
        Field::FromIndex(report.entries - report.replayed),
        Field::ToIndex(report.entries),
    ];
    own(EventKind::Recovered, fields)
}

fn start_threads(env: &Env, writer: Writer, integrator: Integrator) -> Result<mpsc::Sender<Command>, AuditError> {
    let (commands, queue) = mpsc::channel(QUEUE);
    let dir = writer.dir.clone();
    let refused = |source| AuditError::Io { what: "start a thread for", path: dir.clone(), source };
    env.spawn.thread("audit-tiles", Box::new(move || integrator.run())).map_err(refused)?;
    env.spawn.thread("audit-writer", Box::new(move || writer.run(queue))).map_err(refused)?;
    let clock = Arc::clone(&env.clock);
    let weak = commands.downgrade();
    let ticker = async move {
        loop {
            clock.sleep(TICK).await;
            let Some(commands) = weak.upgrade() else { return };
            // A full queue needs no reminder.
            if let Err(mpsc::error::TrySendError::Closed(_)) = commands.try_send(Command::Tick) {
                return;
            }
        }
    };
    drop(env.spawn.task("audit-tick", Box::pin(ticker)));
    Ok(commands)
}
