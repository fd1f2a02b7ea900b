//! Both transitions of each rule, to the millisecond, and what lies around them.

use super::{Local, Zone, ZoneClock};
use crate::RejectCode;
use crate::civil::{DAY_MS, HOUR_MS, MINUTE_MS, day_number};
use aitrading_model::MarketTime;
use proptest::prelude::*;

fn at(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
    day_number(year, month, day).unwrap() * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS
}

/// The clock goes from `before` to `after` minutes ahead of UTC at `utc`.
fn check_transition(zone: Zone, utc: i64, before: i64, after: i64) {
    assert_eq!(zone.offset_ms(MarketTime(utc - 1)), before * MINUTE_MS, "{zone}: the last millisecond before");
    assert_eq!(zone.offset_ms(MarketTime(utc)), after * MINUTE_MS, "{zone}: the first millisecond after");
    let (low, high) = (utc + before.min(after) * MINUTE_MS, utc + before.max(after) * MINUTE_MS);
    let last_before = Local::Once(MarketTime(low - 1 - before * MINUTE_MS));
    let first_after = Local::Once(MarketTime(high - after * MINUTE_MS));
    assert_eq!(zone.local(low - 1), last_before, "{zone}: before the change");
    assert_eq!(zone.local(high), first_after, "{zone}: after the change");
    for wall in [low, high - 1] {
        let changed = if before < after {
            Local::Never
        } else {
            Local::Twice { earlier: MarketTime(wall - before * MINUTE_MS), later: MarketTime(wall - after * MINUTE_MS) }
        };
        assert_eq!(zone.local(wall), changed, "{zone}: within the change");
    }
}

#[test]
fn both_transitions_of_each_rule_are_exact() {
    check_transition(Zone::EuDst(120), at(2019, 3, 31, 1, 0), 120, 180);
    check_transition(Zone::EuDst(120), at(2019, 10, 27, 1, 0), 180, 120);
    check_transition(Zone::EuDst(0), at(2012, 3, 25, 1, 0), 0, 60);
    check_transition(Zone::EuDst(120), at(1995, 9, 24, 1, 0), 180, 120);
    check_transition(Zone::UsDst(120), at(2019, 3, 10, 7, 0), 120, 180);
    check_transition(Zone::UsDst(120), at(2019, 11, 3, 6, 0), 180, 120);
    check_transition(Zone::UsDst(-300), at(2006, 4, 2, 7, 0), -300, -240);
    check_transition(Zone::UsDst(-300), at(2006, 10, 29, 6, 0), -240, -300);
    check_transition(Zone::UsDst(-300), at(2007, 3, 11, 7, 0), -300, -240);
    check_transition(Zone::AuDst(600), at(2019, 4, 6, 16, 0), 660, 600);
    check_transition(Zone::AuDst(600), at(2019, 10, 5, 16, 0), 600, 660);
    check_transition(Zone::AuDst(570), at(2019, 10, 5, 16, 0), 570, 630);
    check_transition(Zone::AuDst(600), at(2006, 4, 1, 16, 0), 660, 600);
    check_transition(Zone::AuDst(600), at(2000, 8, 26, 16, 0), 600, 660);
}

#[test]
fn zones_without_summer_time_keep_their_distance() {
    for (zone, minutes) in [(Zone::Utc, 0), (Zone::Est, -300), (Zone::Fixed(345), 345)] {
        for utc in [at(2019, 1, 15, 12, 0), at(2019, 7, 15, 12, 0)] {
            assert_eq!(zone.offset_ms(MarketTime(utc)), minutes * MINUTE_MS, "{zone}");
            assert_eq!(zone.local(utc + minutes * MINUTE_MS), Local::Once(MarketTime(utc)), "{zone}");
        }
    }
}

#[test]
fn a_time_shown_twice_is_the_earlier_one_until_records_have_passed_it() {
    let mut clock = ZoneClock::new(Zone::EuDst(120));
    // 27 October 2019, 03:30 by the broker's clock: 00:30 UTC by summer time, 01:30 by winter time.
    let (wall, earlier, later) = (at(2019, 10, 27, 3, 30), at(2019, 10, 27, 0, 30), at(2019, 10, 27, 1, 30));
    let cases = [(None, earlier), (Some(earlier), earlier), (Some(earlier + 1), later), (Some(later), later)];
    for (floor, expected) in cases {
        let read = clock.read(wall, floor.map(MarketTime)).unwrap();
        assert_eq!((read.utc.0, read.twice), (expected, true), "floor {floor:?}");
    }
    assert_eq!(clock.read(at(2019, 3, 31, 3, 30), None), Err(RejectCode::TimeNonexistent));
}

#[test]
fn names_of_zones_are_read_back() {
    let cases = [
        ("utc", Zone::Utc),
        ("est", Zone::Est),
        ("+3", Zone::Fixed(180)),
        ("-4:30", Zone::Fixed(-270)),
        ("eu+2", Zone::EuDst(120)),
        ("us-5", Zone::UsDst(-300)),
        ("au+9:30", Zone::AuDst(570)),
        ("eu+0", Zone::EuDst(0)),
    ];
    for (name, zone) in cases {
        assert_eq!(name.parse(), Ok(zone));
        assert_eq!(zone.to_string(), name);
    }
    for name in ["", "eu", "eu2", "+16", "+15:01", "+3:60", "gmt", "+-3", "UTC"] {
        assert!(name.parse::<Zone>().is_err(), "{name}");
    }
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let base = -900_i16..=900;
    prop_oneof![
        Just(Zone::Utc),
        Just(Zone::Est),
        base.clone().prop_map(Zone::Fixed),
        base.clone().prop_map(Zone::EuDst),
        base.clone().prop_map(Zone::UsDst),
        base.prop_map(Zone::AuDst),
    ]
}

proptest! {
    #[test]
    fn every_instant_is_found_again_by_its_wall_clock(zone in any_zone(), utc in 631_152_000_000_i64..4_102_444_800_000) {
        let utc = MarketTime(utc);
        let found = match zone.local(zone.wall(utc)) {
            Local::Once(once) => once == utc,
            Local::Twice { earlier, later } => earlier == utc || later == utc,
            Local::Never => false,
        };
        prop_assert!(found);
    }

    #[test]
    fn the_remembered_day_says_what_the_rule_says(zone in any_zone(), from in 631_152_000_000_i64..4_102_444_800_000,
                                                   steps in prop::collection::vec(0_i64..40 * HOUR_MS, 1..40)) {
        let mut clock = ZoneClock::new(zone);
        let mut wall = from;
        for step in steps {
            wall += step;
            let said = clock.read(wall, None).map(|read| read.utc);
            let rule = match zone.local(wall) {
                Local::Once(utc) | Local::Twice { earlier: utc, .. } => Ok(utc),
                Local::Never => Err(RejectCode::TimeNonexistent),
            };
            prop_assert_eq!(said, rule);
        }
    }

    #[test]
    fn no_time_is_beyond_the_arithmetic(zone in any_zone(), time in any::<i64>()) {
        prop_assert!(zone.offset_ms(MarketTime(time)).abs() <= 16 * HOUR_MS);
        prop_assert_eq!(zone.local(time) == Local::Never, ZoneClock::new(zone).read(time, None).is_err());
    }
}
