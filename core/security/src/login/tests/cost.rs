//! What a login costs the server, as numbers.

use super::super::cost::{CHECK, REGISTER, RESPOND, StepCost};
use std::time::Duration;

#[test]
fn t59_server_steps_have_fixed_sizes_and_little_memory() {
    let sizes = |step: StepCost| (step.received, step.sent);
    assert_eq!([REGISTER, RESPOND, CHECK].map(sizes), [(32, 64), (96, 320), (64, 0)]);
    assert!((128..=256).contains(&RESPOND.held), "{} bytes wait for the last message", RESPOND.held);
}

#[test]
fn t59_admission_limit_follows_from_the_budget() {
    let step = StepCost { budget: Duration::from_millis(1), ..RESPOND };
    assert_eq!([step.per_second(2, 10), step.per_second(1, 100), step.per_second(1, 200)], [200, 1_000, 1_000]);
    assert_eq!([step.per_second(0, 10), step.per_second(2, 0)], [0, 0]);
    assert_eq!(StepCost { budget: Duration::ZERO, ..step }.per_second(2, 10), 0);
}
