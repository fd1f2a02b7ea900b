//! A clock that stands until it is moved.

use crate::{BoxFuture, Clock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Stands still until [`ManualClock::advance`] or [`ManualClock::jump_wall`] moves it. Clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wall: AtomicI64,
    mono: AtomicU64,
    moved: Notify,
}

impl ManualClock {
    /// Starts at `wall_ns` (Unix nanoseconds), monotonic time 1.
    #[must_use]
    pub fn new(wall_ns: i64) -> Self {
        Self(Arc::new(Inner { wall: AtomicI64::new(wall_ns), mono: AtomicU64::new(1), moved: Notify::new() }))
    }

    /// Lets `by` pass on both clocks and wakes those who slept long enough.
    pub fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.wall.fetch_add(i64::try_from(ns).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.0.mono.fetch_add(ns, Ordering::SeqCst);
        self.0.moved.notify_waiters();
    }

    /// Steps the wall clock alone, as an operator or a bad time server would.
    pub fn jump_wall(&self, by_ns: i64) {
        self.0.wall.fetch_add(by_ns, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall_ns(&self) -> i64 {
        self.0.wall.load(Ordering::SeqCst)
    }

    fn mono_ns(&self) -> u64 {
        self.0.mono.load(Ordering::SeqCst)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.0);
        let until = self.mono_ns().saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        Box::pin(async move {
            loop {
                // Registered before the look, so that a move in between is not missed.
                let moved = inner.moved.notified();
                if inner.mono.load(Ordering::SeqCst) >= until {
                    return;
                }
                moved.await;
            }
        })
    }
}
