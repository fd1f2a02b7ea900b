//! Reports that lie, and reports that come twice.

use crate::{
    engine::{Answer, Effect, Input, StoredTicks},
    error::Refusal,
    testing::{Bench, SEAT, executed, price, signed},
};
use aitrading_model::{
    DeviceId, Fence, MarketTime, PositionTicket, Price, Report, ReportState, SignalId, Tick, TickFlags, TraceId, Volume,
};
use aitrading_risk::TradingState;

#[track_caller]
fn check_finding(expected: &str, change: impl FnOnce(&mut Report)) {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    let mut report = executed(&signal, 1, Fence(1), "161.603", 77);
    change(&mut report);
    assert_eq!(bench.report(&report), Answer::Done, "audited, so the client may drop it");
    assert_eq!(bench.findings(), [expected]);
    let halted = bench.state() == TradingState::Halted;
    assert_eq!(halted, !expected.is_empty(), "an anomaly suspends the account");
}

#[test]
fn an_honest_report_passes() {
    check_finding("", |_| {});
}

#[test]
fn a_report_that_does_not_fit_suspends_the_account() {
    check_finding("WRONG_VOLUME", |r| r.volume = "0.01".parse().unwrap());
    check_finding("WRONG_VOLUME", |r| {
        r.volume = "80".parse().unwrap();
        r.deals[0].volume = r.volume;
    });
    check_finding("WRONG_VOLUME", |r| {
        r.volume = Volume::ZERO;
        r.deals.clear();
    });
    let at = |r: &mut Report, p: &str| (r.price, r.deals[0].price) = (price(p), price(p));
    check_finding("PRICE_OUT_OF_BOUNDS", |r| at(r, "162.000"));
    check_finding("WRONG_AVERAGE", |r| r.price = price("161.600"));
    check_finding("WRONG_MAGIC", |r| r.deals[0].magic ^= 1);
    check_finding("WRONG_SIDE", |r| r.deals[0].side = r.deals[0].side.opposite());
    check_finding("WRONG_POSITION", |r| r.deals[0].position = PositionTicket(0));
    check_finding("WRONG_ORDER", |r| r.order.0 += 1);
    check_finding("WRONG_FENCE", |r| r.fence = Fence(2));
    check_finding("WRONG_FENCE", |r| r.fence = Fence(0));
    check_finding("WRONG_TRACE", |r| r.trace = TraceId([0; 16]));
    check_finding("UNKNOWN_SIGNAL", |r| r.signal = SignalId([7; 16]));
    check_finding("LATE_EXECUTION", |r| r.times.order_send.0 += 180_000_000_001);
    check_finding("", |r| r.times.order_send.0 += 180_000_000_000);
    check_finding("EARLY_EXECUTION", |r| r.times.order_send.0 = 0);
    check_finding("DEALS_WITHOUT_EXECUTION", |r| r.state = ReportState::Refused);
}

#[test]
fn a_price_that_was_not_quoted_suspends_the_account_once_the_market_has_passed_it() {
    for wrong in ["161.604", "161.579"] {
        let mut bench = Bench::ready();
        bench.play(0..5);
        let mut report = executed(&bench.signals()[0], 1, Fence(1), wrong, 77);
        report.price = price(wrong);
        assert_eq!(bench.report(&report), Answer::Done);
        assert_eq!(bench.findings(), ["PRICE_NOT_QUOTED"]);
        assert_eq!(bench.state(), TradingState::Halted);
    }
}

