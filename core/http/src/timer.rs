//! hyper's timers over our clock, so that its header timeout runs in simulated time too.

use aitrading_env::{BoxFuture, Clock};
use hyper::rt::{Sleep, Timer};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Translates between hyper's `Instant` and the clock's monotonic nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct ClockTimer {
    clock: Arc<dyn Clock>,
    origin: Instant,
    origin_ns: u64,
}

impl ClockTimer {
    #[expect(
        clippy::disallowed_methods,
        reason = "hyper counts in Instants: this one is the arbitrary origin of the clock's own count"
    )]
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let origin_ns = clock.mono_ns();
        Self { clock, origin: Instant::now(), origin_ns }
    }
}

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(ClockSleep(Mutex::new(self.clock.sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.origin + Duration::from_nanos(self.clock.mono_ns().saturating_sub(self.origin_ns))
    }
}

/// hyper wants its sleeps to be `Sync`; the lock is never contended, since polling is exclusive.
struct ClockSleep(Mutex<BoxFuture<'static, ()>>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl Sleep for ClockSleep {}
