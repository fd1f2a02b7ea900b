//! What the writer, the integrator and the callers know of each other.

use crate::{AuditError, SignedCheckpoint};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// May entries be appended?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// Yes.
    Running,
    /// Not now: the disk is full. It resumes by itself.
    Stalled,
    /// Never again in this process.
    Failed,
}

/// State that all parts of one open log share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: watch::Sender<LogState>,
    checkpoint: watch::Sender<Option<SignedCheckpoint>>,
    failure: Mutex<Option<Arc<AuditError>>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(LogState::Running),
            checkpoint: watch::Sender::new(None),
            failure: Mutex::new(None),
        }
    }

    pub(crate) fn state(&self) -> LogState {
        *self.state.borrow()
    }

    pub(crate) fn watch_state(&self) -> watch::Receiver<LogState> {
        self.state.subscribe()
    }

    pub(crate) fn watch_checkpoint(&self) -> watch::Receiver<Option<SignedCheckpoint>> {
        self.checkpoint.subscribe()
    }

    pub(crate) fn publish(&self, checkpoint: SignedCheckpoint) {
        self.checkpoint.send_replace(Some(checkpoint));
    }

    /// Running to stalled or back; a failure is final.
    pub(crate) fn set_stalled(&self, stalled: bool) {
        let to = if stalled { LogState::Stalled } else { LogState::Running };
        self.state.send_if_modified(|now| *now != LogState::Failed && std::mem::replace(now, to) != to);
    }

    /// The first failure is kept; the state is final.
    pub(crate) fn fail(&self, error: AuditError) {
        self.failure_slot().get_or_insert_with(|| Arc::new(error));
        self.state.send_replace(LogState::Failed);
    }

    pub(crate) fn failure(&self) -> Option<Arc<AuditError>> {
        self.failure_slot().clone()
    }

    /// What an append is told while the log does not run; `None` if it runs.
    pub(crate) fn refusal(&self) -> Option<AuditError> {
        match self.state() {
            LogState::Running => None,
            LogState::Stalled => Some(AuditError::Stalled),
            LogState::Failed => match self.failure().as_deref() {
                Some(AuditError::PathChanged) => Some(AuditError::PathChanged),
                _ => Some(AuditError::Halted),
            },
        }
    }

    fn failure_slot(&self) -> MutexGuard<'_, Option<Arc<AuditError>>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
