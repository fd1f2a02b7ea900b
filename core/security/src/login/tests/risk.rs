//! What looks unusual, and what follows.

use super::super::{
    DeviceFingerprint, Network, RiskSignal, RiskSignals, RiskVerdict, SEEN_MAX, Seen, Sight, assess, observe,
};
use super::at;
use crate::Secret;
use RiskSignal::{ImpossibleClock, ManyFailures, NewDevice, NewNetwork, TooManyFailures};

fn seen(address: &str, machine: &str, seconds: i64) -> Seen {
    let device = DeviceFingerprint::of(&Secret::new([1; 32]), &[("machine", machine), ("system", "windows")]);
    Seen { network: Network::of(address.parse().unwrap()), device, device_clock: at(seconds) }
}

fn check(sight: Seen, failures: u32, signals: &[RiskSignal], verdict: RiskVerdict) {
    let earlier = [seen("192.0.2.1", "desk", 0), seen("2001:db8:1::1", "laptop", 1_000)];
    let found = observe(&earlier, &Sight { seen: sight, failures });
    assert_eq!(found, signals.iter().copied().collect::<RiskSignals>(), "{sight:?}");
    assert_eq!(assess(&found), verdict, "{found:?}");
}

#[test]
fn what_is_known_goes_on_and_what_is_new_proves_more() {
    check(seen("192.0.2.77", "desk", 1), 0, &[], RiskVerdict::Continue);
    check(seen("::ffff:192.0.2.77", "desk", 1), 0, &[], RiskVerdict::Continue);
    check(seen("2001:db8:1:99::5", "desk", 1), 4, &[], RiskVerdict::Continue);
    check(seen("198.51.100.1", "desk", 1), 0, &[NewNetwork], RiskVerdict::AskStepUp);
    check(seen("192.0.2.1", "other", 1), 0, &[NewDevice], RiskVerdict::AskStepUp);
    check(seen("198.51.100.1", "other", 1), 0, &[NewNetwork, NewDevice], RiskVerdict::AskStepUp);
    let first = observe(&[], &Sight { seen: seen("192.0.2.1", "desk", 1), failures: 0 });
    assert_eq!(first, RiskSignals::from([NewNetwork, NewDevice]), "nothing is known of a first login");
}

#[test]
fn the_newest_earlier_logins_are_looked_at() {
    let mut earlier = vec![seen("192.0.2.1", "desk", 0); SEEN_MAX];
    earlier.push(seen("198.51.100.1", "laptop", 0));
    let sight = |address, machine| Sight { seen: seen(address, machine, 1), failures: 0 };
    assert_eq!(observe(&earlier, &sight("198.51.100.1", "laptop")), RiskSignals::from([NewNetwork, NewDevice]));
    earlier.swap(0, SEEN_MAX);
    assert_eq!(observe(&earlier, &sight("198.51.100.1", "laptop")), RiskSignals::new());
}

#[test]
fn a_clock_that_cannot_be_asks_for_more_and_in_a_new_network_refuses() {
    check(seen("192.0.2.1", "desk", -600), 0, &[], RiskVerdict::Continue);
    check(seen("192.0.2.1", "desk", -601), 0, &[ImpossibleClock], RiskVerdict::AskStepUp);
    check(seen("192.0.2.1", "laptop", 399), 0, &[ImpossibleClock], RiskVerdict::AskStepUp);
    check(seen("198.51.100.1", "desk", -601), 0, &[NewNetwork, ImpossibleClock], RiskVerdict::Refuse);
}

/// Failures are those of the source: the owner on a known device is not among them, whatever strangers do.
#[test]
fn t25_failures_of_a_source_refuse_that_source() {
    check(seen("192.0.2.1", "desk", 1), 5, &[ManyFailures], RiskVerdict::AskStepUp);
    check(seen("192.0.2.1", "desk", 1), 19, &[ManyFailures], RiskVerdict::AskStepUp);
    check(seen("192.0.2.1", "desk", 1), 20, &[ManyFailures, TooManyFailures], RiskVerdict::Refuse);
    check(seen("192.0.2.1", "desk", 1), u32::MAX, &[ManyFailures, TooManyFailures], RiskVerdict::Refuse);
}

#[test]
fn a_fingerprint_is_of_all_facts_in_any_order_under_one_salt() {
    let of = |salt: u8, facts: &[(&str, &str)]| DeviceFingerprint::of(&Secret::new([salt; 32]), facts);
    let desk = of(1, &[("machine", "desk"), ("system", "windows")]);
    assert_eq!(desk, of(1, &[("system", "windows"), ("machine", "desk")]));
    assert_ne!(desk, of(2, &[("machine", "desk"), ("system", "windows")]));
    assert_ne!(desk, of(1, &[("machine", "desk")]));
    assert_ne!(of(1, &[("a", "bc")]), of(1, &[("ab", "c")]), "lengths keep neighbours apart");
    let many: Vec<(&str, &str)> = vec![("fact", "value"); 100_000];
    assert_eq!(of(1, &many), of(1, &many[..1]));
    let long = "x".repeat(1 << 20);
    assert_eq!(of(1, &[("a", &long)]), of(1, &[("a", &long[..256])]));
    assert_eq!(format!("{desk:?}").len(), "DeviceFingerprint(00000000..)".len());
}
