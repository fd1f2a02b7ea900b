//! Passwords that change while connections are open.

use aitrading_database_link::Link;
use aitrading_env::Env;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How often the credentials are looked at while connections are open.
const LOOK: Duration = Duration::from_secs(5);

/// The newest credentials that were seen.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    looked_ns: AtomicU64,
    generation: AtomicU64,
}

impl Rotation {
    /// The generation that connections must have. Reads one small file every now and then.
    pub(super) fn generation(&self, env: &Env, link: &Link) -> u64 {
        let now = env.clock.mono_ns();
        let every = u64::try_from(LOOK.as_nanos()).unwrap_or(u64::MAX);
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
