//! The writer's thread: it alone gives out indices. One write and one sync for each group; a future is resolved only after it.

mod stall;

pub(crate) use stall::make_ballast;

use crate::{
    AuditError, Entry, EventKind, Field, Level, Receipt, Settings,
    integrator::{Backlog, Committed, NextSegment, Sealed, lock_next},
    layout,
    leaf::{Prepared, Stamp},
    merkle::leaf_hash,
    state::{LogState, Shared},
    wal::{self, BATCH_HEADER, BatchBuffer, HEADER_BYTES, Link, MAX_BATCH_BYTES, MAX_BATCH_LEAVES, Segment},
};
use aitrading_env::{Env, FileLock};
use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::{mpsc, oneshot};

/// How often the files are compared with those that were opened, and a full disk is tried again.
const CHECK_NS: u64 = 1_000_000_000;
/// Bytes that a leaf takes in a batch beside itself.
const FRAME: usize = 4;

/// Where one caller's receipts go.
pub(crate) type Reply = oneshot::Sender<Result<Vec<Receipt>, AuditError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Append(Vec<Prepared>, Reply),
    Publish(oneshot::Sender<bool>),
    Tick,
    Shutdown(oneshot::Sender<bool>),
}

/// Bytes of frames that these leaves take.
pub(crate) fn frame_bytes(leaves: &[Prepared]) -> usize {
    leaves.iter().map(|leaf| leaf.len() + FRAME).sum()
}

/// Fits into one batch?
pub(crate) fn fits(leaves: usize, bytes: usize) -> bool {
    leaves <= MAX_BATCH_LEAVES && bytes <= MAX_BATCH_BYTES
}

/// Owns the sequence and the current segment.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) env: Env,
    pub(crate) dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) next: NextSegment,
    /// Set by the integrator while it cannot write.
    pub(crate) disk_full: Arc<AtomicBool>,
    #[expect(dead_code, reason = "held for its lock, which ends with the writer")]
    pub(crate) lock: Box<dyn FileLock>,
    pub(crate) lock_identity: (u64, u64),
    pub(crate) segment: Segment,
    pub(crate) offset: u64,
    pub(crate) link: Link,
    pub(crate) next_index: u64,
    pub(crate) boot_id: [u8; 16],
    pub(crate) buffer: BatchBuffer,
    pub(crate) checked_ns: u64,
    pub(crate) retried_ns: u64,
    /// The stall has its leaf.
    pub(crate) stall_noted: bool,
}

