//! How much guessing is put up with.

use crate::limits::Quota;
use std::time::Duration;

/// How much guessing is put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    free: u32,
    delay: Duration,
    lock_at: u32,
    lock: Duration,
    lock_max: Duration,
    forget: Duration,
    strangers: Quota,
}

/// Numbers that make no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a lockout policy: fewer failures are free than lock (2 to 100), the delay is at least 1 s, a lock at least 1 min and its \
     longest at most 7 days, and failures are kept for longer than the longest lock"
)]
pub struct PolicyInvalid;

impl Default for LockoutPolicy {
    /// Three failures are free, then 2 s, 4 s, 8 s and so on between two tries; the tenth locks for 15 min, the next time
    /// for 30, up to 24 h; failures are kept for 48 h. Strangers together: 20 tries at once, one more every 3 min.
    fn default() -> Self {
        Self {
            free: 3,
            delay: Duration::from_secs(2),
            lock_at: 10,
            lock: Duration::from_mins(15),
            lock_max: Duration::from_hours(24),
            forget: Duration::from_hours(48),
            strangers: Quota::of(20, Duration::from_hours(1), 20),
        }
    }
}

impl LockoutPolicy {
    /// `free` failures without a delay, then `delay`, doubled with each; locked at `lock_at` for `lock`, doubled with each
    /// lock up to `lock_max`; a source that was quiet for `forget` is as new. `strangers` is the pace of all who are not
    /// known, together.
    ///
    /// # Errors
    /// [`PolicyInvalid`].
    pub fn new(
        (free, delay): (u32, Duration),
        (lock_at, lock, lock_max): (u32, Duration, Duration),
        forget: Duration,
        strangers: Quota,
    ) -> Result<Self, PolicyInvalid> {
        let good = free < lock_at
            && (2..=100).contains(&lock_at)
            && delay >= Duration::from_secs(1)
            && lock >= Duration::from_mins(1)
            && lock <= lock_max
            && lock_max <= Duration::from_hours(7 * 24)
            && forget > lock_max;
        if !good {
            return Err(PolicyInvalid);
        }
        Ok(Self { free, delay, lock_at, lock, lock_max, forget, strangers })
    }

    /// Failures that lock.
    #[must_use]
    pub const fn lock_at(&self) -> u32 {
        self.lock_at
    }

    /// The pace of all strangers of an account.
    #[must_use]
    pub const fn strangers(&self) -> Quota {
        self.strangers
    }

    /// How long a quiet source is remembered.
    pub(super) const fn forget(&self) -> Duration {
        self.forget
    }

    /// How long after failure number `failures` the next try has to wait.
    pub(super) fn delay_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None | Some(0) => Duration::ZERO,
            Some(over) => doubled(self.delay, over.saturating_sub(1)).min(self.lock),
        }
    }

    /// How long the lock lasts that follows `before` others.
    pub(super) fn lock_after(&self, before: u32) -> Duration {
        doubled(self.lock, before).min(self.lock_max)
    }
}

fn doubled(time: Duration, times: u32) -> Duration {
    time.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
}
