//! The layouts of tick files: which there are, how each is told from the first line, and how a line is read.

use aitrading_model::{MarketTime, Price, Tick, TickFlags, Volume};
use std::{fmt, str::FromStr};

/// HistData stamps in Eastern Standard Time all year: UTC-5, without daylight saving.
const EST_MS: i64 = 5 * 3_600_000;
/// 1990-01-01: an earlier time is a unit mistaken, not a market.
const EARLIEST_MS: i64 = 631_152_000_000;

/// A layout of tick files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `YYYYMMDD HHMMSSmmm,bid,ask,volume` in Eastern Standard Time.
    HistData,
    /// `time_msc,bid,ask` in milliseconds UTC; a header is optional, further columns are ignored.
    TimeMsc,
}

/// A name that is no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown tick format; 'histdata' and 'time_msc' are known")
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "histdata" => Ok(Self::HistData),
            "time_msc" => Ok(Self::TimeMsc),
            _ => Err(UnknownFormat),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::HistData => "histdata",
            Self::TimeMsc => "time_msc",
        })
    }
}

/// Where in a line, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) column: usize,
    pub(super) what: &'static str,
    pub(super) cure: &'static str,
}

impl Format {
    /// Tells the format from a file's first line.
    pub(super) fn recognise(line: &[u8]) -> Option<Self> {
        let first = line.split(|b| *b == b',').next()?;
        let digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
        match first.split_at_checked(8) {
            _ if first == b"time_msc" => Some(Self::TimeMsc),
            Some((day, [b' ', time @ ..])) if digits(day) && digits(time) && time.len() == 9 => Some(Self::HistData),
            _ if digits(first) && first.len() >= 12 => Some(Self::TimeMsc),
            _ => None,
        }
    }

    /// Is this first line a header?
    pub(super) fn is_header(self, line: &[u8]) -> bool {
        self == Self::TimeMsc && line.starts_with(b"time_msc")
    }

    /// One line as a tick. Flags are set by whoever knows the tick before.
    pub(super) fn parse(self, line: &[u8]) -> Result<Tick, Flaw> {
        let mut fields = Fields { line, at: 0, column: 1 };
        let (column, field) = fields.next("the time is missing")?;
        let time = match self {
            Self::HistData => histdata_time(field),
            Self::TimeMsc => number(field).filter(|ms| *ms >= EARLIEST_MS),
        };
        let time = time.ok_or(Flaw {
            column,
            what: "the time cannot be read",
            cure: match self {
                Self::HistData => "'YYYYMMDD HHMMSSmmm' is expected",
                Self::TimeMsc => "milliseconds since 1970 UTC are expected, from 1990 on",
            },
        })?;
        let bid = price(fields.next("the bid is missing")?)?;
        let ask = price(fields.next("the ask is missing")?)?;
        let volume = match (self, fields.rest()) {
            (Self::HistData, Some((column, field))) => Volume::from_raw(price((column, field))?.raw()),
            _ => Volume::ZERO,
        };
        let time = MarketTime(time);
        Ok(Tick { time, bid, ask, last: Price::ZERO, volume, flags: TickFlags::default() })
    }
}

/// The header must name the columns that are read, in their order.
pub(super) fn check_header(line: &[u8]) -> Result<(), Flaw> {
    let mut fields = Fields { line, at: 0, column: 1 };
    for expected in [&b"time_msc"[..], b"bid", b"ask"] {
        let (column, field) = fields.next("a column is missing")?;
        if field != expected {
            return Err(Flaw {
                column,
                what: "the header names another column",
                cure: "'time_msc,bid,ask' must come first, in this order",
            });
        }
    }
    Ok(())
}

struct Fields<'a> {
    line: &'a [u8],
    at: usize,
    column: usize,
}

impl<'a> Fields<'a> {
    fn next(&mut self, missing: &'static str) -> Result<(usize, &'a [u8]), Flaw> {
        let cure = "each line needs its columns, separated by commas";
        self.rest().ok_or(Flaw { column: self.column, what: missing, cure })
    }

    fn rest(&mut self) -> Option<(usize, &'a [u8])> {
        let left = self.line.get(self.at..)?;
        let field = left.split(|b| *b == b',').next()?;
        let column = self.at + 1;
        self.at += field.len() + 1;
        self.column = self.at;
        Some((column, field))
    }
}

fn price((column, field): (usize, &[u8])) -> Result<Price, Flaw> {
    std::str::from_utf8(field).ok().and_then(|text| text.parse().ok()).ok_or(Flaw {
        column,
        what: "not a decimal number",
        cure: "digits with a decimal point and at most 8 decimals are expected",
    })
}

fn number(field: &[u8]) -> Option<i64> {
    if !field.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn histdata_time(field: &[u8]) -> Option<i64> {
    let part = |from: usize, to: usize| number(field.get(from..to)?);
    if field.len() != 18 || field.get(8) != Some(&b' ') {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second, ms) = (part(9, 11)?, part(11, 13)?, part(13, 15)?, part(15, 18)?);
    let days = days_from_civil(year, month, day)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let time = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + ms + EST_MS;
    (time >= EARLIEST_MS).then_some(time)
}

/// Days since 1970-01-01; `None` for a date that does not exist.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    // Counted from March, so that the leap day is the last of its year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 719_469;
    let back = MarketTime(days * 86_400_000).civil_date();
    (back.0 == year && i64::from(back.1) == month && i64::from(back.2) == day).then_some(days)
}
