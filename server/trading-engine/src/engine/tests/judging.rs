//! Reports that overtake their own tick: honest ones go through, lies are still found out.

use crate::{
    engine::{Answer, Effect, Event, Input, StoredTicks},
    testing::{Bench, SEAT, bar_batch, executed, price, source},
};
use aitrading_audit::EventKind;
use aitrading_model::{Epoch, Fence, MarketTime, Price, Report, Tick, TickFlags, Volume};
use aitrading_risk::TradingState;

/// The ask of a tick that the engine has not seen when the report comes.
const FILL: &str = "161.610";

/// After the report of an execution at a tick a quarter of a second ahead of the feed.
fn overtaken() -> (Bench, Report) {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let mut report = executed(&bench.signals()[0], 1, Fence(1), FILL, 77);
    report.deals[0].time.0 += 250;
    assert_eq!(bench.report(&report), Answer::Done, "durable and audited: acknowledged at once");
    assert_eq!(bench.findings(), [""]);
    assert_eq!(bench.state(), TradingState::Active);
    (bench, report)
}

fn tick(time: MarketTime, ask: &str) -> Tick {
    let bid = price(ask).checked_sub(price("0.003")).unwrap();
    Tick { time, bid, ask: price(ask), last: Price::ZERO, volume: Volume::ZERO, flags: TickFlags::BID }
}

fn feed(bench: &mut Bench, tick: Tick) {
    let mut batch = bar_batch(4, "161.600", bench.now);
    (batch.ticks, batch.bars) = ([tick].into(), Vec::new());
    bench.put(Input::Feed(batch));
}

fn leaves(bench: &Bench, kind: EventKind) -> usize {
    let leaves = bench.seen.iter().filter_map(|effect| match effect {
        Effect::Commit { leaves, .. } => Some(leaves),
        _ => None,
    });
    leaves.flatten().filter(|leaf| leaf.event == kind).count()
}

#[track_caller]
fn check_judged(bench: &Bench, finding: &str) {
    assert_eq!(bench.findings(), ["", finding]);
    let halted = bench.state() == TradingState::Halted;
    assert_eq!((halted, bench.engine.halted() == 1), (!finding.is_empty(), !finding.is_empty()));
    assert_eq!(leaves(bench, EventKind::ReportAccepted), 1);
    assert_eq!(leaves(bench, EventKind::ReportAnomaly), usize::from(!finding.is_empty()));
    assert!(bench.engine.state.judging.is_empty());
}

#[test]
fn an_honest_report_that_overtakes_its_tick_is_borne_out_by_it() {
    let (mut bench, report) = overtaken();
    feed(&mut bench, tick(report.deals[0].time, FILL));
    check_judged(&bench, "");
    bench.pass(10);
    bench.put(Input::Timer);
    check_judged(&bench, "");
}

#[test]
fn a_lie_is_found_out_when_the_market_has_passed_it() {
    let (mut bench, report) = overtaken();
    let at = |ms| MarketTime(report.deals[0].time.0 + ms);
    feed(&mut bench, tick(at(2_000), "161.604"));
    assert_eq!(bench.findings(), [""], "its window is still open");
    feed(&mut bench, tick(at(2_001), FILL));
    check_judged(&bench, "PRICE_NOT_QUOTED");
}

#[test]
fn a_market_that_stands_still_is_not_held_up_and_ends_the_wait() {
    let (mut bench, _) = overtaken();
    let settled = |token| Input::Settled { token, source: source(), epoch: Epoch(1), seq: 4 };
    assert_eq!(bench.try_ask(settled), Some(Answer::Done), "the next tick may come");
    bench.pass(59);
    bench.put(Input::Timer);
    assert_eq!(bench.findings(), [""]);
    bench.pass(1);
    bench.put(Input::Timer);
    check_judged(&bench, "PRICE_NOT_QUOTED");
}

#[test]
fn while_nobody_can_send_ticks_nobody_is_judged_for_their_absence() {
    let (mut bench, _) = overtaken();
    bench.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) });
    bench.pass(3_600);
    bench.put(Input::Timer);
    assert_eq!(bench.findings(), [""], "an hour's outage");
    bench.open(2, 1);
    bench.pass(59);
    bench.put(Input::Timer);
    assert_eq!(bench.findings(), [""], "the outbox still drains");
    bench.pass(1);
    bench.put(Input::Timer);
    check_judged(&bench, "PRICE_NOT_QUOTED");
}

