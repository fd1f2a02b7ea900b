//! Why a line was refused, where, and how often.

use std::fmt;

/// Why a line was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RejectCode {
    /// Too few or too many columns.
    WrongColumns,
    /// Longer than any line of a known format.
    LineTooLong,
    /// The time cannot be read, or is no date of the calendar.
    BadTime,
    /// Before 1990, or later than the caller's bound.
    TimeImplausible,
    /// Clocks went forward over this wall-clock time.
    TimeNonexistent,
    /// Earlier than the record before it.
    TimeBackwards,
    /// Far ahead of the records before and after it.
    TimeJump,
    /// A second bar with the same start.
    Duplicate,
    /// The stamp states its zone where most do not, or the reverse, or another zone than summer time explains.
    MixedZones,
    /// Not a decimal number with at most 8 decimals.
    BadNumber,
    /// A price of zero or below.
    BadPrice,
    /// Ask below bid.
    Crossed,
    /// High and low do not enclose open and close.
    BadBar,
    /// Negative volume or last price, or a volume that is no number.
    BadVolume,
    /// Flags that are no whole number.
    BadFlags,
    /// A side is left empty as unchanged, and was never quoted before.
    NoQuoteYet,
    /// Another symbol than the first line's.
    OtherSymbol,
    /// The last record is cut off; a last line without a line end, unless it ends as those before it.
    CutOff,
}

impl RejectCode {
    /// All codes.
    pub const ALL: [Self; 18] = [
        Self::WrongColumns,
        Self::LineTooLong,
        Self::BadTime,
        Self::TimeImplausible,
        Self::TimeNonexistent,
        Self::TimeBackwards,
        Self::TimeJump,
        Self::Duplicate,
        Self::MixedZones,
        Self::BadNumber,
        Self::BadPrice,
        Self::Crossed,
        Self::BadBar,
        Self::BadVolume,
        Self::BadFlags,
        Self::NoQuoteYet,
        Self::OtherSymbol,
        Self::CutOff,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongColumns => "WRONG_COLUMNS",
            Self::LineTooLong => "LINE_TOO_LONG",
            Self::BadTime => "BAD_TIME",
            Self::TimeImplausible => "TIME_IMPLAUSIBLE",
            Self::TimeNonexistent => "TIME_NONEXISTENT",
            Self::TimeBackwards => "TIME_BACKWARDS",
            Self::TimeJump => "TIME_JUMP",
            Self::Duplicate => "DUPLICATE",
            Self::MixedZones => "MIXED_ZONES",
            Self::BadNumber => "BAD_NUMBER",
            Self::BadPrice => "BAD_PRICE",
            Self::Crossed => "CROSSED",
            Self::BadBar => "BAD_BAR",
            Self::BadVolume => "BAD_VOLUME",
            Self::BadFlags => "BAD_FLAGS",
            Self::NoQuoteYet => "NO_QUOTE_YET",
            Self::OtherSymbol => "OTHER_SYMBOL",
            Self::CutOff => "CUT_OFF",
        }
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// One refused line. Lines and columns count from 1, columns in characters; in a binary file the line is the record's number
/// and the column its byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// Line.
    pub line: u64,
    /// Where in the line the field begins that is at fault.
    pub column: u32,
    /// Why.
    pub code: RejectCode,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.code)
    }
}

/// How many lines each code refused, and the first of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejects {
    by_code: [(u64, Option<Reject>); RejectCode::ALL.len()],
}

impl Rejects {
    pub(crate) fn add(&mut self, reject: Reject) {
        if let Some((count, first)) = self.by_code.get_mut(usize::from(reject.code as u8)) {
            *count = count.saturating_add(1);
            first.get_or_insert(reject);
        }
    }

    /// Lines that `code` refused.
    #[must_use]
    pub fn count(&self, code: RejectCode) -> u64 {
        self.by_code.get(usize::from(code as u8)).map_or(0, |(count, _)| *count)
    }

    /// All refused lines.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_code.iter().fold(0, |sum, (count, _)| sum.saturating_add(*count))
    }

    /// Codes that occurred: how often, and where first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Reject)> + '_ {
        self.by_code.iter().filter_map(|(count, first)| Some((*count, (*first)?)))
    }

    /// The refused line that came first.
    #[must_use]
    pub fn first(&self) -> Option<Reject> {
        self.iter().map(|(_, reject)| reject).min_by_key(|reject| reject.line)
    }
}
