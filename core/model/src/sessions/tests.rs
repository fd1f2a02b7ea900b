//! Boundaries, midnight, the week's end, the step to UTC, and the same answers as a table of every second of the week.

use super::*;
use proptest::prelude::*;

const HOUR_MS: i64 = 3_600_000;
/// Sunday 1970-01-04, midnight.
const SUNDAY: i64 = 3 * DAY_MS;

fn session(from_s: u32, to_s: u32) -> Session {
    Session { from_s, to_s }
}

fn table(ahead_s: i32, days: [&[Session]; WEEKDAYS]) -> TradeSessions {
    TradeSessions::new(ahead_s, &days).unwrap()
}

#[track_caller]
fn check_open(table: &TradeSessions, cases: &[(i64, bool)]) {
    for (ms, open) in cases {
        assert_eq!(table.is_open(MarketTime(SUNDAY + ms)), *open, "{}", MarketTime(SUNDAY + ms));
    }
}

#[test]
fn a_session_begins_with_its_first_second_and_is_over_at_its_last() {
    let monday: &[Session] = &[session(3_600, 7_200), session(10_800, 10_801)];
    let at = DAY_MS;
    check_open(
        &table(0, [&[], monday, &[], &[], &[], &[], &[]]),
        &[
            (at + HOUR_MS - 1, false),
            (at + HOUR_MS, true),
            (at + 2 * HOUR_MS - 1, true),
            (at + 2 * HOUR_MS, false),
            (at + 3 * HOUR_MS, true),
            (at + 3 * HOUR_MS + 1_000, false),
            (HOUR_MS, false),
            (at + DAY_MS + HOUR_MS, false),
            (at + 7 * DAY_MS + HOUR_MS, true),
            (at - 7 * DAY_MS * 1_000 + HOUR_MS, true),
        ],
    );
}

#[test]
fn a_session_may_last_beyond_midnight_and_beyond_the_week() {
    let evening: &[Session] = &[session(79_200, 90_000)];
    let saturday = table(0, [&[], &[], &[], &[], &[], &[], evening]);
    check_open(
        &saturday,
        &[
            (6 * DAY_MS + 22 * HOUR_MS - 1, false),
            (6 * DAY_MS + 22 * HOUR_MS, true),
            (7 * DAY_MS - 1, true),
            (7 * DAY_MS, true),
            (HOUR_MS - 1, true),
            (HOUR_MS, false),
            (DAY_MS + HOUR_MS - 1, false),
        ],
    );
}

#[test]
fn the_servers_clock_decides_and_not_utc() {
    let monday: &[Session] = &[session(0, 86_400)];
    let days = [&[] as &[Session], monday, &[], &[], &[], &[], &[]];
    let at = DAY_MS;
    check_open(
        &table(7_200, days),
        &[(at - 2 * HOUR_MS, true), (at - 2 * HOUR_MS - 1, false), (at + 22 * HOUR_MS, false)],
    );
    check_open(&table(-18_000, days), &[(at, false), (at + 5 * HOUR_MS, true), (at + 29 * HOUR_MS, false)]);
    assert!(!table(7_200, [monday; WEEKDAYS]).is_open(MarketTime(i64::MAX)), "beyond all time nothing is open");
}

#[test]
fn the_next_opening_is_found_across_the_weekend() {
    let day: &[Session] = &[session(3_600, 7_200)];
    let week = table(7_200, [&[], day, &[], &[], &[], day, &[]]);
    let monday = MarketTime(SUNDAY + DAY_MS - HOUR_MS);
    for (at, next) in [
        (monday.0, monday.0),
        (monday.0 - 1, monday.0),
        (monday.0 + HOUR_MS, monday.0 + 4 * DAY_MS),
        (monday.0 + 4 * DAY_MS + HOUR_MS, monday.0 + 7 * DAY_MS),
    ] {
        assert_eq!(week.next_open(MarketTime(at)), Some(MarketTime(next)), "{}", MarketTime(at));
    }
    let once = table(0, [&[], day, &[], &[], &[], &[], &[]]);
    let over = MarketTime(SUNDAY + DAY_MS + 2 * HOUR_MS);
    assert_eq!(once.next_open(over), Some(MarketTime(over.0 - HOUR_MS + 7 * DAY_MS)));
    assert_eq!(table(0, [&[]; WEEKDAYS]).next_open(over), None);
}

#[test]
fn what_breaks_a_bound_is_no_table() {
    let check = |ahead_s: i32, monday: &[Session]| {
        assert_eq!(
            TradeSessions::new(ahead_s, &[&[], monday, &[], &[], &[], &[], &[]]),
            Err(BadSessions),
            "{monday:?}"
        );
    };
    check(0, &[session(5, 5)]);
    check(0, &[session(6, 5)]);
    check(0, &[session(86_400, 86_401)]);
    check(0, &[session(0, 172_801)]);
    check(0, &[session(0, 1); SESSIONS_PER_DAY_MAX + 1]);
    check(SERVER_AHEAD_MAX_S + SERVER_AHEAD_STEP_S, &[]);
    check(7_201, &[]);
    check(i32::MIN, &[]);
}

fn sessions() -> impl Strategy<Value = Vec<Session>> {
    let one = (0_u32..DAY_S).prop_flat_map(|from| (Just(from), from + 1..=2 * DAY_S)).prop_map(|(f, t)| session(f, t));
    prop::collection::vec(one, 0..3)
}

fn tables() -> impl Strategy<Value = TradeSessions> {
    let days = prop::array::uniform7(sessions());
    (-56_i32..=56, days).prop_map(|(step, days)| TradeSessions::new(step * SERVER_AHEAD_STEP_S, &days).unwrap())
}

/// Written differently: every session of three weeks as a span of the server's clock.
fn is_in_a_span(table: &TradeSessions, ms: i64) -> bool {
    let shown = ms + i64::from(table.server_ahead_s()) * 1_000;
    let of_week = (shown - SUNDAY).rem_euclid(7 * DAY_MS);
    let days: Vec<&[Session]> = table.days().collect();
    (-1..=1).any(|week| {
        days.iter().enumerate().any(|(n, day)| {
            let start = (week * 7 + i64::try_from(n).unwrap()) * DAY_MS;
            let span = |s: &Session| start + i64::from(s.from_s) * 1_000..start + i64::from(s.to_s) * 1_000;
            day.iter().any(|s| span(s).contains(&of_week))
        })
    })
}

proptest! {
    #[test]
    fn open_is_what_the_spans_of_the_week_say(table in tables(), ms in -4_000_000_000_000_i64..4_000_000_000_000) {
        prop_assert_eq!(table.is_open(MarketTime(ms)), is_in_a_span(&table, ms));
    }

    #[test]
    fn no_moment_before_the_next_opening_is_open(table in tables(), ms in 0_i64..4_000_000_000_000, part in 0_i64..1_000) {
        match table.next_open(MarketTime(ms)) {
            None => prop_assert!((0..7 * 24).all(|h| !table.is_open(MarketTime(ms + h * HOUR_MS)))),
            Some(next) => {
                prop_assert!(table.is_open(next) && next.0 >= ms && next.0 - ms <= 7 * DAY_MS);
                let between = ms + (next.0 - ms) * part / 1_000;
                prop_assert!(between == next.0 || !table.is_open(MarketTime(between)));
            }
        }
    }
}
