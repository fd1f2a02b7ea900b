//! For how long a store that is fed from the journal has been behind it.

use crate::Position;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Shared by the feeder, who moves it, and by health, which reads it. Exact enough for operators: a store that keeps up is
/// never behind for longer than one round of its feeder.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Monotonic nanoseconds at which the oldest waiting record was first seen; 0 if none waits.
    since_ns: AtomicU64,
    /// Segment and offset up to which that round goes.
    segment: AtomicU64,
    offset: AtomicU64,
}

impl Backlog {
    /// Records up to `target` wait, seen at `now_ns`. Nothing changes while earlier ones still wait. One feeder calls this.
    pub fn waits(&self, target: Position, now_ns: u64) {
        if self.since_ns.load(Ordering::Relaxed) != 0 {
            return;
        }
        self.segment.store(target.segment, Ordering::Relaxed);
        self.offset.store(target.offset, Ordering::Relaxed);
        self.since_ns.store(now_ns.max(1), Ordering::Relaxed);
    }

    /// The store has everything up to `at`.
    pub fn stored(&self, at: Position) {
        let target =
            Position { segment: self.segment.load(Ordering::Relaxed), offset: self.offset.load(Ordering::Relaxed) };
        if at >= target {
            self.since_ns.store(0, Ordering::Relaxed);
        }
    }

    /// How long the oldest record has waited by `now_ns`; nothing waits: zero.
    #[must_use]
    pub fn behind(&self, now_ns: u64) -> Duration {
        match self.since_ns.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_nanos(now_ns.saturating_sub(since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backlog, Position};
    use std::time::Duration;

    #[test]
    fn the_oldest_record_counts_until_all_of_its_round_is_stored() {
        let at = |offset| Position { segment: 1, offset };
        let backlog = Backlog::default();
        assert_eq!(backlog.behind(50), Duration::ZERO);
        backlog.waits(at(100), 50);
        backlog.waits(at(900), 60);
        assert_eq!(backlog.behind(80), Duration::from_nanos(30), "the oldest one");
        backlog.stored(at(99));
        assert_eq!(backlog.behind(90), Duration::from_nanos(40), "not all of it");
        backlog.stored(at(100));
        assert_eq!(backlog.behind(95), Duration::ZERO, "what came later begins a round of its own");
        backlog.waits(at(900), 97);
        assert_eq!(backlog.behind(99), Duration::from_nanos(2));
    }
}
