//! From bars to signals and denials.

use crate::{
    engine::{Effect, Event, Input, ManualOrder},
    testing::{ACCOUNT, Bench, SEAT, price, source, subscription},
};
use aitrading_model::{Fence, Price, Side, SignalKind, StrategyId, Timestamp, TraceId};
use aitrading_risk::{Action, Sizing, StateScope, TradingState};
use aitrading_store::{SubscriptionStatus, SymbolScope};

#[test]
fn a_crossing_gives_one_sized_and_signed_signal() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signals = bench.signals();
    assert_eq!(signals.len(), 1, "{:?}", bench.denials());
    let signal = &signals[0];
    assert_eq!((signal.side, signal.kind, signal.seq, signal.fence), (Side::Buy, SignalKind::Open, 1, Fence(1)));
    assert_eq!(signal.stop_loss, price("161.483"), "three average ranges of 40 points below the ask of 161.603");
    assert_eq!(signal.take_profit, price("161.843"));
    assert_eq!(signal.expires_at.since(signal.issued_at), 180_000_000_000);
    assert_eq!(bench.deliveries().len(), 1);
    assert_eq!(bench.reservations(), 1);
    let ring = aitrading_security::signing::KeyRing::new(crate::testing::keys().signal.verifying_key());
    let sent = &bench.deliveries()[0];
    let id = aitrading_security::signing::KeyId(sent.key_id);
    assert!(ring.verify(id, aitrading_wire::SIGNAL_DOMAIN, &sent.bytes, &sent.signature).is_ok());
    assert_eq!(aitrading_wire::decode_signal(&sent.bytes).unwrap(), *signal);
}

#[test]
fn nothing_leaves_before_the_commit_is_durable() {
    let mut bench = Bench::ready();
    bench.hold = true;
    bench.play(0..4);
    assert_eq!((bench.signals().len(), bench.deliveries().len()), (1, 0));
    let ticket = bench.seen.iter().rev().find_map(|e| match e {
        Effect::Commit { ticket, .. } => Some(*ticket),
        _ => None,
    });
    bench.put(Input::Committed { through: ticket.unwrap() });
    assert_eq!(bench.deliveries().len(), 1);
}

#[test]
fn a_failed_commit_halts_everything() {
    let mut bench = Bench::ready();
    bench.hold = true;
    bench.play(0..4);
    let effects = bench.put(Input::CommitFailed { code: "AUDIT_HALTED" });
    assert!(effects.iter().any(|e| matches!(e, Effect::Alert(alert) if alert.code == "AUDIT_HALTED")));
    bench.hold = false;
    bench.put(Input::Committed { through: 99 });
    bench.play(4..5);
    assert_eq!(bench.deliveries().len(), 0);
    assert_eq!(bench.engine.summary().2, TradingState::Halted);
    assert_eq!(bench.reservations(), 1, "its fate is unknown, so it still counts");
}

#[track_caller]
fn check_denied(code: &str, prepare: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::ready();
    prepare(&mut bench);
    bench.play(0..4);
    assert_eq!(bench.denials(), [code]);
    assert!(bench.signals().is_empty() && bench.deliveries().is_empty());
}

#[test]
fn what_is_missing_denies_with_its_code() {
    let entitle = |change: fn(&mut aitrading_store::Subscription)| {
        move |bench: &mut Bench| {
            let mut changed = subscription();
            change(&mut changed);
            bench.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(changed)) });
        }
    };
    check_denied("SESSION_DOWN", |b| drop(b.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) })));
    check_denied("ENTITLEMENT_LAPSED", entitle(|s| s.status = SubscriptionStatus::Lapsed));
    check_denied("ENTITLEMENT_SUSPENDED", entitle(|s| s.status = SubscriptionStatus::Suspended));
    check_denied("ENTITLEMENT_EXPIRED", entitle(|s| s.expires_at = Timestamp(0)));
    check_denied("ENTITLEMENT_SYMBOL", entitle(|s| s.symbols = SymbolScope::Only(Vec::new())));
    check_denied("ENTITLEMENT_AUTO_TRADING_OFF", entitle(|s| s.auto_trading = false));
    check_denied("ENTITLEMENT_ABSENT", |b| {
        b.put(Input::Entitlement { account: ACCOUNT, answer: Ok(None) });
    });
    check_denied("ENTITLEMENT_UNREADABLE", |b| {
        b.pass(61);
        b.put(Input::Entitlement { account: ACCOUNT, answer: Err(()) });
    });
    check_denied("TRADING_HALTED", |b| {
        let (scope, state) = (StateScope::Account(ACCOUNT.0, ACCOUNT.1), TradingState::Halted);
        b.ask(|token| Input::SetState { token, scope, state, code: "OPERATOR".into(), trace: TraceId([1; 16]) });
    });
}

