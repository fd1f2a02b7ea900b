//! Pauses between attempts.

use super::backoff::Backoff;
use aitrading_env::sim::SeededRng;
use std::time::Duration;

#[test]
fn pauses_double_up_to_the_bound_and_are_shortened_at_random() {
    let (first, most) = (Duration::from_secs(1), Duration::from_secs(30));
    let rng = SeededRng::new(7);
    let mut backoff = Backoff::new(first, most);
    let mut seen = Vec::new();
    for full in [1, 2, 4, 8, 16, 30, 30, 30] {
        let full = Duration::from_secs(full);
        let pause = backoff.pause(&rng);
        assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
        seen.push(pause * 1000 / u32::try_from(full.as_millis()).unwrap());
    }
    seen.dedup();
    assert!(seen.len() > 4, "shortened at random: {seen:?}");
    backoff.reset();
    assert!(backoff.pause(&rng) <= first);
}
