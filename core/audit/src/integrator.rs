//! The integrator's thread: turns committed leaves into tiles and bundles, publishes checkpoints, prepares and retires segments.

mod backlog;
mod tree;

pub(crate) use backlog::{Backlog, Committed};
pub(crate) use tree::Tree;

use crate::{
    AuditError, SignedCheckpoint, TreeHead, layout,
    merkle::consistency_proof,
    signer::{Signer, encode_head},
    state::Shared,
    tiles::{StoredTiles, Tile},
    wal::{self, Segment},
};
use aitrading_env::Env;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::oneshot;

/// A checkpoint is published when this many leaves wait for one,
const PUBLISH_LEAVES: u64 = 1000;
/// or when one waits this long.
const PUBLISH_NS: u64 = 900_000_000;
/// Full segments that stay although everything in them is published: the verifier compares them with the bundles.
const KEEP_SEGMENTS: usize = 1;

/// The segment that is ready to follow the current one.
pub(crate) type NextSegment = Arc<Mutex<Option<Segment>>>;

pub(crate) fn lock_next(next: &NextSegment) -> MutexGuard<'_, Option<Segment>> {
    next.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A full segment and the index after its last leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed {
    pub(crate) segment: u64,
    pub(crate) end: u64,
}

/// Owns the tree's files, the signer and the checkpoint.
#[derive(Debug)]
pub(crate) struct Integrator {
    pub(crate) env: Env,
    pub(crate) dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) next: NextSegment,
    pub(crate) disk_full: Arc<AtomicBool>,
    pub(crate) signer: Signer,
    pub(crate) tree: Tree,
    /// Partial tiles that are on disk.
    pub(crate) partials: Vec<Tile>,
    pub(crate) sealed: Vec<Sealed>,
    /// Size of the newest published checkpoint; `None` before the first.
    pub(crate) published: Option<u64>,
    pub(crate) published_ns: u64,
}

impl Integrator {
    /// Before the threads run: everything recovered is in tiles and under a published checkpoint.
    pub(crate) fn start(&mut self, checkpoint: Option<SignedCheckpoint>) -> Result<(), AuditError> {
        match checkpoint {
            Some(checkpoint) if checkpoint.size() == self.tree.size() => {
                self.shared.publish(checkpoint);
                Ok(())
            }
            _ => {
                layout::write_all(self.env.fs.as_ref(), &self.dir, &mut self.tree.outbox)?;
                self.publish()
            }
        }
    }

    /// Serves until told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let job = self.backlog.wait();
            self.prepare(job.prepare);
            self.sealed.extend(&job.sealed);
            for batch in &job.committed {
                self.tree.append(&self.dir, batch);
            }
            let sound = self.round(!job.publish.is_empty() || job.stop.is_some());
            for waiter in job.publish {
                // Whoever asked may have gone.
                waiter.send(sound).unwrap_or_default();
            }
            if let Some(stop) = job.stop {
                let closed = sound && self.close();
                self.end(stop, closed);
                return;
            }
        }
    }

    /// Drops everything that touches files before the waiter is told.
    fn end(self, stop: oneshot::Sender<bool>, closed: bool) {
        drop(self);
        stop.send(closed).unwrap_or_default();
    }

    /// Writes what is due. `false` if it could not.
    fn round(&mut self, publish: bool) -> bool {
        if self.shared.failure().is_some() {
            return false;
        }
        match self.write(publish) {
            Ok(()) => {
                self.disk_full.store(false, Ordering::SeqCst);
                true
            }
            Err(error) if error.is_full() => {
                self.disk_full.store(true, Ordering::SeqCst);
                self.shared.set_stalled(true);
                false
            }
            Err(error) => {
                self.shared.fail(error);
                false
            }
        }
    }

    fn write(&mut self, publish: bool) -> Result<(), AuditError> {
        layout::write_all(self.env.fs.as_ref(), &self.dir, &mut self.tree.outbox)?;
        let waiting = self.tree.size().saturating_sub(self.published.unwrap_or(0));
        let since = self.env.clock.mono_ns().saturating_sub(self.published_ns);
        if waiting == 0 && self.published.is_some() {
            return Ok(());
        }
        if publish || waiting >= PUBLISH_LEAVES || since >= PUBLISH_NS { self.publish() } else { Ok(()) }
    }

    /// Partial tiles, then the signer's memory, then the checkpoint: a reader never finds a checkpoint whose tiles are missing.
    pub(crate) fn publish(&mut self) -> Result<(), AuditError> {
        let fs = Arc::clone(&self.env.fs);
        let head = TreeHead { size: self.tree.size(), root: self.tree.root() };
        let partials = Tile::partials(head.size);
        let fresh = partials.iter().filter(|tile| !self.partials.contains(tile));
        let mut files = fresh.map(|tile| (tile.path(&self.dir), self.tree.partial(tile))).collect();
        layout::write_all(fs.as_ref(), &self.dir, &mut files)?;
        let stored = StoredTiles { fs: fs.as_ref(), dir: &self.dir, size: head.size };
        let proof = consistency_proof(&stored, self.signer.last().size, head.size)?;
        let checkpoint = self.signer.sign(head, &proof)?;
        let path = layout::checkpoint(&self.dir);
        fs.write_atomic(&path, checkpoint.note().as_bytes()).map_err(AuditError::io("write", &path))?;
        self.published = Some(head.size);
        self.published_ns = self.env.clock.mono_ns();
        self.shared.publish(checkpoint);
        for old in self.partials.iter().filter(|tile| !partials.contains(tile)) {
            // A left-over partial tile is a true prefix: harmless, and verified like all others.
            drop(fs.remove_file(&old.path(&self.dir)));
        }
        self.partials = partials;
        self.retire(head.size);
        Ok(())
    }

    /// Removes the oldest segments whose leaves are all under a published checkpoint and thus in bundles.
    fn retire(&mut self, published: u64) {
        while self.sealed.len() > KEEP_SEGMENTS && self.sealed.first().is_some_and(|s| s.end <= published) {
            let oldest = self.sealed.remove(0);
            // One that cannot be removed costs space alone; the next start sees it again.
            drop(self.env.fs.remove_file(&wal::segment_path(&layout::wal(&self.dir), oldest.segment)));
        }
    }

    /// Prepares the following segment before the writer needs it. A full disk is the writer's to report, when it needs it.
    fn prepare(&self, wanted: Option<(u64, u64)>) {
        let Some((no, len)) = wanted else { return };
        let (fs, wal_dir) = (self.env.fs.as_ref(), layout::wal(&self.dir));
        let mut next = lock_next(&self.next);
        // The writer may have been faster and already be writing this very segment: never put another in its place.
        let absent = matches!(fs.metadata(&wal::segment_path(&wal_dir, no)), Ok(None));
        if absent && next.is_none() && self.shared.failure().is_none() {
            match wal::prepare(fs, self.env.rng.as_ref(), &wal_dir, no, len) {
                Ok(segment) => *next = Some(segment),
                Err(error) if error.is_full() => {}
                Err(error) => self.shared.fail(error),
            }
        }
    }

    /// Marks an orderly end: from here on the files must be exactly as the checkpoint says.
    fn close(&self) -> bool {
        let head = self.signer.last();
        let path = layout::closed(&self.dir);
        head.size == self.tree.size() && self.env.fs.write_atomic(&path, &encode_head(&head)).is_ok()
    }
}
