//! Pauses between attempts to connect: doubled each time, and shortened at random, so that many clients do not come at once.

use aitrading_env::{Rng, RngExt};
use std::time::Duration;

/// The pauses of one series of failures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// After a success.
    pub(super) const fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause: half of its full length at least.
    pub(super) fn pause(&mut self, rng: &dyn Rng) -> Duration {
        let full = self.next.min(self.most);
        self.next = full.saturating_mul(2).min(self.most);
        let half = full / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).saturating_add(1);
        half + Duration::from_micros(rng.below(spread))
    }
}
