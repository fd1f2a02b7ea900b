//! Calendar arithmetic: day numbers, weekdays, and the Sundays on which clocks change.

pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const MINUTE_MS: i64 = 60_000;

/// Days since 1970-01-01; `None` for a date that does not exist.
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let real = (1..=12).contains(&month) && day >= 1 && day <= month_days(year, month);
    real.then(|| count(year, month, day))
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years are counted from March, so that the leap day is the last of its year.
fn count(year: i64, month: i64, day: i64) -> i64 {
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 719_469
}

/// 0 is Sunday.
pub(crate) fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// Day number of the month's `n`th Sunday, counted from 1.
pub(crate) fn sunday(year: i64, month: i64, n: i64) -> i64 {
    let first = count(year, month, 1);
    first + (7 - weekday(first)) % 7 + 7 * (n - 1)
}

/// Day number of the month's last Sunday.
pub(crate) fn last_sunday(year: i64, month: i64) -> i64 {
    let last = count(year, month, month_days(year, month));
    last - weekday(last)
}