#[test]
fn a_late_close_of_an_older_session_changes_nothing() {
    let mut bench = Bench::ready();
    bench.open(1, 0);
    bench.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) });
    bench.play(0..4);
    assert_eq!(bench.signals().len(), 1);
    assert_eq!(bench.signals()[0].fence, Fence(2));
}

#[test]
fn the_same_inputs_give_the_same_effects() {
    let run = || {
        let mut bench = Bench::ready();
        bench.play(0..5);
        let signal = bench.signals()[0];
        bench.report(&crate::testing::executed(&signal, 1, Fence(1), "161.603", 77));
        aitrading_security::sha256(format!("{:?}", bench.seen).as_bytes())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_clock_that_was_set_back_decides_nothing_until_it_has_caught_up() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    bench.report(&crate::testing::executed(&signal, 1, Fence(1), "161.603", 77));
    bench.now = Timestamp(bench.now.0 - 6_000_000_000);
    let before = bench.seen.len();
    bench.play(4..5);
    assert_eq!(bench.denials(), ["CLOCK_BEHIND"]);
    let alerts = bench.seen[before..].iter().filter(|e| matches!(e, Effect::Alert(a) if a.code == "CLOCK_SET_BACK"));
    assert_eq!(alerts.count(), 1);
    assert_eq!(bench.signals().len(), 1);
}

#[test]
fn a_clock_behind_what_was_received_decides_nothing_even_before_the_first_signal() {
    let mut bench = Bench::ready();
    bench.play(0..3);
    bench.pass(40);
    bench.put(Input::Timer);
    bench.now = Timestamp(bench.now.0 - 5_000_000_001);
    bench.play(3..4);
    assert_eq!(bench.denials(), ["CLOCK_BEHIND"]);
    assert!(bench.signals().is_empty());
}

#[test]
fn an_entitlement_that_was_read_in_the_future_does_not_count() {
    let bench = Bench::ready();
    let desk = bench.engine.desks.get(&ACCOUNT).unwrap();
    let at = |ns: i64| desk.entitlement(Timestamp(bench.now.0 - ns), (60_000_000_000, 5_000_000_000), source().symbol);
    assert_eq!(at(5_000_000_000), aitrading_risk::Entitlement::Active);
    assert_eq!(at(5_000_000_001), aitrading_risk::Entitlement::Unreadable);
}

#[test]
fn a_denial_keeps_its_limit_and_the_policy() {
    let mut bench = Bench::ready();
    bench.pass(121);
    bench.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
    bench.play(0..4);
    let denied = bench.events().into_iter().find_map(|event| match event {
        Event::Denied(denied) => Some(denied),
        _ => None,
    });
    let denied = denied.unwrap();
    assert_eq!((denied.code.as_str(), denied.limit.as_str()), ("STALE_ACCOUNT", "account_age_ms"));
    assert_eq!((denied.value, denied.bound, denied.limits_version), (121_000, 120_000, 1));
    let policy = bench.engine.config.policy;
    let leaf = bench.engine.leaf(&Event::Denied(denied)).unwrap();
    assert!(leaf.public.contains(&aitrading_audit::Field::PolicyHash(policy.0)), "{leaf:?}");
    assert!(leaf.public.contains(&aitrading_audit::Field::Value(121_000)));
    assert!(leaf.public.contains(&aitrading_audit::Field::Bound(120_000)));
    assert!(leaf.public.contains(&aitrading_audit::Field::Limit("account_age_ms".into())));
    assert!(leaf.public.contains(&aitrading_audit::Field::LimitsVersion(1)));
}

pub(super) fn manual(lots: &str, key: [u8; 16]) -> ManualOrder {
    ManualOrder {
        account: ACCOUNT,
        strategy: StrategyId(1),
        symbol: source().symbol,
        side: Side::Buy,
        action: Action::Open {
            stop_loss: price("161.400"),
            take_profit: Price::ZERO,
            sizing: Sizing::Lots(lots.parse().unwrap()),
        },
        price: price("161.603"),
        key,
        trace: TraceId([8; 16]),
    }
}
