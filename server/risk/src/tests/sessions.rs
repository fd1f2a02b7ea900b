//! Control 5's "session open": by the broker's clock, at the market time of now, for opening and closing alike.

use super::{NOW, World, world};
use crate::{Denied, DenyCode, KeyState};
use aitrading_model::{MarketTime, Session, Timestamp, TradeSessions};
use std::time::Duration;

/// Friday 2012-12-07, 22:00 UTC: midnight on the broker's clock, and the end of its week.
const WEEK_END: i64 = 1_354_917_600_000;
/// Monday's first moment there.
const WEEK_START: i64 = WEEK_END + 2 * 86_400_000;

/// A candidate that was decided when the market stood at `market`, and that much later is checked.
fn at(market: i64, later: Duration) -> World {
    let mut world = world();
    world.market = MarketTime(market);
    world.now = NOW.plus(later);
    world.candidate.decided_at = NOW;
    world
}

fn code(world: &World) -> Option<DenyCode> {
    world.check().err().map(|denied: Denied| denied.code)
}

#[test]
fn denies_while_the_symbols_session_is_closed_and_passes_while_it_is_open() {
    for (market, expected) in [
        (WEEK_END - 3_600_000, None),
        (WEEK_END + 3_600_000, Some(DenyCode::SessionClosed)),
        (WEEK_START - 3_600_000, Some(DenyCode::SessionClosed)),
        (WEEK_START + 3_600_000, None),
    ] {
        assert_eq!(code(&at(market, Duration::ZERO)), expected, "{}", MarketTime(market));
    }
}

#[test]
fn denies_closing_a_position_too_as_the_broker_would_refuse_it() {
    for (market, expected) in [(WEEK_END - 1, None), (WEEK_END, Some(DenyCode::SessionClosed))] {
        let mut world = at(market, Duration::ZERO);
        world.close();
        assert_eq!(code(&world), expected);
    }
}

#[test]
fn denies_when_the_session_ended_since_the_last_quote() {
    let silent = |ms| code(&at(WEEK_END - 10_000, Duration::from_millis(ms)));
    assert_eq!(silent(9_999), None);
    assert_eq!(silent(10_000), Some(DenyCode::SessionClosed), "a market that fell silent goes on by the clock");
    let mut opens = at(WEEK_START - 10_000, Duration::from_secs(10));
    assert_eq!(code(&opens), None, "and opens by the clock");
    opens.now = Timestamp(opens.now.0 - 1);
    assert_eq!(code(&opens), Some(DenyCode::SessionClosed), "a nanosecond too early is closed");
}

#[test]
fn boundary_the_first_millisecond_is_open_and_the_last_is_closed() {
    for (market, expected) in [
        (WEEK_END - 1, None),
        (WEEK_END, Some(DenyCode::SessionClosed)),
        (WEEK_START - 1, Some(DenyCode::SessionClosed)),
        (WEEK_START, None),
    ] {
        assert_eq!(code(&at(market, Duration::ZERO)), expected, "{}", MarketTime(market));
    }
}

#[test]
fn boundary_the_brokers_clock_decides_and_not_utc() {
    // Open on the broker's Friday until 20:00; the market stands at Friday 18:30 UTC.
    let friday = [Session { from_s: 0, to_s: 72_000 }];
    for (ahead_s, expected) in [(0, None), (3_600, None), (7_200, Some(DenyCode::SessionClosed)), (-18_000, None)] {
        let mut world = at(WEEK_END - 12_600_000, Duration::ZERO);
        let days = [&[] as &[Session], &[], &[], &[], &[], &friday, &[]];
        world.spec_mut().sessions = Some(TradeSessions::new(ahead_s, &days).unwrap());
        assert_eq!(code(&world), expected, "{ahead_s} s ahead of UTC");
    }
}

#[test]
fn boundary_a_quote_stamped_a_little_after_now_counts_as_new() {
    let mut world = at(WEEK_END - 1, Duration::ZERO);
    world.quote.as_mut().unwrap().at = NOW.plus(Duration::from_secs(1));
    assert_eq!(code(&world), None, "a slewed clock does not turn the market back");
    world.market = MarketTime(WEEK_END);
    assert_eq!(code(&world), Some(DenyCode::SessionClosed));
}

#[test]
fn absence_of_sessions_denies_opening_and_closing() {
    let mut world = at(WEEK_START + 1, Duration::ZERO);
    world.spec_mut().sessions = None;
    assert_eq!(code(&world), Some(DenyCode::SessionUnknown));
    world.close();
    assert_eq!(code(&world), Some(DenyCode::SessionUnknown));
}

#[test]
fn absence_of_every_session_is_closed_at_all_times() {
    let none: [&[Session]; 7] = [&[]; 7];
    let mut world = at(WEEK_START + 1, Duration::ZERO);
    world.spec_mut().sessions = Some(TradeSessions::new(0, &none).unwrap());
    assert_eq!(code(&world), Some(DenyCode::SessionClosed));
}

#[test]
fn boundary_the_session_comes_after_the_brokers_modes_and_before_size() {
    let mut world = at(WEEK_END, Duration::ZERO);
    world.key = KeyState::Reused;
    assert_eq!(code(&world), Some(DenyCode::SessionClosed));
    world.spec_mut().order_mode = 0;
    assert_eq!(code(&world), Some(DenyCode::OrderMode));
}
