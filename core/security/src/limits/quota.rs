//! A quota, and the rule that counts it.
//!
//! The rule is GCRA, the generic cell rate algorithm: per key one number, the time at which its bucket will be empty again.
//! `governor` has it too, but reads a clock of its own, charges each key as it is asked (here a request counts under up to
//! eight keys, and under none if one of them refuses), and forgets keys only when told, so that its table has no bound
//! under a flood. What is left of the algorithm then is [`Quota::charge`].

use std::time::Duration;

/// So many in a period, evenly, and so many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: u32,
    period: Duration,
    burst: u32,
}

/// Numbers that make no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a quota: count and burst are 1 to 1,000,000, the period is 1 second to 1 day")]
pub struct QuotaInvalid;

/// What is left after one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charged {
    /// The new state of the key.
    pub(crate) empty_at_ns: u64,
    /// How many more at once.
    pub(crate) remaining: u32,
    /// Until all of the burst is there again, nanoseconds.
    pub(crate) reset_ns: u64,
}

const NUMBER_MAX: u32 = 1_000_000;
const PERIOD_MAX: Duration = Duration::from_hours(24);

impl Quota {
    /// `count` in each `period`, `burst` of them at once.
    ///
    /// # Errors
    /// [`QuotaInvalid`]. No quota is "nothing": what nobody may do is refused by rights, not by counting.
    pub fn new(count: u32, period: Duration, burst: u32) -> Result<Self, QuotaInvalid> {
        let numbers = (1..=NUMBER_MAX).contains(&count) && (1..=NUMBER_MAX).contains(&burst);
        if !numbers || !(Duration::from_secs(1)..=PERIOD_MAX).contains(&period) {
            return Err(QuotaInvalid);
        }
        Ok(Self { count, period, burst })
    }

    /// For the defaults, which a test walks.
    pub(crate) const fn of(count: u32, period: Duration, burst: u32) -> Self {
        Self { count, period, burst }
    }

    /// How many in a period.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The period.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// How many at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// At most so many pass in any `span`.
    #[must_use]
    pub fn at_most(&self, span: Duration) -> u64 {
        let more = span.as_nanos().checked_div(u128::from(self.interval_ns())).unwrap_or(u128::MAX);
        u64::try_from(more).unwrap_or(u64::MAX).saturating_add(u64::from(self.burst))
    }

    /// From a used-up burst to a whole one.
    pub(crate) fn refill(&self) -> Duration {
        Duration::from_nanos(self.interval_ns().saturating_mul(u64::from(self.burst)))
    }

    fn interval_ns(&self) -> u64 {
        let ns = self.period.as_nanos().checked_div(u128::from(self.count)).unwrap_or(u128::MAX);
        u64::try_from(ns).unwrap_or(u64::MAX).max(1)
    }

    /// One more for a key whose bucket is empty at `empty_at_ns` (0: it never was anything else).
    ///
    /// # Errors
    /// Nanoseconds until it fits; the key is not charged.
    pub(crate) fn charge(&self, empty_at_ns: u64, now_ns: u64) -> Result<Charged, u64> {
        let interval = self.interval_ns();
        let full = interval.saturating_mul(u64::from(self.burst));
        let empty_at_ns = empty_at_ns.max(now_ns).saturating_add(interval);
        let level = empty_at_ns.saturating_sub(now_ns);
        match full.checked_sub(level) {
            None => Err(level.saturating_sub(full)),
            Some(free) => {
                let remaining = u32::try_from(free.checked_div(interval).unwrap_or(0)).unwrap_or(u32::MAX);
                Ok(Charged { empty_at_ns, remaining, reset_ns: level })
            }
        }
    }
}
