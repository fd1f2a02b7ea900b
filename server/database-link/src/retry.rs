//! How long to wait before an idempotent call is made again.

use std::time::Duration;

/// The pause before the first repetition, before jitter.
const FIRST: Duration = Duration::from_millis(20);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(2);

/// The pause before repetition number `repetition` (from 0): twice as long each time, at most two seconds, and between half
/// and all of that by `random`, so that many callers do not come back at once.
#[must_use]
pub fn backoff(repetition: u32, random: u64) -> Duration {
    let factor = 1_u32.checked_shl(repetition).unwrap_or(u32::MAX);
    let whole = FIRST.saturating_mul(factor).min(LONGEST);
    let half = whole / 2;
    let span = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
    half.saturating_add(Duration::from_nanos(random.checked_rem(span).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::{FIRST, LONGEST, backoff};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pause_lies_between_half_and_all_of_its_step(repetition in 0_u32..100, random: u64) {
            let pause = backoff(repetition, random);
            let whole = backoff(repetition, u64::MAX).max(pause);
            prop_assert!(pause >= FIRST / 2 && pause <= LONGEST);
            prop_assert!(pause * 2 >= whole);
            prop_assert!(backoff(repetition + 1, 0) >= backoff(repetition, 0));
        }
    }
}
