//! Made weeks of known zones: what can be told, and what cannot.

use super::{Verdict, WeeklyCloses};
use crate::Zone;
use crate::civil::{DAY_MS, HOUR_MS, day_number, weekday};
use crate::zone::Local;
use aitrading_model::MarketTime;

/// Hourly bars of a market that opens on Sunday and closes on Friday at 17:00 in New York, by the clock of `zone`.
fn weeks_of(zone: Zone, from: (i64, i64, i64), weeks: i64) -> WeeklyCloses {
    let new_york = Zone::UsDst(-300);
    let first = day_number(from.0, from.1, from.2).unwrap();
    let mut closes = WeeklyCloses::bars(HOUR_MS);
    for day in first..first + 7 * weeks {
        for hour in 0..24 {
            let open = match weekday(day) {
                0 => hour >= 17,
                5 => hour < 17,
                6 => false,
                _ => true,
            };
            if let (true, Local::Once(utc)) = (open, new_york.local(day * DAY_MS + hour * HOUR_MS)) {
                closes.see(MarketTime(zone.wall(utc)));
            }
        }
    }
    closes
}

#[test]
fn a_year_tells_every_zone_from_all_others() {
    let zones = [
        Zone::EuDst(120),
        Zone::UsDst(120),
        Zone::AuDst(600),
        Zone::Fixed(180),
        Zone::Fixed(345),
        Zone::Fixed(-720),
        Zone::Fixed(840),
        Zone::Utc,
        Zone::Est,
        Zone::UsDst(-300),
        Zone::EuDst(0),
    ];
    for zone in zones {
        let inference = weeks_of(zone, (2018, 1, 1), 56).infer();
        assert_eq!(inference.verdict, Verdict::Certain(zone), "{inference:?}");
        assert_eq!((inference.weeks, inference.fits[0].weeks), (56, 56), "{zone}");
    }
}

#[test]
fn a_summer_alone_fits_four_rules() {
    let inference = weeks_of(Zone::EuDst(120), (2019, 5, 1), 16).infer();
    let four = vec![Zone::EuDst(120), Zone::UsDst(120), Zone::AuDst(180), Zone::Fixed(180)];
    assert_eq!(inference.verdict, Verdict::Ambiguous(four));
}

#[test]
fn nothing_is_said_without_weekly_closes() {
    assert_eq!(WeeklyCloses::ticks().infer().verdict, Verdict::Unknown);
    assert_eq!(weeks_of(Zone::EuDst(120), (2019, 5, 1), 2).infer().verdict, Verdict::Unknown);
}

#[test]
fn a_market_that_never_closes_tells_nothing() {
    let mut closes = WeeklyCloses::bars(HOUR_MS);
    for hour in 0..24 * 365 {
        closes.see(MarketTime(1_546_300_800_000 + hour * HOUR_MS));
    }
    let inference = closes.infer();
    assert_eq!(inference.verdict, Verdict::Unknown);
    assert!(inference.open_weekends >= 50, "{inference:?}");
}

#[test]
fn weeks_that_end_at_any_time_are_no_evidence() {
    let mut closes = WeeklyCloses::bars(HOUR_MS);
    let friday = day_number(2018, 1, 5).unwrap() * DAY_MS;
    for week in 0..30 {
        // Seven hours of Friday in turn: no zone explains more than a few of the weeks.
        closes.see(MarketTime(friday + week * 7 * DAY_MS + (14 + week % 7) * HOUR_MS));
    }
    let inference = closes.infer();
    assert_eq!((inference.verdict, inference.weeks), (Verdict::Unknown, 29));
    assert!(inference.fits[0].weeks < 15, "{:?}", inference.fits);
}

#[test]
fn no_time_is_beyond_the_arithmetic() {
    let mut closes = WeeklyCloses::ticks();
    for time in [i64::MIN, -1, 0, i64::MAX] {
        closes.see(MarketTime(time));
    }
    assert_eq!(closes.infer().verdict, Verdict::Unknown);
}
