//! Unix nanoseconds as RFC 3339 text, without asking anyone.

const NS_PER_US: i64 = 1000;
const US_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// `2026-01-31T23:59:59.000123Z`.
pub(crate) fn rfc3339(wall_ns: i64) -> String {
    let us = wall_ns.div_euclid(NS_PER_US);
    let (seconds, us) = (us.div_euclid(US_PER_SECOND), us.rem_euclid(US_PER_SECOND));
    let (day, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = civil(day);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{us:06}Z")
}

/// Year, month and day of a day since 1970-01-01. Years are counted from March, so that the leap day is the last one, in
/// eras of 400 years, which all have the same number of days.
fn civil(day: i64) -> (i64, i64, i64) {
    let from_era_start = day + 719_468;
    let (era, day_of_era) = (from_era_start.div_euclid(146_097), from_era_start.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
