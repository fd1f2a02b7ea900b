//! Two clocks: the market's and the receiver's. They never mix, so they are two types.

use std::fmt;

/// Receive time: nanoseconds since 1970-01-01 UTC by our own clock. Drives freshness, expiry and deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Market time: milliseconds since 1970-01-01 UTC as the tick source stamped it. Drives bars, sessions and plausibility. A source
/// that stamps by another clock, as MetaTrader does by its trade server's, translates before it sends; the step between both comes
/// with the symbol's [`crate::TradeSessions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct MarketTime(pub i64);

impl Timestamp {
    /// `self + duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Nanoseconds from `earlier` to `self`; negative if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl MarketTime {
    /// Milliseconds from `earlier` to `self`; negative if `earlier` is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Days since 1970-01-01 UTC, for partitioning.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// `(year, month, day)` of this time in UTC (proleptic Gregorian).
    #[must_use]
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "bounded: the day number of an i64 of milliseconds is below 2^38"
    )]
    pub const fn civil_date(self) -> (i64, u8, u8) {
        // Days are counted from 0000-03-01 in eras of 400 years, so that the leap day is the last of its year.
        let days = self.day() + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month as u8, day as u8)
    }
}

impl fmt::Display for MarketTime {
    /// ISO 8601 in UTC with milliseconds: `2012-12-03T15:14:56.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil_date();
        let ms = self.0.rem_euclid(86_400_000);
        let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = MarketTime(self.0.div_euclid(1_000_000)).to_string();
        write!(f, "{}{:03}Z", shown.trim_end_matches('Z'), self.0.rem_euclid(1_000_000) / 1_000)
    }
}
