//! Time as an argument.

use crate::BoxFuture;
use std::{
    fmt::Debug,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Two clocks and a way to wait.
pub trait Clock: Send + Sync + Debug {
    /// Wall clock: nanoseconds since 1970-01-01 UTC. May jump; only expiry and display use it.
    fn wall_ns(&self) -> i64;
    /// Monotonic clock: nanoseconds since an arbitrary origin of this process. Never goes back.
    fn mono_ns(&self) -> u64;
    /// Completes after `duration` of monotonic time.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct RealClock {
    origin: Instant,
}

impl RealClock {
    /// Starts the monotonic clock at 1 ns.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for the time")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for the time")]
    fn wall_ns(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }

    fn mono_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
