//! The threads that queries run on: their own, so that a heavy query takes none from those that carry ticks.

use crate::SqlError;
use std::{fmt, io};
use tokio::runtime::{Builder, Runtime};

/// A statement may be a chain of as many operators as it has words, and planning follows chains by recursion. The memory is
/// only reserved; what is not used costs nothing.
const STACK_BYTES: usize = 64 << 20;

/// A runtime that lives as long as there is a query.
pub(crate) struct Worker {
    runtime: Option<Runtime>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    pub(crate) fn start(threads: usize) -> Result<Self, SqlError> {
        let failed = |source: io::Error| SqlError::Engine { doing: "starting its threads", source: source.into() };
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()
            .map_err(failed)?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<tokio::task::AbortHandle> {
        Some(self.runtime.as_ref()?.spawn(work).abort_handle())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Waiting for the threads would block the thread that drops, which may be one that carries ticks.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