#[test]
fn who_stays_away_is_judged_after_a_day() {
    let (mut bench, _) = overtaken();
    bench.put(Input::SessionClosed { seat: SEAT, fence: Fence(1) });
    bench.pass(86_399);
    bench.put(Input::Timer);
    assert_eq!(bench.findings(), [""]);
    bench.pass(1);
    bench.put(Input::Timer);
    check_judged(&bench, "PRICE_NOT_QUOTED");
}

#[test]
fn after_a_restart_stored_ticks_decide() {
    for (stored, finding) in [(vec![FILL], ""), (vec!["161.604"], "PRICE_NOT_QUOTED"), (vec![], "UNVERIFIABLE")] {
        let (before, report) = overtaken();
        let mut bench = Bench::new();
        bench.engine.replay(40, &before.events());
        bench.seen.clone_from(&before.seen);
        bench.open(2, 1);
        bench.pass(60);
        let effects = bench.put(Input::Timer);
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::LookupTicks { token, .. } => Some(*token),
            _ => None,
        });
        let token = asked.expect("memory is empty, so the store is asked");
        assert!(!bench.put(Input::Timer).iter().any(|e| matches!(e, Effect::LookupTicks { .. })), "once");
        let ticks = stored.into_iter().map(|ask| tick(report.deals[0].time, ask)).collect();
        // Nothing is stored from behind the deal: the market stands still.
        bench.put(Input::Ticks { token, stored: Some(StoredTicks { ticks, complete: false }) });
        check_judged(&bench, finding);
    }
}

#[test]
fn nobody_is_judged_for_a_store_that_cannot_be_read_for_less_than_a_day() {
    let (before, _) = overtaken();
    let mut bench = Bench::new();
    bench.engine.replay(40, &before.events());
    bench.seen.clone_from(&before.seen);
    bench.open(2, 1);
    let mut ask = |seconds| {
        bench.pass(seconds);
        let effects = bench.put(Input::Timer);
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::LookupTicks { token, .. } => Some(*token),
            _ => None,
        });
        bench.put(Input::Ticks { token: asked.expect("asked again"), stored: None });
        bench.findings()
    };
    assert_eq!(ask(60), [""]);
    assert_eq!(ask(86_300), [""]);
    assert_eq!(ask(40), ["", "UNVERIFIABLE"], "absence denies in the end");
}

#[test]
fn a_store_that_is_behind_its_journal_is_asked_until_it_has_caught_up() {
    for (ask, finding) in [(FILL, ""), ("161.604", "PRICE_NOT_QUOTED")] {
        let (before, report) = overtaken();
        let mut bench = Bench::new();
        bench.engine.replay(40, &before.events());
        bench.seen.clone_from(&before.seen);
        bench.open(2, 1);
        let beyond = |ms| tick(MarketTime(report.deals[0].time.0 + ms), "161.604");
        feed(&mut bench, beyond(9_000));
        let token = |effects: &[Effect]| {
            effects.iter().find_map(|effect| match effect {
                Effect::LookupTicks { token, .. } => Some(*token),
                _ => None,
            })
        };
        let asked = token(&bench.seen).expect("the market has passed, but memory began after the deal");
        bench.put(Input::Ticks { token: asked, stored: Some(StoredTicks { ticks: Vec::new(), complete: false }) });
        assert_eq!(bench.findings(), [""], "its ticks wait in the journal");
        let seen = bench.seen.len();
        feed(&mut bench, beyond(9_001));
        assert_eq!(token(&bench.seen[seen..]), None, "not with every batch");
        let asked = token(&bench.put(Input::Timer)).expect("with the timer");
        bench.put(Input::Ticks { token: asked, stored: None });
        assert_eq!(bench.findings(), [""], "nor when it cannot be read");
        let asked = token(&bench.put(Input::Timer)).expect("with the timer");
        let ticks = vec![tick(report.deals[0].time, ask)];
        bench.put(Input::Ticks { token: asked, stored: Some(StoredTicks { ticks, complete: true }) });
        check_judged(&bench, finding);
    }
}

#[test]
fn a_provisional_report_and_its_judgement_are_read_back_as_they_were_written() {
    let (mut bench, report) = overtaken();
    feed(&mut bench, tick(MarketTime(report.deals[0].time.0 + 9_000), "161.604"));
    let events = bench.events();
    assert!(events.iter().any(|e| matches!(e, Event::Reported(r) if r.provisional)));
    let header = super::codec::Header::default();
    assert_eq!(super::codec::decode(&super::codec::encode(&header, &events)), Ok((header, events)));
}
