//! The breaker against every order of calls, answers and time.

use super::{Breaker, BreakerPolicy, BreakerState, Outcome, Ticket};
use proptest::prelude::*;
use std::time::Duration;

const POLICY: BreakerPolicy =
    BreakerPolicy { failures: 3, pause: Duration::from_nanos(100), pause_max: Duration::from_nanos(350) };

#[derive(Debug, Clone, Copy)]
enum Step {
    Ask,
    Settle(usize, Outcome),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![Just(Outcome::Answered), Just(Outcome::Failed), Just(Outcome::Abandoned)];
    let step = prop_oneof![
        3 => Just(Step::Ask),
        3 => (0_usize..8, outcome).prop_map(|(call, outcome)| Step::Settle(call, outcome)),
        1 => (0_u64..200).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..200)
}

fn fail(breaker: &mut Breaker, now: u64) -> Option<BreakerState> {
    let ticket = breaker.admit(now).unwrap();
    breaker.settle(ticket, Outcome::Failed, now)
}

fn opened_at(now: u64) -> Breaker {
    let mut breaker = Breaker::new(POLICY);
    let last: Vec<_> = (0..3).map(|_| fail(&mut breaker, now)).collect();
    assert_eq!(last, [None, None, Some(BreakerState::Open)]);
    breaker
}

proptest! {
    #[test]
    fn an_open_breaker_lets_one_probe_through_and_only_after_its_pause(steps in steps()) {
        let mut breaker = Breaker::new(POLICY);
        let mut calls: Vec<Ticket> = Vec::new();
        let (mut now, mut opened, mut probes) = (0_u64, 0_u64, 0_u32);
        for step in steps {
            let before = breaker.state();
            match step {
                Step::Ask => match (before, breaker.admit(now)) {
                    (BreakerState::Closed, admitted) => calls.push(admitted.unwrap()),
                    (BreakerState::HalfOpen, admitted) => prop_assert!(admitted.is_err()),
                    (BreakerState::Open, Ok(probe)) => {
                        prop_assert_eq!(breaker.state(), BreakerState::HalfOpen);
                        probes += 1;
                        prop_assert!(probes == 1, "a second probe");
                        calls.push(probe);
                    }
                    (BreakerState::Open, Err(again)) => {
                        prop_assert!(again > Duration::ZERO && again <= POLICY.pause_max);
                        prop_assert!(now < opened + 350);
                    }
                },
                Step::Settle(call, outcome) if !calls.is_empty() => {
                    let ticket = calls.swap_remove(call % calls.len());
                    let changed = breaker.settle(ticket, outcome, now);
                    prop_assert_eq!(changed.is_some(), breaker.state() != before);
                    if breaker.state() == BreakerState::Open && changed.is_some() {
                        prop_assert!(outcome != Outcome::Answered, "an answer opened it");
                        opened = now;
                    }
                    if breaker.state() != BreakerState::HalfOpen {
                        probes = 0;
                    }
                }
                Step::Settle(..) => {}
                Step::Wait(by) => now += by,
            }
        }
        // Whatever happened, a server that answers again is used again.
        for ticket in calls {
            breaker.settle(ticket, Outcome::Abandoned, now);
        }
        let probe = breaker.admit(now + 350).unwrap();
        breaker.settle(probe, Outcome::Answered, now + 350);
        prop_assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn fewer_failures_in_a_row_than_the_policy_says_never_open_it(runs in prop::collection::vec(0_u32..3, 0..50)) {
        let mut breaker = Breaker::new(POLICY);
        for run in runs {
            for _ in 0..run {
                fail(&mut breaker, 0);
            }
            let ticket = breaker.admit(0).unwrap();
            breaker.settle(ticket, Outcome::Answered, 0);
        }
        prop_assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_the_longest() {
    let mut breaker = opened_at(0);
    let mut now = 0;
    for pause in [100, 200, 350, 350] {
        assert_eq!(breaker.admit(now), Err(Duration::from_nanos(pause)));
        assert_eq!(breaker.admit(now + pause - 1), Err(Duration::from_nanos(1)));
        now += pause;
        assert_eq!(fail(&mut breaker, now), Some(BreakerState::Open));
    }
}

#[test]
fn answers_of_an_earlier_state_count_for_nothing() {
    let mut breaker = Breaker::new(POLICY);
    let (late, later) = (breaker.admit(0).unwrap(), breaker.admit(0).unwrap());
    for _ in 0..3 {
        fail(&mut breaker, 0);
    }
    assert_eq!(breaker.settle(late, Outcome::Answered, 1), None);
    assert_eq!(breaker.state(), BreakerState::Open, "an answer from before the opening closes nothing");
    let probe = breaker.admit(100).unwrap();
    assert_eq!(breaker.settle(later, Outcome::Failed, 101), None);
    assert_eq!(breaker.settle(probe, Outcome::Answered, 102), Some(BreakerState::Closed));
}

#[test]
fn an_abandoned_probe_makes_room_for_the_next_at_once() {
    let mut breaker = opened_at(0);
    let probe = breaker.admit(100).unwrap();
    assert!(breaker.admit(100).is_err());
    breaker.settle(probe, Outcome::Abandoned, 100);
    assert!(breaker.admit(100).is_ok());
}
