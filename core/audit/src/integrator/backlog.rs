//! What waits for the integrator: committed batches and requests. Bounded: a writer that runs too far ahead waits.

use super::Sealed;
use crate::{
    merkle::Hash,
    state::{LogState, Shared},
};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Most bytes of frames that may wait.
const MAX_BYTES: usize = 32 << 20;
/// Most requests for a checkpoint that may wait; more are answered "no".
const MAX_WAITERS: usize = 1024;

/// The leaves of one durable batch.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Length (4 bytes) and leaf, in turn.
    pub(crate) frames: Vec<u8>,
    /// Their leaf hashes.
    pub(crate) hashes: Vec<Hash>,
}

/// What to do in one round.
#[derive(Debug, Default)]
pub(crate) struct Job {
    pub(crate) committed: Vec<Committed>,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) publish: Vec<oneshot::Sender<bool>>,
    pub(crate) prepare: Option<(u64, u64)>,
    pub(crate) stop: Option<oneshot::Sender<bool>>,
    tick: bool,
    bytes: usize,
}

impl Job {
    fn is_due(&self) -> bool {
        self.tick
            || self.stop.is_some()
            || self.prepare.is_some()
            || !self.publish.is_empty()
            || self.bytes > MAX_BYTES / 2
    }
}

/// The queue between writer and integrator.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    job: Mutex<Job>,
    work: Condvar,
    room: Condvar,
}

impl Backlog {
    fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch; waits for room as long as the integrator can make some.
    pub(crate) fn push(&self, batch: Committed, shared: &Shared) {
        let full = |job: &mut Job| job.bytes > MAX_BYTES && shared.state() == LogState::Running;
        let mut job = self.room.wait_while(self.job(), full).unwrap_or_else(PoisonError::into_inner);
        job.bytes += batch.frames.len();
        job.committed.push(batch);
        let wake = job.is_due();
        drop(job);
        if wake {
            self.work.notify_one();
        }
    }

    /// Changes what waits, and wakes the integrator.
    pub(crate) fn ask(&self, change: impl FnOnce(&mut Job)) {
        change(&mut self.job());
        self.work.notify_one();
    }

    pub(crate) fn tick(&self) {
        self.ask(|job| job.tick = true);
    }

    /// Asks for a checkpoint over all that was pushed so far.
    pub(crate) fn publish(&self, waiter: oneshot::Sender<bool>) {
        self.ask(|job| {
            if job.publish.len() < MAX_WAITERS {
                job.publish.push(waiter);
            }
        });
    }

    /// Takes all that waits, once there is a reason to work.
    pub(crate) fn wait(&self) -> Job {
        let idle = |job: &mut Job| !job.is_due();
        let mut job = self.work.wait_while(self.job(), idle).unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *job);
        drop(job);
        self.room.notify_all();
        taken
    }

    /// Lets a writer that waits for room look at the state again.
    pub(crate) fn wake_writer(&self) {
        self.room.notify_all();
    }
}
