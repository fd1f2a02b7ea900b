//! Delivery, expiry, reconnects, and what a strategy does next.

use super::super::{End, Event, state::Stage};
use crate::{
    engine::{Answer, Input},
    error::Refusal,
    testing::{ACCOUNT, Bench, SEAT, bar_batch, executed, not_executed, session, source, subscription},
};
use aitrading_model::{AccountState, Epoch, Fence, MarketTime, ReportState, Side, SignalKind, Timestamp};
use aitrading_risk::TradingState;

fn ends(bench: &Bench) -> Vec<End> {
    let end = |event: Event| match event {
        Event::Ended { end, .. } => Some(end),
        _ => None,
    };
    bench.events().into_iter().filter_map(end).collect()
}

#[test]
fn a_signal_that_was_not_acknowledged_is_sent_again_with_the_same_bytes() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    bench.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) });
    bench.pass(60);
    bench.open(2, 0);
    let sent = bench.deliveries();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
    let (signal, at) = (bench.signals()[0].id, bench.now);
    assert_eq!(bench.ask(|token| Input::Delivered { token, seat: SEAT, signal, at }), Answer::Done);
    bench.open(3, 1);
    assert_eq!(bench.deliveries().len(), 2, "acknowledged: not sent a third time");
    assert_eq!(bench.signals().len(), 1);
}

#[test]
fn an_expired_signal_is_never_sent_again() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    bench.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) });
    bench.pass(180);
    bench.open(2, 0);
    assert_eq!(bench.deliveries().len(), 1);
}

#[test]
fn a_signal_that_never_left_expires_and_gives_its_reservation_back() {
    let mut bench = Bench::ready();
    bench.hold = true;
    bench.play(0..4);
    bench.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) });
    bench.hold = false;
    bench.put(Input::Committed { through: 99 });
    assert_eq!(bench.stages(), [Stage::Outbox]);
    bench.pass(179);
    bench.put(Input::Timer);
    assert_eq!(bench.reservations(), 1);
    bench.pass(1);
    bench.put(Input::Timer);
    assert_eq!((ends(&bench), bench.reservations()), (vec![End::Expired], 0));
}

#[test]
fn without_a_report_in_time_the_account_gets_no_more_signals_until_the_ledger_speaks() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    bench.pass(211);
    bench.put(Input::Timer);
    assert_eq!(ends(&bench), [End::Unconfirmed]);
    assert_eq!(bench.reservations(), 1, "unknown still consumes");
    // The ledger has never seen it: it can no longer be executed.
    bench.open(2, 0);
    assert_eq!(ends(&bench), [End::Unconfirmed, End::Lost]);
    assert_eq!(bench.reservations(), 0);
}

#[test]
fn an_unconfirmed_signal_is_resolved_by_its_late_report() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    bench.pass(211);
    bench.put(Input::Timer);
    bench.open(2, 1);
    assert_eq!(bench.stages(), [Stage::Unconfirmed], "the ledger has it, so its report must come");
    assert_eq!(bench.report(&executed(&signal, 1, Fence(2), "161.603", 77)), Answer::Done);
    assert_eq!((bench.findings(), bench.reservations()), (vec![String::new()], 0));
}

#[test]
fn an_unknown_outcome_keeps_its_reservation_until_the_final_report() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    bench.report(&not_executed(&signal, 1, Fence(1), ReportState::Unknown));
    bench.pass(1_000);
    bench.put(Input::Timer);
    assert_eq!((bench.stages(), bench.reservations()), (vec![Stage::Unknown], 1));
    bench.report(&not_executed(&signal, 2, Fence(1), ReportState::NotExecuted));
    assert_eq!(bench.reservations(), 0);
}