#[test]
fn a_report_of_another_device_or_with_a_bad_signature_is_refused() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let report = executed(&bench.signals()[0], 1, Fence(1), "161.603", 77);
    let at = bench.now;
    let other = aitrading_wire::services::Seat { device: DeviceId([1; 16]), ..SEAT };
    let envelope = signed(&report);
    let refused = bench.ask(|token| Input::Report { token, seat: other, envelope, at });
    assert_eq!(refused, Answer::Refused(Refusal::Fenced));
    let foreign = signed(&Report { device: DeviceId([1; 16]), ..report.clone() });
    let refused = bench.ask(|token| Input::Report { token, seat: SEAT, envelope: foreign, at });
    assert_eq!(refused, Answer::Refused(Refusal::BadReport));
    let mut bad = signed(&report);
    bad.signature[5] ^= 1;
    let refused = bench.ask(|token| Input::Report { token, seat: SEAT, envelope: bad, at });
    assert_eq!(refused, Answer::Refused(Refusal::BadSignature));
    assert_eq!(bench.state(), TradingState::Halted);
    assert_eq!(bench.reservations(), 1);
}

#[test]
fn a_report_that_comes_twice_changes_nothing() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let report = executed(&bench.signals()[0], 1, Fence(1), "161.603", 77);
    bench.report(&report);
    let events = bench.events().len();
    assert_eq!(bench.report(&report), Answer::Done);
    assert_eq!(bench.events().len(), events);
}

#[test]
fn a_repeated_report_waits_for_the_first_ones_commit() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let report = executed(&bench.signals()[0], 1, Fence(1), "161.603", 77);
    bench.hold = true;
    let (envelope, at) = (signed(&report), bench.now);
    let again = envelope.clone();
    assert_eq!(bench.try_ask(|token| Input::Report { token, seat: SEAT, envelope, at }), None);
    assert_eq!(bench.try_ask(|token| Input::Report { token, seat: SEAT, envelope: again, at }), None);
    let effects = bench.put(Input::Committed { through: 99 });
    assert_eq!(effects.iter().filter(|e| matches!(e, Effect::Reply { answer: Answer::Done, .. })).count(), 2);
}

#[test]
fn another_report_under_a_used_number_is_an_anomaly() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let report = executed(&bench.signals()[0], 1, Fence(1), "161.603", 77);
    bench.report(&report);
    bench.report(&Report { retcode: aitrading_model::Retcode::REJECT, ..report });
    assert_eq!(bench.findings(), ["", "REPORT_REUSED"]);
}

#[test]
fn an_outcome_cannot_be_changed_afterwards() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    bench.report(&executed(&signal, 1, Fence(1), "161.603", 77));
    bench.report(&crate::testing::not_executed(&signal, 2, Fence(1), ReportState::Rejected));
    assert_eq!(bench.findings(), ["", "CONFLICTING_OUTCOME"]);
}

#[test]
fn ticks_that_memory_no_longer_holds_come_from_the_store() {
    let stored = |time: i64| Tick {
        time: MarketTime(time),
        bid: price("161.600"),
        ask: price("161.603"),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    };
    let cases = [
        (Some((vec![], true)), "UNVERIFIABLE", false),
        (Some((vec![], false)), "", true),
        (None, "", true),
        (Some((vec![0], true)), "", false),
        (Some((vec![0], false)), "", false),
    ];
    for (found, finding, waits) in cases {
        let mut bench = Bench::ready();
        bench.play(0..4);
        let mut report = executed(&bench.signals()[0], 1, Fence(1), "161.603", 77);
        report.deals[0].time.0 -= 86_400_000;
        let time = report.deals[0].time.0;
        let (envelope, at) = (signed(&report), bench.now);
        let effects = bench.put(Input::Report { token: 70, seat: SEAT, envelope, at });
        assert!(matches!(effects[..], [Effect::LookupTicks { token: 70, .. }]), "{effects:?}");
        let ticks = |t: Vec<i64>| t.iter().map(|_| stored(time - 1_000)).collect();
        let stored = found.map(|(t, complete)| StoredTicks { ticks: ticks(t), complete });
        bench.put(Input::Ticks { token: 70, stored });
        assert_eq!(bench.findings(), [finding]);
        assert_eq!(!bench.engine.state.judging.is_empty(), waits, "what may wait in the journal still counts");
    }
}
