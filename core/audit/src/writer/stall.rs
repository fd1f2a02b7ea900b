//! A full disk (spec section 7): refuse, say so in the log out of the ballast's space, and resume when space returns.

use super::{CHECK_NS, Writer, own};
use crate::{AuditError, EventKind, Field, layout, wal};
use aitrading_env::{Fs, OpenMode};
use std::{path::Path, sync::atomic::Ordering};

/// Length of the segment that is made out of the ballast, for the one leaf.
const EMERGENCY_BYTES: u64 = 8 << 10;

impl Writer {
    /// Frees the ballast and writes the one leaf that says so.
    pub(super) fn note_stall(&mut self) {
        if self.stall_noted {
            return;
        }
        self.stall_noted = true;
        self.retried_ns = self.env.clock.mono_ns();
        free_ballast(self.env.fs.as_ref(), &self.dir);
        let entry = own(EventKind::AuditStalled, vec![Field::Code("AUDIT_STALLED".into())]);
        match self.commit_in_need(&entry) {
            // Not even the ballast was enough: the state alone says it.
            Ok(()) => {}
            Err(error) if error.is_full() => {}
            Err(error) => self.shared.fail(error),
        }
        // The integrator may use what the ballast left.
        self.backlog.wake_writer();
        self.backlog.tick();
    }

    /// Commits into this segment, or into a small one.
    fn commit_in_need(&mut self, entry: &crate::Entry) -> Result<(), AuditError> {
        let max = std::mem::replace(&mut self.settings.max_segment_bytes, EMERGENCY_BYTES);
        let outcome = self.commit_own(entry);
        self.settings.max_segment_bytes = max;
        outcome
    }

    /// Once a second: the ballast back, a segment to go on in, the integrator well again: then resume.
    pub(super) fn try_resume(&mut self) {
        let now = self.env.clock.mono_ns();
        if now.saturating_sub(self.retried_ns) < CHECK_NS || self.disk_full.load(Ordering::SeqCst) {
            return;
        }
        self.retried_ns = now;
        match self.regain() {
            Ok(()) => {
                self.stall_noted = false;
                self.shared.set_stalled(false);
            }
            Err(error) if error.is_full() => free_ballast(self.env.fs.as_ref(), &self.dir),
            Err(error) => self.shared.fail(error),
        }
    }

    fn regain(&mut self) -> Result<(), AuditError> {
        make_ballast(self.env.fs.as_ref(), &self.dir, self.settings.ballast_bytes)?;
        self.buffer.clear();
        let len = self.next_len();
        let mut next = crate::integrator::lock_next(&self.next);
        if next.is_none() {
            let (fs, rng) = (self.env.fs.as_ref(), self.env.rng.as_ref());
            *next = Some(wal::prepare(fs, rng, &layout::wal(&self.dir), self.segment.no + 1, len)?);
        }
        drop(next);
        self.commit_own(&own(EventKind::AuditResumed, Vec::new()))
    }
}

/// Space is given back even where the name must stay: cutting comes before removing.
fn free_ballast(fs: &dyn Fs, dir: &Path) {
    let path = layout::ballast(dir);
    if let Ok(file) = fs.open(&path, OpenMode::ReadWrite) {
        drop(file.set_len(0).and_then(|()| file.sync_data()));
    }
    // Absent is as good as removed.
    drop(fs.remove_file(&path));
}

/// Sets space aside, unless it is.
pub(crate) fn make_ballast(fs: &dyn Fs, dir: &Path, bytes: u64) -> Result<(), AuditError> {
    let path = layout::ballast(dir);
    let file = fs.open(&path, OpenMode::Create).map_err(AuditError::io("create", &path))?;
    let len = file.len().map_err(AuditError::io("read", &path))?;
    if len == bytes {
        return Ok(());
    }
    let filled = wal::zero(file.as_ref(), len.min(bytes), bytes).and_then(|()| file.set_len(bytes));
    filled.and_then(|()| file.sync_data()).map_err(AuditError::io("preallocate", &path))
}
