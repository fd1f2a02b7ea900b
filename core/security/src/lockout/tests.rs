//! Guessing, locking and suspending, over simulated days.

use super::*;
use aitrading_env::{RngExt, sim::SeededRng};
use aitrading_error::Coded;
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

const START: Timestamp = Timestamp(1_767_225_600_000_000_000);
const SPEC: &str = include_str!("../../../../docs/specs/limits.md");
const HOME: DeviceId = DeviceId([7; 16]);

fn owner() -> Source {
    Source::of("192.0.2.1".parse().unwrap(), Some(HOME), Standing::Known)
}

fn stranger(number: u32) -> Source {
    // Each in a /24 of its own.
    Source::of(IpAddr::from((number << 8).to_be_bytes()), None, Standing::Stranger)
}

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// A wrong try; was the password looked at?
fn guess(state: &mut Lockout, source: Source, now: Timestamp) -> (Result<(), LockoutRefused>, Vec<LockoutEvent>) {
    let policy = LockoutPolicy::default();
    let (tried, mut events) = state.attempt(&policy, source, now);
    if tried.is_ok() {
        events.extend(state.failed(&policy, source));
    }
    (tried, events)
}

#[test]
fn delays_grow_and_the_tenth_failure_locks() {
    let (mut state, mut now, mut waits) = (Lockout::default(), START, Vec::new());
    let until = loop {
        match guess(&mut state, owner(), now) {
            (Ok(()), events) => match events.as_slice() {
                [] => waits.push(0),
                [LockoutEvent::Locked { scope: Scope::Source(source), until, failures: 10 }] => {
                    assert_eq!(*source, owner());
                    break *until;
                }
                other => panic!("{other:?}"),
            },
            (Err(LockoutRefused::TooSoon { retry_after }), events) => {
                assert!(events.is_empty());
                *waits.last_mut().unwrap() = retry_after.as_secs();
                now = now.plus(retry_after);
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(waits, [0, 0, 0, 2, 4, 8, 16, 32, 64]);
    assert_eq!(until, now.plus(Duration::from_secs(15 * 60)));
    let just_before = Timestamp(until.0 - 1);
    let refused = Err(LockoutRefused::Locked { retry_after: Duration::from_nanos(1) });
    assert_eq!(guess(&mut state, owner(), just_before), (refused, vec![]), "the beginning is told once");
    let ended = LockoutEvent::Unlocked { scope: Scope::Source(owner()), ended: Ended::Time };
    assert_eq!(state.sweep(&LockoutPolicy::default(), until), [ended]);
    assert_eq!(guess(&mut state, owner(), until), (Ok(()), vec![]));
}

#[test]
fn each_lock_is_twice_as_long_and_success_forgives() {
    let policy = LockoutPolicy::default();
    let (mut state, mut now, mut lengths) = (Lockout::default(), START, Vec::new());
    while lengths.len() < 9 {
        match guess(&mut state, owner(), now) {
            (Ok(()), events) => {
                if let Some(LockoutEvent::Locked { until, .. }) = events.last() {
                    lengths.push(until.since(now) / 60_000_000_000);
                }
            }
            (Err(refused), _) => now = now.plus(refused.retry_after()),
        }
    }
    assert_eq!(lengths, [15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
    now = now.plus(Duration::from_secs(24 * 3600));
    assert_eq!(state.attempt(&policy, owner(), now).0, Ok(()));
    state.succeeded(owner());
    assert!(state.is_empty(now), "{state:?}");
}

/// 10^4 guesses over a day, and the owner logs in every ten minutes.
#[test]
fn t25_strangers_guess_ten_thousand_times_and_the_owner_on_a_known_device_still_logs_in() {
    let policy = LockoutPolicy::default();
    let rng = SeededRng::new(25);
    for networks in [1, 5, 60, 1_000, 10_000] {
        let (mut state, mut looked_at, mut logins) = (Lockout::default(), 0, 0);
        for n in 0..10_000_u64 {
            let now = START.plus(Duration::from_millis(8_640 * n));
            let source = stranger(1 + rng.below(networks) as u32);
            looked_at += u64::from(guess(&mut state, source, now).0.is_ok());
            if n % 70 == 0 {
                let (tried, _) = state.attempt(&policy, owner(), now);
                assert_eq!(tried, Ok(()), "the owner, at guess {n} from {networks} networks");
                state.succeeded(owner());
                logins += 1;
            }
            assert!(state.encode().len() <= ENCODED_MAX);
        }
        let most = policy.strangers().at_most(Duration::from_secs(86_400));
        assert!(looked_at <= most, "{looked_at} of at most {most} from {networks} networks");
        assert!(looked_at >= 10 && logins > 100, "{looked_at} {logins}");
    }
}

#[test]
fn t25_a_thousand_tries_at_the_same_moment_are_a_thousand_counted_tries() {
    let policy = LockoutPolicy::default();
    let mut state = Lockout::default();
    // All of them are let in before any of them is known to have failed.
    let through = (0..1_000).filter(|n| state.attempt(&policy, stranger(*n), START).0.is_ok()).count();
    assert_eq!(through, 20);
    let mut state = Lockout::default();
    let through = (0..1_000).filter(|_| state.attempt(&policy, owner(), START).0.is_ok()).count();
    assert_eq!(through, 4, "the fourth makes the first delay");
}

#[test]
fn a_device_of_another_account_is_a_stranger_and_a_stolen_one_gains_nothing_by_moving() {
    let other = DeviceId([9; 16]);
    let of = |address: &str, device, standing| Source::of(address.parse().unwrap(), device, standing);
    assert_eq!(of("192.0.2.1", Some(HOME), Standing::Known), of("2001:db8::1", Some(HOME), Standing::Known));
    assert_ne!(of("192.0.2.1", Some(other), Standing::Stranger), of("192.0.2.1", None, Standing::Stranger));
    assert_eq!(of("192.0.2.1", None, Standing::Known), of("192.0.2.99", None, Standing::Stranger), "one /24");
    assert_eq!(
        of("2001:db8::1", None, Standing::Stranger),
        of("2001:db8::ffff:1", None, Standing::Stranger),
        "one /64"
    );
}

#[test]
fn the_strangers_hold_is_told_at_both_edges_and_an_operator_can_end_everything() {
    let policy = LockoutPolicy::default();
    let (mut state, mut events) = (Lockout::default(), Vec::new());
    for n in 0..200 {
        events.extend(guess(&mut state, stranger(n), after(u64::from(n))).1);
    }
    let locked = |e: &&LockoutEvent| matches!(e, LockoutEvent::Locked { scope: Scope::Strangers, .. });
    assert_eq!(events.iter().filter(locked).count(), 1, "{events:?}");
    let ended = |ended| LockoutEvent::Unlocked { scope: Scope::Strangers, ended };
    assert_eq!(state.clone().clear(), [ended(Ended::Operator)]);
    assert_eq!(state.sweep(&policy, after(600)), []);
    assert_eq!(state.sweep(&policy, after(3_900)), [ended(Ended::Time)]);
    assert!(guess(&mut state, stranger(999), after(3_900)).0.is_ok());
}

#[test]
fn locks_survive_the_store_and_a_clock_that_is_set_back() {
    let policy = LockoutPolicy::default();
    let (mut state, mut now) = (Lockout::default(), START);
    while !matches!(guess(&mut state, owner(), now).0, Err(LockoutRefused::Locked { .. })) {
        now = now.plus(Duration::from_secs(70));
    }
    let mut again = Lockout::decode(&state.encode()).unwrap();
    assert_eq!(again, state);
    // A year back: still locked, and for no longer than the lock is long.
    let back = Timestamp(now.0 - 365 * 86_400 * 1_000_000_000);
    let (tried, _) = again.attempt(&policy, owner(), back);
    assert!(matches!(tried, Err(LockoutRefused::Locked { retry_after }) if retry_after <= Duration::from_secs(900)));
    assert_eq!(again.sweep(&policy, back.plus(Duration::from_secs(900))).len(), 1);
}

#[test]
fn what_is_no_state_is_unreadable() {
    let good = Lockout::default().encode();
    assert_eq!(Lockout::decode(&good), Ok(Lockout::default()));
    let mut full = Lockout::default();
    for n in 0..30 {
        drop(guess(&mut full, stranger(n), START));
    }
    let text = String::from_utf8(full.encode()).unwrap();
    let twice = text.replacen(
        "\"sources\":[",
        &format!("\"sources\":[{},", &text[text.find("[[").unwrap() + 1..text.find("],[").unwrap() + 1]),
        1,
    );
    for bytes in [&b""[..], b"{}", b"null", b"[]", &good[1..], twice.as_bytes(), &[b' '; ENCODED_MAX + 1]] {
        assert_eq!(
            Lockout::decode(bytes),
            Err(LockoutUnreadable),
            "{}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(80)])
        );
    }
}

/// Random days: whatever happens, the promises hold.
#[test]
fn every_beginning_has_one_end_and_no_lock_is_for_ever() {
    let policy = LockoutPolicy::default();
    for seed in 0..60 {
        let rng = SeededRng::new(seed);
        let (mut state, mut now, mut locked) = (Lockout::default(), START, BTreeSet::new());
        let mut told = |events: Vec<LockoutEvent>, now: Timestamp| {
            for event in events {
                match event {
                    LockoutEvent::Locked { scope, until, .. } => {
                        assert!(locked.insert(scope), "seed {seed}: {scope:?} locked twice");
                        assert!(until.since(now) <= 86_400 * 1_000_000_000, "seed {seed}: {until}");
                    }
                    LockoutEvent::Unlocked { scope, .. } => assert!(locked.remove(&scope), "seed {seed}: {scope:?}"),
                }
            }
            locked.len()
        };
        for _ in 0..400 {
            now = now.plus(Duration::from_secs(rng.below(90)));
            let source = if rng.below(3) == 0 { owner() } else { stranger(1 + rng.below(90) as u32) };
            let (tried, events) = state.attempt(&policy, source, now);
            told(events, now);
            match (tried, rng.below(10)) {
                (Ok(()), 0) => state.succeeded(source),
                // Somebody who never said how it went.
                (Ok(()), 1) => {}
                (Ok(()), _) => {
                    told(state.failed(&policy, source), now);
                }
                (Err(_), _) => {}
            }
            if rng.below(20) == 0 {
                state = Lockout::decode(&state.encode()).unwrap();
            }
        }
        now = now.plus(Duration::from_secs(4 * 86_400));
        let left = told(state.sweep(&policy, now), now);
        assert_eq!(left, 0, "seed {seed}");
        state.sweep(&policy, now);
        assert!(state.is_empty(now), "seed {seed}: {state:?}");
    }
}

#[test]
fn policies_that_let_everything_through_or_lock_for_ever_are_refused() {
    let (s, h) = (Duration::from_secs, Duration::from_hours);
    let pace = LockoutPolicy::default().strangers();
    let new = |free, delay, lock_at, lock, lock_max, forget| {
        LockoutPolicy::new((free, delay), (lock_at, lock, lock_max), forget, pace)
    };
    assert!(new(3, s(2), 10, s(900), h(24), h(48)).is_ok());
    for bad in [
        new(10, s(2), 10, s(900), h(24), h(48)),
        new(3, s(0), 10, s(900), h(24), h(48)),
        new(3, s(2), 101, s(900), h(24), h(48)),
        new(0, s(2), 1, s(900), h(24), h(48)),
        new(3, s(2), 10, s(59), h(24), h(48)),
        new(3, s(2), 10, h(25), h(24), h(48)),
        new(3, s(2), 10, s(900), h(24 * 8), h(24 * 9)),
        new(3, s(2), 10, s(900), h(24), h(24)),
    ] {
        assert_eq!(bad, Err(PolicyInvalid));
    }
}

#[test]
fn t76_what_a_client_forges_holds_nobody_but_itself() {
    let policy = SuspensionPolicy::default();
    let (tenant, account) = (TenantId(1), AccountId(42));
    let (attacker, victim) = (DeviceId([6; 16]), HOME);
    let client = |tenant, account| Witness::Client { tenant, account, device: attacker };
    let mut state = Suspensions::new(tenant, account);
    for (suspected, witness) in [
        (Suspected::Device(victim), client(tenant, account)),
        (Suspected::Account, client(tenant, account)),
        (Suspected::Device(attacker), client(tenant, AccountId(43))),
        (Suspected::Device(attacker), client(TenantId(2), account)),
    ] {
        let refused = state.suspend(&policy, Anomaly { suspected, witness }, START);
        assert_eq!(refused, Err(SuspensionRefused::NotItsOwn), "{suspected:?} {witness:?}");
    }
    // Itself it may hold, three times at once, and never for good.
    let itself = Anomaly { suspected: Suspected::Device(attacker), witness: client(tenant, account) };
    for n in 0..3_u64 {
        let now = after(n * 901);
        let events = state.suspend(&policy, itself, now).unwrap();
        assert!(matches!(events.last(), Some(SuspensionEvent::Suspended(s)) if s.until == Some(now.plus(policy.hold))));
        assert!(state.holds(attacker, now) && !state.holds(victim, now));
    }
    let mut often = Suspensions::new(tenant, account);
    let policy = SuspensionPolicy { hold: Duration::from_secs(1), ..policy };
    let tries = (0..60).map(|n| often.suspend(&policy, itself, after(n * 2)));
    assert_eq!(tries.filter(Result::is_ok).count(), 3);
}

#[test]
fn t76_both_edges_of_a_suspension_are_told_once_and_the_third_waits_for_an_operator() {
    let policy = SuspensionPolicy::default();
    let mut state = Suspensions::new(TenantId(1), AccountId(42));
    let seen = Anomaly { suspected: Suspected::Account, witness: Witness::Server };
    let mut now = START;
    for count in 1..=3 {
        let events = state.suspend(&policy, seen, now).unwrap();
        let until = (count < 3).then(|| now.plus(policy.hold));
        let held = Suspension { suspected: Suspected::Account, since: now, until, count, in_force: true };
        assert_eq!(events, [SuspensionEvent::Suspended(held)]);
        assert_eq!(state.suspend(&policy, seen, now), Ok(vec![]), "held already");
        assert!(state.holds(HOME, now));
        now = now.plus(policy.hold);
        let resumed = SuspensionEvent::Resumed { suspected: Suspected::Account, by_operator: false };
        let expected = if count < 3 { vec![resumed] } else { vec![] };
        assert_eq!(state.sweep(&policy, now), expected);
        assert_eq!(state.holds(HOME, now), count == 3);
    }
    let stored = serde_json::to_vec(&state).unwrap();
    assert_eq!(serde_json::from_slice::<Suspensions>(&stored).unwrap(), state);
    let lifted = SuspensionEvent::Resumed { suspected: Suspected::Account, by_operator: true };
    assert_eq!(state.lift(Suspected::Account), Some(lifted));
    assert_eq!(state.lift(Suspected::Account), None);
    assert!(!state.holds(HOME, now));
}

#[test]
fn the_specification_has_the_codes() {
    let wait = Duration::from_secs(1);
    let refused = [
        LockoutRefused::TooSoon { retry_after: wait },
        LockoutRefused::Locked { retry_after: wait },
        LockoutRefused::StrangersHeld { retry_after: wait },
    ];
    let suspension = [SuspensionRefused::NotItsOwn, SuspensionRefused::TooOften, SuspensionRefused::TooMany];
    let codes = refused.map(|r| r.dna().code).into_iter().chain(suspension.map(|r| r.dna().code));
    for code in codes.chain([LockoutUnreadable.dna().code]) {
        assert!(SPEC.contains(&format!("`{code}`")), "{code}");
    }
}
