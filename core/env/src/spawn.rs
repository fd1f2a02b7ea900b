//! Tasks and threads as an argument.

use crate::BoxFuture;
use std::{fmt, io};

/// Starts tasks and threads.
pub trait Spawn: Send + Sync + fmt::Debug {
    /// Runs `future` in the background. Dropping the returned [`Task`] detaches it.
    fn task(&self, name: &str, future: BoxFuture<'static, ()>) -> Task;
    /// Runs `body` on a thread of its own, for work that blocks (file syncs, compression).
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    fn thread(&self, name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<Task>;
}

/// Why a task did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskError {
    /// It was aborted.
    Aborted,
    /// It panicked.
    Panicked,
}

/// A running task or thread.
pub struct Task {
    abort: Option<Box<dyn Fn() + Send + Sync>>,
    join: BoxFuture<'static, Result<(), TaskError>>,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

impl Task {
    /// Made by implementations of [`Spawn`].
    #[must_use]
    pub fn new(abort: Option<Box<dyn Fn() + Send + Sync>>, join: BoxFuture<'static, Result<(), TaskError>>) -> Self {
        Self { abort, join }
    }

    /// Stops a task at its next await point. A thread cannot be stopped from outside: no effect.
    pub fn abort(&self) {
        if let Some(abort) = &self.abort {
            abort();
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`TaskError`] if it was aborted or panicked.
    pub async fn join(self) -> Result<(), TaskError> {
        self.join.await
    }
}

/// tokio tasks and operating system threads.
#[derive(Debug, Clone, Copy)]
pub struct RealSpawn;

impl Spawn for RealSpawn {
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
    fn task(&self, _name: &str, future: BoxFuture<'static, ()>) -> Task {
        let handle = tokio::spawn(future);
        let abort = handle.abort_handle();
        let join = async move {
            handle.await.map_err(|e| if e.is_panic() { TaskError::Panicked } else { TaskError::Aborted })
        };
        Task::new(Some(Box::new(move || abort.abort())), Box::pin(join))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts threads")]
    fn thread(&self, name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<Task> {
        let (done, ended) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            body();
            // Nobody may be waiting for the end.
            done.send(()).unwrap_or(());
        })?;
        Ok(Task::new(None, Box::pin(async move { ended.await.map_err(|_| TaskError::Panicked) })))
    }
}
