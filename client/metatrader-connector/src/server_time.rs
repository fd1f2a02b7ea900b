//! Server time as this client knows it: the channel's estimate on top of the monotonic clock.

use crate::validator::ServerNow;
use aitrading_channel::ClockEstimate;
use aitrading_env::Clock;
use aitrading_model::Timestamp;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

type Source = Box<dyn Fn() -> ClockEstimate + Send + Sync>;

/// Tells server time. Before the first session it knows nothing, and says so by an error beyond all bounds.
pub struct ServerClock {
    clock: Arc<dyn Clock>,
    source: Mutex<Option<Source>>,
}

impl fmt::Debug for ServerClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerClock").field("now", &self.now()).finish()
    }
}

impl ServerClock {
    /// A clock without an estimate.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, source: Mutex::default() }
    }

    /// From now on estimates come from here. The last session's stay usable after it ends: their error grows with the drift.
    pub fn follow(&self, source: impl Fn() -> ClockEstimate + Send + Sync + 'static) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(source));
    }

    /// Server time and how far it may be off.
    #[must_use]
    pub fn now(&self) -> ServerNow {
        let estimate = self.source.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|source| source());
        let Some(estimate) = estimate else {
            return ServerNow { now: Timestamp(self.clock.wall_ns()), error_ns: i64::MAX };
        };
        let error_ns = i64::try_from(estimate.err_ns).unwrap_or(i64::MAX);
        ServerNow { now: Timestamp(estimate.wall_at(self.clock.mono_ns())), error_ns }
    }

    /// This machine's wall clock reading `wall_ns`, in server time. Terminal and connector share the machine's clock.
    #[must_use]
    pub fn from_local(&self, wall_ns: i64) -> Timestamp {
        let ago = self.clock.wall_ns().saturating_sub(wall_ns);
        Timestamp(self.now().now.0.saturating_sub(ago))
    }
}
