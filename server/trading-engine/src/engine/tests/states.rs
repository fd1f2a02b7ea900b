//! Trading states per level: who is stopped by which, what survives a restart, what the audit log says, and old records.

use super::super::{Event, codec, event::StateFact, keys::Request};
use crate::{
    engine::{Answer, Input},
    error::Refusal,
    testing::{ACCOUNT, Bench, executed, keys, source},
};
use aitrading_audit::{EventKind, Field};
use aitrading_model::{AccountId, Fence, PolicyHash, SignalKind, StrategyId, Symbol, TenantId, TraceId};
use aitrading_risk::{StateScope, TradingState};
use aitrading_wire::Writer;

const TENANT: TenantId = ACCOUNT.0;

fn set(bench: &mut Bench, scope: StateScope, state: TradingState) -> Answer {
    bench.ask(|token| Input::SetState { token, scope, state, code: "OPERATOR".into(), trace: TraceId([1; 16]) })
}

fn usdjpy() -> Symbol {
    source().symbol
}

#[test]
fn each_level_stops_what_it_covers_and_nothing_else() {
    let covering = [
        StateScope::Global,
        StateScope::Tenant(TENANT),
        StateScope::Account(TENANT, ACCOUNT.1),
        StateScope::Strategy(TENANT, StrategyId(1)),
        StateScope::Symbol(TENANT, usdjpy()),
    ];
    let other = [
        StateScope::Tenant(TenantId(2)),
        StateScope::Account(TenantId(2), ACCOUNT.1),
        StateScope::Account(TENANT, AccountId(8)),
        StateScope::Strategy(TenantId(2), StrategyId(1)),
        StateScope::Strategy(TENANT, StrategyId(2)),
        StateScope::Symbol(TenantId(2), usdjpy()),
        StateScope::Symbol(TENANT, "EURUSD".parse().unwrap()),
    ];
    for (scope, stops) in covering.map(|s| (s, true)).into_iter().chain(other.map(|s| (s, false))) {
        let mut bench = Bench::ready();
        assert_eq!(set(&mut bench, scope, TradingState::Halted), Answer::Done);
        let mut again = Bench::new();
        again.engine.replay(40, &bench.events());
        again.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(crate::testing::subscription())) });
        again.open(1, 0);
        for (life, mut bench) in [("first life", bench), ("after a restart", again)] {
            bench.play(0..4);
            let denied: &[&str] = if stops { &["TRADING_HALTED"] } else { &[] };
            assert_eq!(bench.denials(), denied, "{scope:?} {life}");
            assert_eq!(bench.signals().len(), usize::from(!stops), "{scope:?} {life}");
        }
    }
}

#[test]
fn the_strictest_level_wins_until_each_is_resumed() {
    let mut bench = Bench::ready();
    set(&mut bench, StateScope::Symbol(TENANT, usdjpy()), TradingState::Halted);
    set(&mut bench, StateScope::Global, TradingState::Reducing);
    assert_eq!(bench.state(), TradingState::Halted);
    set(&mut bench, StateScope::Symbol(TENANT, usdjpy()), TradingState::Active);
    assert_eq!(bench.state(), TradingState::Reducing);
    set(&mut bench, StateScope::Global, TradingState::Active);
    assert_eq!(bench.state(), TradingState::Active);
}

#[test]
fn reducing_closes_but_does_not_turn() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let open = bench.signals()[0];
    bench.report(&executed(&open, 1, Fence(1), "161.603", 77));
    set(&mut bench, StateScope::Strategy(TENANT, StrategyId(1)), TradingState::Reducing);
    bench.play(4..5);
    let close = bench.signals()[1];
    assert_eq!(close.kind, SignalKind::Close);
    let mut report = executed(&close, 2, Fence(1), "161.570", 0);
    report.deals[0].time.0 += 60_000;
    bench.report(&report);
    assert_eq!((bench.signals().len(), bench.denials()), (2, vec!["REDUCING_ONLY".to_owned()]));
}

#[test]
fn the_audit_log_names_the_level() {
    let names = keys().pseudonyms;
    let tenant = Field::Tenant(1);
    let cases = [
        (StateScope::Global, vec![]),
        (StateScope::Tenant(TENANT), vec![tenant.clone()]),
        (StateScope::Account(TENANT, ACCOUNT.1), vec![tenant.clone(), Field::Account(names.account(ACCOUNT))]),
        (StateScope::Strategy(TENANT, StrategyId(1)), vec![tenant.clone(), Field::Strategy("ma-cross".into())]),
        (StateScope::Symbol(TENANT, usdjpy()), vec![tenant, Field::Symbol("USDJPY".into())]),
    ];
    let engine = Bench::new().engine;
    for (scope, level) in cases {
        for (state, kind) in [
            (TradingState::Halted, EventKind::TradingHalted),
            (TradingState::Reducing, EventKind::TradingHalted),
            (TradingState::Active, EventKind::TradingResumed),
        ] {
            let fact = StateFact { scope, state, code: "OPERATOR".into(), trace: TraceId([1; 16]) };
            let leaf = engine.leaf(&Event::State(fact)).unwrap();
            let mut expected = level.clone();
            expected.extend([Field::Code("OPERATOR".into()), Field::State(state.name().into())]);
            expected.sort_by_key(Field::key);
            assert_eq!((leaf.event, &leaf.public), (kind, &expected), "{scope:?}");
            let whole = aitrading_audit::Leaf {
                log_seq: 1,
                wall_ns: 0,
                boot_id: [0; 16],
                mono_ns: 0,
                entry: leaf,
                bodies: Vec::new(),
            };
            assert!(whole.encode().is_ok(), "the log takes it");
        }
    }
}