#[test]
fn the_other_crossing_closes_first_and_then_opens_the_other_way() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let open = bench.signals()[0];
    bench.report(&executed(&open, 1, Fence(1), "161.603", 77));
    assert_eq!(bench.reservations(), 0);
    bench.play(4..5);
    let close = bench.signals()[1];
    assert_eq!((close.kind, close.side, close.position.0), (SignalKind::Close, Side::Sell, 77));
    assert_eq!(bench.signals().len(), 2, "one decision at a time");
    let mut report = executed(&close, 2, Fence(1), "161.570", 0);
    report.deals[0].time.0 += 60_000;
    bench.report(&report);
    assert_eq!(bench.findings(), ["", ""]);
    let signals = bench.signals();
    assert_eq!((signals.len(), signals[2].kind, signals[2].side), (3, SignalKind::Open, Side::Sell));
    assert_eq!(signals.iter().map(|s| s.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(signals[2].previous, signals[1].id);
}

#[test]
fn what_could_not_be_closed_is_not_turned() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let open = bench.signals()[0];
    bench.report(&executed(&open, 1, Fence(1), "161.603", 77));
    bench.play(4..5);
    let close = bench.signals()[1];
    bench.report(&not_executed(&close, 2, Fence(1), ReportState::Rejected));
    assert_eq!(bench.signals().len(), 2);
}

#[test]
fn a_source_is_settled_when_nothing_on_it_is_open() {
    let mut bench = Bench::ready();
    let settled = |token, seq| Input::Settled { token, source: source(), epoch: Epoch(1), seq };
    bench.play(0..3);
    assert_eq!(bench.try_ask(|t| settled(t, 3)), Some(Answer::Done));
    assert_eq!(bench.try_ask(|t| settled(t, 4)), None, "not there yet");
    bench.play(3..4);
    assert_eq!(bench.try_ask(|t| settled(t, 4)), None, "a decision is open");
    let signal = bench.signals()[0];
    let before = bench.seen.len();
    bench.report(&executed(&signal, 1, Fence(1), "161.603", 77));
    let done = bench.seen[before..].iter().filter(|e| matches!(e, super::super::Effect::Reply { .. }));
    assert_eq!(done.count(), 3, "the report and both waiters");
}

#[test]
fn a_wish_behind_an_outcome_that_nobody_knows_is_denied_and_holds_nothing_up() {
    let unknown = |bench: &mut Bench| {
        let report = not_executed(&bench.signals()[0], 1, Fence(1), ReportState::Unknown);
        bench.report(&report);
    };
    let unconfirmed = |bench: &mut Bench| {
        bench.pass(211);
        bench.put(Input::Timer);
    };
    for (stage, prepare) in [(Stage::Unknown, unknown as fn(&mut Bench)), (Stage::Unconfirmed, unconfirmed)] {
        let mut bench = Bench::ready();
        bench.play(0..4);
        prepare(&mut bench);
        assert_eq!(bench.stages(), [stage]);
        bench.play(4..5);
        assert_eq!(bench.denials(), ["UNRESOLVED_OUTCOME"]);
        let settled = |token| Input::Settled { token, source: source(), epoch: Epoch(1), seq: 5 };
        assert_eq!(bench.try_ask(settled), Some(Answer::Done));
    }
}

fn not_delivered(bench: &mut Bench, kept: bool) {
    let signal = bench.signals()[0].id;
    bench.put(Input::NotDelivered { seat: SEAT, signal, kept });
}

#[test]
fn what_the_bridge_did_not_take_is_tried_again_and_not_overtaken() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    not_delivered(&mut bench, true);
    assert_eq!(bench.stages(), [Stage::Outbox]);
    let order = super::deciding::manual("0.01", bench.fresh_key());
    let answer = bench.ask(|token| Input::Manual { token, order: Box::new(order) });
    assert!(matches!(answer, Answer::Issued(_)), "{answer:?}");
    assert_eq!(bench.deliveries().len(), 1, "the later signal waits behind it");
    bench.put(Input::Timer);
    let seqs = bench.deliveries().into_iter().map(|e| aitrading_wire::decode_signal(&e.bytes).unwrap().seq);
    assert_eq!(seqs.collect::<Vec<_>>(), [1, 1, 2]);
    bench.put(Input::Timer);
    assert_eq!(bench.deliveries().len(), 3, "taken: not sent again");
}

