//! When ticks are due.

use super::Speed;
use aitrading_model::Tick;
use std::time::Duration;

/// The longest wait before the clock is looked at again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Market time against the monotonic clock.
#[derive(Debug)]
pub(super) struct Pace {
    speed: Speed,
    /// Monotonic nanoseconds and the market's milliseconds that belong together.
    base: Option<(u64, i64)>,
}

impl Pace {
    pub(super) const fn new(speed: Speed, base: Option<(u64, i64)>) -> Self {
        Self { speed, base }
    }

    /// Forgets the time that was spent standing still.
    pub(super) const fn rebase(&mut self) {
        self.base = None;
    }

    /// How many of `ticks` are due, or how long to wait for the first one.
    pub(super) fn due(&mut self, now_ns: u64, ticks: &[Tick]) -> Result<usize, Duration> {
        let (Speed::Times(times), Some(first)) = (self.speed, ticks.first()) else { return Ok(ticks.len()) };
        let times = times.max(1);
        let (mono, market) = *self.base.get_or_insert((now_ns, first.time.0));
        let passed_ms = u128::from(now_ns.saturating_sub(mono)).saturating_mul(u128::from(times)) / 1_000_000;
        let horizon = market.saturating_add(i64::try_from(passed_ms).unwrap_or(i64::MAX));
        match ticks.partition_point(|tick| tick.time.0 <= horizon) {
            0 => {
                let missing = u64::try_from(first.time.0.saturating_sub(horizon)).unwrap_or_default();
                let wait = Duration::from_millis(missing.div_ceil(u64::from(times)));
                Err(wait.clamp(Duration::from_millis(1), LONGEST_WAIT))
            }
            due => Ok(due),
        }
    }
}