impl Writer {
    /// Serves until told to shut down, or until nobody can ask any more.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut carried = None;
        loop {
            let command = carried.take().or_else(|| commands.blocking_recv());
            match command {
                Some(Command::Append(leaves, reply)) => {
                    let (group, left) = collect(leaves, reply, &mut commands);
                    carried = left;
                    self.serve(group);
                }
                Some(Command::Publish(waiter)) => self.backlog.publish(waiter),
                Some(Command::Tick) => self.tick(),
                Some(Command::Shutdown(waiter)) => return self.shut_down(commands, Some(waiter)),
                None => return self.shut_down(commands, None),
            }
        }
    }

    /// Commits a group and answers everybody in it.
    fn serve(&mut self, group: Vec<(Vec<Prepared>, Reply)>) {
        let outcome = self.check_files().and_then(|()| self.shared.refusal().map_or(Ok(()), Err));
        let outcome = outcome.and_then(|()| self.commit(group.iter().flat_map(|(leaves, _)| leaves)));
        match outcome {
            Ok(committed) => {
                let mut hashes = committed.hashes.iter();
                let mut index = self.next_index - committed.hashes.len() as u64;
                for (leaves, reply) in group {
                    let receipts = hashes.by_ref().take(leaves.len()).map(|leaf_hash| {
                        index += 1;
                        Receipt { index: index - 1, leaf_hash: *leaf_hash }
                    });
                    // Whoever asked may have gone; the entry stays.
                    drop(reply.send(Ok(receipts.collect())));
                }
                self.backlog.push(committed, &self.shared);
            }
            Err(error) => {
                self.react(error);
                for (_, reply) in group {
                    drop(reply.send(Err(self.shared.refusal().unwrap_or(AuditError::Halted))));
                }
            }
        }
    }

    /// A full disk is waited out; after any other failure nothing is accepted any more.
    fn react(&mut self, error: AuditError) {
        match error {
            AuditError::Stalled | AuditError::Halted => {}
            error if error.is_full() => self.shared.set_stalled(true),
            error => self.shared.fail(error),
        }
        if self.shared.state() == LogState::Stalled {
            self.note_stall();
        }
    }

    /// One batch: written, synced, then in memory. The next one is not written before this one is synced.
    pub(crate) fn commit<'a>(&mut self, leaves: impl Iterator<Item = &'a Prepared>) -> Result<Committed, AuditError> {
        let (wall_ns, mono_ns) = (self.env.clock.wall_ns(), self.env.clock.mono_ns());
        let mut hashes = Vec::new();
        self.buffer.clear();
        for leaf in leaves {
            let log_seq = self.next_index + hashes.len() as u64;
            let stamp = Stamp { log_seq, wall_ns, boot_id: self.boot_id, mono_ns };
            hashes.push(leaf_hash(self.buffer.push(|out| leaf.write(&stamp, out))));
        }
        if self.offset + self.buffer.padded_len() > self.segment.len {
            self.follow_on(self.next_len())?;
        }
        let bytes = self.buffer.seal(&self.segment.id, self.link);
        let path = &self.segment.path;
        self.segment.file.write_all_at(bytes, self.offset).map_err(write_failed(path))?;
        self.segment.file.sync_data().map_err(write_failed(path))?;
        self.offset += bytes.len() as u64;
        self.link = self.link.after(self.buffer.sealed());
        self.next_index += hashes.len() as u64;
        let frames = self.buffer.sealed().get(BATCH_HEADER..).unwrap_or_default().to_vec();
        self.prepare_ahead();
        Ok(Committed { frames, hashes })
    }

    /// Commits one entry of the log's own.
    pub(crate) fn commit_own(&mut self, entry: &Entry) -> Result<(), AuditError> {
        let committed = self.commit(std::iter::once(&Prepared::new(entry)?))?;
        self.backlog.push(committed, &self.shared);
        Ok(())
    }

    /// Length of the segment after this one.
    fn next_len(&self) -> u64 {
        let doubled = self.segment.len.max(self.settings.first_segment_bytes / 2) * 2;
        // A batch must fit into any segment, however small the settings.
        doubled.min(self.settings.max_segment_bytes).max(self.buffer.padded_len() + HEADER_BYTES)
    }

    /// Asks for the next segment once this one is half full.
    fn prepare_ahead(&self) {
        if self.offset * 2 > self.segment.len && lock_next_is_free(&self.next) {
            let wanted = (self.segment.no + 1, self.next_len());
            self.backlog.ask(|job| job.prepare = Some(wanted));
        }
    }

    /// Goes on in the next segment, which is made here if the integrator was not fast enough.
    fn follow_on(&mut self, len: u64) -> Result<(), AuditError> {
        let fs = self.env.fs.as_ref();
        let wal = layout::wal(&self.dir);
        let no = self.segment.no + 1;
        let mut next = lock_next(&self.next);
        let ready = next.take().filter(|s| s.no == no && s.len >= self.buffer.padded_len() + HEADER_BYTES);
        let segment = match ready {
            Some(segment) => segment,
            None => wal::prepare(fs, self.env.rng.as_ref(), &wal, no, len)?,
        };
        drop(next);
        let sealed = Sealed { segment: self.segment.no, end: self.next_index };
        self.backlog.ask(|job| job.sealed.push(sealed));
        self.segment = segment;
        self.offset = HEADER_BYTES;
        Ok(())
    }

    fn tick(&mut self) {
        if let Err(error) = self.check_files() {
            self.react(error);
        }
        if self.shared.state() == LogState::Stalled {
            self.note_stall();
            self.try_resume();
        }
        self.backlog.tick();
    }

    /// Once a second: is the segment's name still the file that is written, at its length, and the lock still ours?
    fn check_files(&mut self) -> Result<(), AuditError> {
        let now = self.env.clock.mono_ns();
        if now.saturating_sub(self.checked_ns) < CHECK_NS {
            return Ok(());
        }
        self.checked_ns = now;
        let lock = self.env.fs.metadata(&layout::lock(&self.dir));
        // A world without lock files (simulation) has nothing to compare: zeros on both sides.
        let lock_in_place = lock.is_ok_and(|meta| meta.map_or((0, 0), |m| m.identity) == self.lock_identity);
        if self.segment.in_place(self.env.fs.as_ref()) && lock_in_place { Ok(()) } else { Err(AuditError::PathChanged) }
    }

    /// Answers what still waits, lets the integrator publish, and gives the lock back before the caller is told.
    fn shut_down(mut self, mut commands: mpsc::Receiver<Command>, waiter: Option<oneshot::Sender<bool>>) {
        commands.close();
        while let Some(command) = commands.blocking_recv() {
            match command {
                Command::Append(leaves, reply) => self.serve(vec![(leaves, reply)]),
                Command::Publish(waiter) => self.backlog.publish(waiter),
                Command::Tick => {}
                Command::Shutdown(other) => drop(other),
            }
        }
        let (stop, stopped) = oneshot::channel();
        self.backlog.ask(|job| job.stop = Some(stop));
        let sound = stopped.blocking_recv().unwrap_or(false) && self.shared.state() == LogState::Running;
        drop(self);
        if let Some(waiter) = waiter {
            waiter.send(sound).unwrap_or_default();
        }
    }
}

/// Takes what is queued, as far as it fits into one batch. What does not is handed back.
fn collect(
    leaves: Vec<Prepared>,
    reply: Reply,
    commands: &mut mpsc::Receiver<Command>,
) -> (Vec<(Vec<Prepared>, Reply)>, Option<Command>) {
    let (mut count, mut bytes) = (leaves.len(), frame_bytes(&leaves));
    let mut group = vec![(leaves, reply)];
    while let Ok(command) = commands.try_recv() {
        match command {
            Command::Append(more, reply) if fits(count + more.len(), bytes + frame_bytes(&more)) => {
                count += more.len();
                bytes += frame_bytes(&more);
                group.push((more, reply));
            }
            other => return (group, Some(other)),
        }
    }
    (group, None)
}

/// Is the next segment neither ready nor being made? Never waits.
fn lock_next_is_free(next: &NextSegment) -> bool {
    next.try_lock().is_ok_and(|slot| slot.is_none())
}

/// A failed write or sync of a batch leaves the medium unknown, a full disk included: never retried.
fn write_failed(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> AuditError {
    let path = path.to_owned();
    move |error| AuditError::Io { what: "write and sync a batch in", path, source: std::io::Error::other(error) }
}

/// An entry about the log itself.
pub(crate) fn own(event: EventKind, fields: Vec<Field>) -> Entry {
    Entry { public: fields, ..Entry::new(Level::Critical, event) }
}
