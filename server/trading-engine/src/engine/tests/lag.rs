//! Old market data: a backlog that comes just now is no reason to trade.

use super::super::lag::UsualLag;
use crate::{
    EngineSettings,
    engine::Input,
    testing::{ACCOUNT, Bench, SEAT, account, bar_batch, settings, subscription},
};
use aitrading_model::{MarketTime, Timestamp};

const MS: i64 = 1_000_000;

/// A live desk: market time counts.
fn live() -> Bench {
    Bench::with(EngineSettings { replayed_feeds: false, ..settings() }).entitled()
}

/// Bar `n` of the crossing, closed by a tick that comes `late` milliseconds after it was stamped by a clock that is `offset` off.
fn bar(bench: &mut Bench, n: u32, close: &str, offset: i64, late: i64) {
    let mut batch = bar_batch(n, close, bench.now);
    let time = batch.ticks[0].time;
    bench.now = bench.now.max(Timestamp((time.0 + offset + late) * MS));
    batch.received = Timestamp((time.0 + offset + late) * MS);
    bench.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
    let state = Box::new(aitrading_model::AccountState { time: MarketTime(time.0 - 60_000), ..account() });
    bench.put(Input::Account { seat: SEAT, state, at: batch.received });
    bench.put(Input::Feed(batch));
}

/// The crossing on a feed whose last bar comes `late`; years between the clocks make no difference.
#[track_caller]
fn check(late: i64, denied: &[&str]) {
    let mut bench = live();
    let offset = bench.now.0 / MS - bar_batch(0, "161.600", bench.now).ticks[0].time.0 + 1_000;
    for (n, close) in (0..3).zip(["161.600", "161.590", "161.580"]) {
        bar(&mut bench, n, close, offset, 40);
    }
    bar(&mut bench, 3, "161.600", offset, 40 + late);
    assert_eq!(bench.denials(), denied, "{late} ms late");
    assert_eq!(bench.signals().len(), usize::from(denied.is_empty()), "{late} ms late");
}

#[test]
fn a_quote_that_was_old_when_it_came_is_denied_although_it_came_just_now() {
    check(0, &[]);
    check(5_000, &[]);
    check(5_001, &["STALE_MARKET"]);
    check(59_000, &["STALE_MARKET"]);
}

#[test]
fn after_a_restart_the_snapshot_tells_that_the_first_ticks_are_old() {
    for (snapshot_lag, denied) in [(0, vec!["STALE_MARKET".to_owned()]), (600_000, vec![])] {
        let mut bench = live();
        // The outage lasted ten minutes: what the client kept comes at once, and its account is of now.
        let last = bar_batch(3, "161.600", bench.now).ticks[0].time;
        let state =
            Box::new(aitrading_model::AccountState { time: MarketTime(last.0 + 600_000 - snapshot_lag), ..account() });
        let at = bench.now;
        bench.put(Input::Account { seat: SEAT, state, at });
        bench.play(0..4);
        assert_eq!(bench.denials(), denied, "snapshot {snapshot_lag} ms behind the market");
    }
}

#[test]
fn history_that_is_declared_as_replayed_may_stand_still() {
    for (replayed, denied) in [(true, vec![]), (false, vec!["STALE_MARKET".to_owned()])] {
        let mut bench = Bench::with(EngineSettings { replayed_feeds: replayed, ..settings() }).entitled();
        bench.play(0..3);
        // The next minute of the market takes a minute and a half.
        bench.pass(90);
        bench.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
        bench.play(3..4);
        assert_eq!(bench.denials(), denied, "replayed: {replayed}; nobody guesses it");
        assert_eq!(bench.signals().len(), usize::from(replayed));
    }
}

#[test]
fn the_smallest_lag_of_the_last_hours_is_the_usual_one() {
    let hour = 3_600_000 * MS;
    let mut usual = UsualLag::default();
    assert_eq!(usual.behind_ms(7), 0, "nothing is known");
    usual.hear(-500 * MS, Timestamp(hour));
    usual.hear(900 * MS, Timestamp(hour + 1));
    assert_eq!((usual.behind_ms(-500 * MS), usual.behind_ms(-500 * MS + 1), usual.behind_ms(500 * MS)), (0, 1, 1_000));
    usual.hear(1_000 * MS, Timestamp(2 * hour));
    assert_eq!(usual.behind_ms(1_000 * MS), 1_500, "an hour ago still counts");
    usual.hear(1_000 * MS, Timestamp(3 * hour));
    assert_eq!(usual.behind_ms(1_000 * MS), 0, "a clock that was corrected counts anew");
    usual.hear(0, Timestamp(4 * hour));
    usual.hear(2_000 * MS, Timestamp(9 * hour));
    assert_eq!(usual.behind_ms(2_000 * MS), 0, "so does everything after a long silence");
    usual.hear(i64::MIN, Timestamp(9 * hour));
    assert!(usual.behind_ms(i64::MAX) > 0);
}