#[test]
fn operators_cannot_stop_more_levels_than_memory_is_meant_for() {
    let mut bench = Bench::ready();
    let scope = |n: u32| StateScope::Strategy(TENANT, StrategyId(n));
    for n in 0..u32::try_from(super::super::STATES_MAX).unwrap() {
        bench.engine.state.trading.set(scope(n), TradingState::Halted);
    }
    let more = set(&mut bench, scope(u32::MAX), TradingState::Halted);
    assert_eq!(more, Answer::Refused(Refusal::TooMany));
    assert_eq!(set(&mut bench, scope(5), TradingState::Reducing), Answer::Done, "what is there may change");
    assert_eq!(set(&mut bench, scope(5), TradingState::Active), Answer::Done);
    assert_eq!(set(&mut bench, scope(u32::MAX), TradingState::Halted), Answer::Done);
}

/// A record as versions before this one wrote it.
fn record(put: impl FnOnce(&mut Writer)) -> Vec<Event> {
    let mut w = Writer::default();
    w.u16(1).u64(3).u64(2).u64(9).u16(1);
    put(&mut w);
    codec::decode(&w.into_bytes()).unwrap().1
}

#[test]
fn states_of_older_records_are_read() {
    let old = |scoped: u8, state: u8| {
        record(|w| {
            w.u8(7).u8(scoped).u64(u64::from(scoped)).u64(u64::from(scoped) * 7).u8(state).text("OPERATOR");
            w.raw(&[1; 16]);
        })
    };
    let fact =
        |scope, state| vec![Event::State(StateFact { scope, state, code: "OPERATOR".into(), trace: TraceId([1; 16]) })];
    assert_eq!(old(0, 1), fact(StateScope::Global, TradingState::Reducing));
    assert_eq!(old(1, 2), fact(StateScope::Account(TENANT, ACCOUNT.1), TradingState::Halted));
}

#[test]
fn denials_of_older_records_are_read_and_keep_their_leaf() {
    for number in [2_u8, 8] {
        let events = record(|w| {
            w.u8(number).u64(1).u64(7).u32(1).text("USDJPY").u8(0).u8(0).raw(&[4; 16]).text("STALE_PRICE");
            [1_i64, 2, 3, 4, 5].into_iter().for_each(|n| {
                w.i64(n);
            });
            if number == 8 {
                w.text("tick_age_ms").u32(6).raw(&[7; 32]);
            }
        });
        let [Event::Denied(denied)] = &events[..] else { panic!("{events:?}") };
        let policy = (number == 8).then_some(PolicyHash([7; 32]));
        assert_eq!((denied.value, denied.bound, denied.units, denied.policy), (2, 3, None, policy));
        assert_eq!(denied.request, None);
        let leaf = Bench::new().engine.leaf(&events[0]).unwrap();
        let new = |field: &Field| matches!(field, Field::Limit(_) | Field::LimitsVersion(_));
        assert!(!leaf.public.iter().any(new), "recovery compares it with what was written then: {leaf:?}");
        let header = codec::Header { ticket: 3, confirmed: 2, audit_from: 9 };
        assert_eq!(codec::decode(&codec::encode(&header, &events)).unwrap().1, events);
    }
}

#[test]
fn decisions_of_older_records_are_read_with_their_key_alone() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let decided = bench.events().into_iter().find(|event| matches!(event, Event::Decided(_))).unwrap();
    let header = codec::Header { ticket: 3, confirmed: 2, audit_from: 9 };
    for request in
        [None, Some(Request { key: [5; 16], content: None }), Some(Request { key: [5; 16], content: Some([6; 32]) })]
    {
        let mut event = decided.clone();
        let Event::Decided(inner) = &mut event else { panic!("{event:?}") };
        inner.request = request;
        let bytes = codec::encode(&header, std::slice::from_ref(&event));
        let number = if request.is_some_and(|r| r.content.is_some()) { 13 } else { 1 };
        assert_eq!(bytes[28], number, "an order without content is written as before");
        assert_eq!(codec::decode(&bytes).unwrap().1, [event]);
    }
}
