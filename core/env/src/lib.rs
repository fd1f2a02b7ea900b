//! The outside world as arguments: clock, randomness, files, network and task spawning.
//!
//! Everything that a crate does beyond computing goes through an [`Env`]; nothing asks the operating system on its own. The
//! real world is [`Env::real`]; [`sim`] holds worlds for tests: a clock that is set by hand, seeded randomness, and files that
//! forget what was not synced. This crate knows no domain word.
#![warn(missing_docs)]

mod clock;
mod fs;
mod net;
mod rng;
pub mod sim;
mod spawn;
#[cfg(test)]
mod tests;

pub use clock::{Clock, RealClock};
pub use fs::{DirEntry, File, FileLock, Fs, Meta, OpenMode, RealFs};
pub use net::{BoxListener, BoxStream, Listener, Net, RealNet, Stream};
pub use rng::{RealRng, Rng, RngExt};
pub use spawn::{RealSpawn, Spawn, Task, TaskError};

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// A boxed future, as all asynchronous calls of the world's traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The world that a component lives in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Env {
    /// Wall clock, monotonic clock, sleeping.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for keys.
    pub rng: Arc<dyn Rng>,
    /// Files.
    pub fs: Arc<dyn Fs>,
    /// Sockets.
    pub net: Arc<dyn Net>,
    /// Tasks and threads.
    pub spawn: Arc<dyn Spawn>,
}

/// The deadline passed before the future was ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl Env {
    /// The machine's own clock, files, sockets and threads. Tasks are spawned on the current tokio runtime.
    #[must_use]
    pub fn real() -> Self {
        Self {
            clock: Arc::new(RealClock::new()),
            rng: Arc::new(RealRng),
            fs: Arc::new(RealFs),
            net: Arc::new(RealNet),
            spawn: Arc::new(RealSpawn),
        }
    }

    /// Waits for `future`, but no longer than `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] if the limit passed first; the future is dropped.
    pub async fn timeout<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
        let sleep = self.clock.sleep(limit);
        tokio::select! {
            biased;
            out = future => Ok(out),
            () = sleep => Err(Elapsed),
        }
    }
}
