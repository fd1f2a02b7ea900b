//! Time zones of brokers and data vendors: from their wall clock to UTC and back.
//!
//! A zone with summer time changes at the instants of the region that it follows, whatever its base: a broker two hours
//! ahead "on US dates" changes when New York does. That is what "New York plus seven hours" means.

mod clock;
#[cfg(test)]
mod tests;

use crate::MarketFileError;
use crate::civil::{DAY_MS, HOUR_MS, MINUTE_MS, last_sunday, sunday};
use aitrading_model::MarketTime;
use std::{fmt, str::FromStr};

pub(crate) use clock::ZoneClock;

/// Furthest that a zone may be from UTC, in minutes.
pub const OFFSET_MAX_MIN: i16 = 15 * 60;

/// Which wall clock a file was written by. Bases are the minutes ahead of UTC in winter (standard time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// UTC.
    Utc,
    /// So many minutes ahead of UTC, all year.
    Fixed(i16),
    /// Eastern Standard Time all year, without summer time: HistData.
    Est,
    /// Summer time on European dates: last Sunday of March to last Sunday of October, 01:00 UTC.
    EuDst(i16),
    /// Summer time on dates of the USA: second Sunday of March to first Sunday of November, 02:00 in New York.
    UsDst(i16),
    /// Summer time on Sydney's dates: first Sunday of October to first Sunday of April, 02:00 standard time in Sydney.
    AuDst(i16),
}

/// What a wall-clock time is in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// One instant.
    Once(MarketTime),
    /// Clocks went back over it: two instants.
    Twice {
        /// By summer time.
        earlier: MarketTime,
        /// By standard time.
        later: MarketTime,
    },
    /// Clocks went forward over it: no instant.
    Never,
}

impl Zone {
    fn standard_min(self) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Est => -300,
            Self::Fixed(base) | Self::EuDst(base) | Self::UsDst(base) | Self::AuDst(base) => i64::from(base),
        }
    }

    /// Standard and summer offset in milliseconds; equal where there is no summer time.
    fn offsets_ms(self) -> (i64, i64) {
        let standard = self.standard_min() * MINUTE_MS;
        match self {
            Self::Utc | Self::Fixed(_) | Self::Est => (standard, standard),
            Self::EuDst(_) | Self::UsDst(_) | Self::AuDst(_) => (standard, standard + HOUR_MS),
        }
    }

    fn is_summer(self, utc: MarketTime) -> bool {
        let (year, _, _) = utc.civil_date();
        let within = |(from, to): (i64, i64)| from <= utc.0 && utc.0 < to;
        match self {
            Self::Utc | Self::Fixed(_) | Self::Est => false,
            Self::EuDst(_) => within(eu_summer(year)),
            Self::UsDst(_) => within(us_summer(year)),
            // The southern summer spans the new year, so its winter is what lies within.
            Self::AuDst(_) => !within(au_winter(year)),
        }
    }

    /// Milliseconds that the wall clock is ahead of UTC at `utc`.
    #[must_use]
    pub fn offset_ms(self, utc: MarketTime) -> i64 {
        let (standard, summer) = self.offsets_ms();
        if standard != summer && self.is_summer(utc) { summer } else { standard }
    }

    /// The wall clock at `utc`, in milliseconds as if it were UTC.
    #[must_use]
    pub fn wall(self, utc: MarketTime) -> i64 {
        utc.0.saturating_add(self.offset_ms(utc))
    }

    /// The instant or instants at which the wall clock read `wall` (milliseconds as if it were UTC).
    #[must_use]
    pub fn local(self, wall: i64) -> Local {
        let (standard, summer) = self.offsets_ms();
        let at = |offset: i64| {
            let utc = MarketTime(wall.saturating_sub(offset));
            (self.offset_ms(utc) == offset).then_some(utc)
        };
        match (at(summer), at(standard)) {
            (Some(earlier), Some(later)) if earlier != later => Local::Twice { earlier, later },
            (Some(utc), _) | (None, Some(utc)) => Local::Once(utc),
            (None, None) => Local::Never,
        }
    }
}

/// Two instants from two Sundays and their times of day in UTC.
fn span(from: i64, from_hour: i64, to: i64, to_hour: i64) -> (i64, i64) {
    let at = |day: i64, hour: i64| day.saturating_mul(DAY_MS).saturating_add(hour * HOUR_MS);
    (at(from, from_hour), at(to, to_hour))
}

fn eu_summer(year: i64) -> (i64, i64) {
    // Before 1996 central Europe ended summer in September.
    let end = if year >= 1996 { last_sunday(year, 10) } else { last_sunday(year, 9) };
    span(last_sunday(year, 3), 1, end, 1)
}

fn us_summer(year: i64) -> (i64, i64) {
    let (from, to) = match year {
        2007.. => (sunday(year, 3, 2), sunday(year, 11, 1)),
        1987.. => (sunday(year, 4, 1), last_sunday(year, 10)),
        _ => (last_sunday(year, 4), last_sunday(year, 10)),
    };
    // 02:00 in New York is 07:00 UTC by standard and 06:00 UTC by summer time.
    span(from, 7, to, 6)
}

fn au_winter(year: i64) -> (i64, i64) {
    let from = match year {
        2008.. | 2006 => sunday(year, 4, 1),
        _ => last_sunday(year, 3),
    };
    let to = match year {
        2008.. => sunday(year, 10, 1),
        // Summer began early for the Olympic Games.
        2000 => last_sunday(year, 8),
        _ => last_sunday(year, 10),
    };
    // 02:00 standard time in Sydney is 16:00 UTC on the day before.
    span(from - 1, 16, to - 1, 16)
}

impl fmt::Display for Zone {
    /// The name that [`FromStr`] reads: `utc`, `est`, `+3`, `-4:30`, `eu+2`, `us+2`, `au+10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (region, base) = match self {
            Self::Utc => return f.pad("utc"),
            Self::Est => return f.pad("est"),
            Self::Fixed(base) => ("", *base),
            Self::EuDst(base) => ("eu", *base),
            Self::UsDst(base) => ("us", *base),
            Self::AuDst(base) => ("au", *base),
        };
        let sign = if base < 0 { '-' } else { '+' };
        let (hours, minutes) = (base.unsigned_abs() / 60, base.unsigned_abs() % 60);
        match minutes {
            0 => f.pad(&format!("{region}{sign}{hours}")),
            _ => f.pad(&format!("{region}{sign}{hours}:{minutes:02}")),
        }
    }
}

impl FromStr for Zone {
    type Err = MarketFileError;

    fn from_str(name: &str) -> Result<Self, MarketFileError> {
        let zone = match name.split_at_checked(2) {
            _ if name == "utc" => Some(Self::Utc),
            _ if name == "est" => Some(Self::Est),
            Some(("eu", base)) => minutes(base).map(Self::EuDst),
            Some(("us", base)) => minutes(base).map(Self::UsDst),
            Some(("au", base)) => minutes(base).map(Self::AuDst),
            _ => minutes(name).map(Self::Fixed),
        };
        zone.ok_or(MarketFileError::UnknownZone)
    }
}

/// `+3`, `-5`, `+5:30` in minutes.
fn minutes(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i16>().ok()).flatten();
    let (hours, minutes) = (number(hours).filter(|h| *h <= 15)?, number(minutes).filter(|m| *m <= 59)?);
    let total = sign * (hours * 60 + minutes);
    (total.abs() <= OFFSET_MAX_MIN).then_some(total)
}
