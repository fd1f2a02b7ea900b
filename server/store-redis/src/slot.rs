//! The connection that all plain commands share: opened by who needs it first, replaced when it is no good any more.

use crate::line::{Line, SharedLine};
use aitrading_database_link::Link;
use aitrading_env::Env;
use aitrading_store::StoreError;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often the credentials are looked at while connections are open.
const ROTATION_LOOK: Duration = Duration::from_secs(5);

/// The newest credentials that were seen.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    looked_ns: AtomicU64,
    generation: AtomicU64,
}

impl Rotation {
    /// The generation that connections must have. Reads one small file every now and then.
    pub(crate) fn generation(&self, env: &Env, link: &Link) -> u64 {
        let now = env.clock.mono_ns();
        let every = u64::try_from(ROTATION_LOOK.as_nanos()).unwrap_or(u64::MAX);
        let looked = self.looked_ns.load(Ordering::Relaxed);
        let due = looked == 0 || now.saturating_sub(looked) >= every;
        if due && self.looked_ns.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            match link.credentials() {
                Ok(credentials) => self.generation.store(credentials.generation, Ordering::Relaxed),
                // What is open was let in; a new connection will fail by this and say so.
                Err(error) => tracing::warn!(error = %aitrading_error::chain(&error), "credentials cannot be read"),
            }
        }
        self.generation.load(Ordering::Relaxed)
    }
}

/// Where the shared connection is.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    // Held for a few instructions, never across an await.
    line: Mutex<Option<SharedLine>>,
    opening: tokio::sync::Mutex<()>,
}

impl Slot {
    /// The connection, if it is good.
    pub(crate) fn current(&self, generation: u64) -> Option<SharedLine> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        line.filter(|line| line.is_good(generation))
    }

    /// The connection; opens it if there is none.
    pub(crate) async fn line(&self, env: &Env, link: &Link, generation: u64) -> Result<SharedLine, StoreError> {
        if let Some(line) = self.current(generation) {
            return Ok(line);
        }
        let _one_opens = self.opening.lock().await;
        if let Some(line) = self.current(generation) {
            return Ok(line);
        }
        let line = Arc::new(Line::open(env, link, None).await?);
        let old = self.line.lock().unwrap_or_else(PoisonError::into_inner).replace(Arc::clone(&line));
        drop(old);
        Ok(line)
    }
}
