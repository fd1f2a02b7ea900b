//! Dates and times of day as the formats spell them, read from bytes.

use crate::civil::{DAY_MS, HOUR_MS, MINUTE_MS, day_number};
use crate::number::whole;
use aitrading_model::MarketTime;

/// Fewest digits of a time in milliseconds: fewer would be seconds, or before 1990.
const EPOCH_DIGITS: usize = 12;

/// How a format writes date and time in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StampStyle {
    /// `20120201 000000123`, milliseconds optional.
    Compact,
    /// `20120103 00:00:00.123`.
    TrueFx,
    /// `03.01.2012 00:00:00.123`, or the year first; ` GMT+0100` may follow.
    Dukascopy,
    /// Milliseconds since 1970, or ISO 8601 with or without an offset.
    Csv,
}

/// Stated offsets of one place differ by no more than this: summer time.
const SUMMER_MIN: u64 = 60;

/// What a stamp says about its own zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stated {
    /// Nothing: wall clock of whoever wrote the file.
    #[default]
    Nothing,
    /// Milliseconds since 1970, so by definition UTC.
    Epoch,
    /// Minutes ahead of UTC.
    Offset(i64),
}

impl Stated {
    /// May both be of one file?
    pub(crate) fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Offset(one), Self::Offset(other)) => one.abs_diff(other) <= SUMMER_MIN,
            (one, other) => one == other,
        }
    }
}

/// A stamp as written: wall clock in milliseconds as if it were UTC, and what it states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    pub(crate) wall: i64,
    pub(crate) stated: Stated,
}

/// Reads a time as CSV files have it: milliseconds since 1970, or ISO 8601, which is UTC where it states no offset.
#[must_use]
pub fn parse_time(text: &str) -> Option<MarketTime> {
    let Stamp { wall, stated } = stamp(StampStyle::Csv, text.as_bytes())?;
    match stated {
        Stated::Offset(minutes) => Some(MarketTime(wall - minutes * MINUTE_MS)),
        Stated::Nothing | Stated::Epoch => Some(MarketTime(wall)),
    }
}

pub(crate) fn stamp(style: StampStyle, field: &[u8]) -> Option<Stamp> {
    let mut cut = Cut(field);
    let (wall, stated) = match style {
        StampStyle::Compact => (cut.compact()?, Stated::Nothing),
        StampStyle::TrueFx => {
            let day = cut.day_packed()?;
            cut.mark(b' ')?;
            (day + cut.time(true)?, Stated::Nothing)
        }
        StampStyle::Dukascopy => cut.dukascopy()?,
        StampStyle::Csv => cut.csv()?,
    };
    cut.0.is_empty().then_some(Stamp { wall, stated })
}

/// `2022.11.10` in milliseconds.
pub(crate) fn dotted_date(field: &[u8]) -> Option<i64> {
    let mut cut = Cut(field);
    let day = cut.day_year_first(b'.')?;
    cut.0.is_empty().then_some(day)
}

/// `15:00:00.017`, `15:00:00` or `15:00` in milliseconds.
pub(crate) fn time_of_day(field: &[u8]) -> Option<i64> {
    let mut cut = Cut(field);
    let time = cut.time(false)?;
    cut.0.is_empty().then_some(time)
}

/// What is left of a field.
struct Cut<'a>(&'a [u8]);

impl Cut<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        whole(digits)
    }

    fn mark(&mut self, mark: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (*first == mark).then_some(())
    }

    fn at(&self, index: usize) -> u8 {
        self.0.get(index).copied().unwrap_or_default()
    }

    fn day_packed(&mut self) -> Option<i64> {
        let (year, month, day) = (self.digits(4)?, self.digits(2)?, self.digits(2)?);
        Some(day_number(year, month, day)? * DAY_MS)
    }

    fn day_year_first(&mut self, mark: u8) -> Option<i64> {
        let year = self.digits(4)?;
        self.mark(mark)?;
        let month = self.digits(2)?;
        self.mark(mark)?;
        Some(day_number(year, month, self.digits(2)?)? * DAY_MS)
    }

    fn day_first(&mut self) -> Option<i64> {
        let day = self.digits(2)?;
        self.mark(b'.')?;
        let month = self.digits(2)?;
        self.mark(b'.')?;
        Some(day_number(self.digits(4)?, month, day)? * DAY_MS)
    }

    fn compact(&mut self) -> Option<i64> {
        let day = self.day_packed()?;
        self.mark(b' ')?;
        let (hour, minute, second) = (self.digits(2)?, self.digits(2)?, self.digits(2)?);
        let ms = if self.0.is_empty() { 0 } else { self.digits(3)? };
        Some(day + clock(hour, minute, second)? + ms)
    }

    /// `HH:MM[:SS[.fraction]]`.
    fn time(&mut self, seconds_needed: bool) -> Option<i64> {
        let hour = self.digits(2)?;
        self.mark(b':')?;
        let minute = self.digits(2)?;
        if self.at(0) != b':' {
            return if seconds_needed { None } else { clock(hour, minute, 0) };
        }
        self.mark(b':')?;
        let time = clock(hour, minute, self.digits(2)?)?;
        if self.at(0) != b'.' {
            return Some(time);
        }
        self.mark(b'.')?;
        Some(time + self.fraction()?)
    }

    /// One to nine digits behind the point, cut to milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        let len = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 || len > 9 {
            return None;
        }
        let ms = self.digits(len.min(3))?;
        self.digits(len - len.min(3)).or((len <= 3).then_some(0))?;
        Some(match len {
            1 => ms * 100,
            2 => ms * 10,
            _ => ms,
        })
    }

    fn dukascopy(&mut self) -> Option<(i64, Stated)> {
        let day = if self.at(2) == b'.' { self.day_first()? } else { self.day_year_first(b'.')? };
        self.mark(b' ')?;
        let wall = day + self.time(true)?;
        let Some(offset) = self.0.strip_prefix(b" GMT") else { return Some((wall, Stated::Nothing)) };
        self.0 = offset;
        let minutes = if self.0.is_empty() { 0 } else { self.offset()? };
        Some((wall, Stated::Offset(minutes)))
    }

    fn csv(&mut self) -> Option<(i64, Stated)> {
        if self.0.len() >= EPOCH_DIGITS && self.at(4).is_ascii_digit() {
            return Some((self.digits(self.0.len())?, Stated::Epoch));
        }
        let day = self.day_year_first(b'-')?;
        if self.0.is_empty() {
            return Some((day, Stated::Nothing));
        }
        if self.at(0) == b'T' {
            self.mark(b'T')?
        } else {
            self.mark(b' ')?
        }
        let wall = day + self.time(false)?;
        let stated = match self.0 {
            [] => Stated::Nothing,
            b"Z" => {
                self.mark(b'Z')?;
                Stated::Offset(0)
            }
            _ => Stated::Offset(self.offset()?),
        };
        Some((wall, stated))
    }

    /// `+0100`, `+01:00` or `+01`, in minutes.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.at(0) {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.digits_after_sign(sign)
    }

    fn digits_after_sign(&mut self, sign: i64) -> Option<i64> {
        self.0 = self.0.get(1..)?;
        let hours = self.digits(2)?;
        if self.at(0) == b':' {
            self.mark(b':')?;
        }
        let minutes = if self.0.is_empty() { 0 } else { self.digits(2)? };
        (hours <= 15 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
    }
}

fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let real = hour <= 23 && minute <= 59 && second <= 59;
    real.then_some(hour * HOUR_MS + minute * MINUTE_MS + second * 1_000)
}