#[test]
fn only_what_certainly_never_left_goes_back_to_the_outbox() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    not_delivered(&mut bench, false);
    assert_eq!(bench.stages(), [Stage::Sent], "a timeout tells nothing");
    let mut bench = Bench::ready();
    bench.play(0..4);
    bench.open(2, 0);
    not_delivered(&mut bench, true);
    assert_eq!(bench.stages(), [Stage::Sent], "the first session may have taken it");
    bench.pass(211);
    bench.put(Input::Timer);
    assert_eq!(ends(&bench), [End::Unconfirmed]);
}

#[test]
fn an_older_ledger_is_quarantined() {
    let mut bench = Bench::ready();
    bench.open(5, 0);
    assert_eq!(bench.open(4, 0), Answer::Refused(Refusal::LedgerRollback));
    let state = bench.state();
    assert_eq!(state, TradingState::Halted);
}

#[test]
fn a_ledger_that_forgot_what_it_acknowledged_is_quarantined() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let (signal, at) = (bench.signals()[0].id, bench.now);
    bench.ask(|token| Input::Delivered { token, seat: SEAT, signal, at });
    assert_eq!(bench.open(9, 0), Answer::Refused(Refusal::LedgerRollback));
}

#[test]
fn replay_gives_the_same_memory() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let open = bench.signals()[0];
    bench.report(&executed(&open, 1, Fence(1), "161.603", 77));
    bench.play(4..5);
    let mut again = Bench::new();
    again.engine.replay(40, &bench.events());
    assert_eq!(again.reservations(), 1);
    assert_eq!(again.stages(), [Stage::Sent]);
    again
        .put(Input::Entitlement { account: crate::testing::ACCOUNT, answer: Ok(Some(crate::testing::subscription())) });
    let Answer::Grant(grant) = again.open(1, 1) else { panic!("granted") };
    assert_eq!((grant.fence, grant.last_report_seq), (Fence(2), 1));
    assert_eq!(again.deliveries(), bench.deliveries()[1..], "the same bytes");
}

/// The engine after a restart, `after_ns` after the report that opened ticket 77 came; `snapshot` opens its session.
fn restarted(after_ns: i64, snapshot: impl FnOnce(&mut AccountState)) -> Bench {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let open = bench.signals()[0];
    bench.report(&executed(&open, 1, Fence(1), "161.603", 77));
    let mut again = Bench::new();
    again.now = Timestamp(bench.now.0 + after_ns);
    again.engine.replay(40, &bench.events());
    again.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
    let mut session = session(1, 1, again.now);
    snapshot(&mut session.state);
    let answer = again.ask(|token| Input::SessionOpened { token, session: Box::new(session) });
    let Answer::Grant(grant) = answer else { panic!("granted: {answer:?}") };
    again.put(Input::SessionReady { seat: SEAT, fence: grant.fence });
    for (n, close) in (0..).zip(["161.600", "161.610", "161.620", "161.600"]) {
        let batch = bar_batch(n, close, again.now);
        again.put(Input::Feed(batch));
    }
    again
}

#[test]
fn a_position_that_was_closed_while_everything_was_down_is_not_closed_again() {
    let bench = restarted(1_000_000_000, |state| state.time = MarketTime(0));
    assert_eq!(bench.denials(), [""; 0]);
    let signals: Vec<_> = bench.signals().iter().map(|s| (s.kind, s.side)).collect();
    assert_eq!(signals, [(SignalKind::Open, Side::Sell)]);
}

#[test]
fn a_position_that_a_snapshot_cannot_know_yet_is_kept() {
    type Snapshot = fn(&mut AccountState);
    let cases: [(&str, i64, Snapshot); 3] = [
        ("its report came just now", 499_999_999, |state| state.time = MarketTime(0)),
        ("the terminal is not connected", 1_000_000_000, |state| {
            (state.time, state.permissions.terminal_connected) = (MarketTime(0), false);
        }),
        ("the snapshot is of before", 1_000_000_000, |state| state.time = MarketTime(1)),
    ];
    for (name, after_ns, snapshot) in cases {
        let bench = restarted(after_ns, snapshot);
        assert_eq!(bench.engine.state.books[&ACCOUNT].held.len(), 1, "{name}");
        assert_eq!(bench.denials().len(), 1, "{name}: closing what is not listed is denied");
        assert!(bench.signals().is_empty(), "{name}");
    }
}
