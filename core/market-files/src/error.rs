//! Why a whole file is refused, or cannot be written. Single bad lines are [`crate::Reject`]s.

use crate::{Format, RejectCode};
use aitrading_error::{Category, Coded, Dna, FaultSide};
use aitrading_model::MarketTime;

/// A file's refusal. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketFileError {
    /// Nothing but bad lines at the beginning, or altogether.
    #[error(
        "the file's first {lines} lines are no good as {format}: line {line}, column {column}: {code}; name the right format, or repair the \
         file"
    )]
    WrongFormat {
        /// As which it was read.
        format: Format,
        /// Lines that were read.
        lines: u64,
        /// The first of them.
        line: u64,
        /// Where in it.
        column: u32,
        /// Why it is refused.
        code: RejectCode,
    },
    /// Newest first, or unsorted.
    #[error("the file's times go backwards from line {line} on; sort it by time, oldest first")]
    NotAscending {
        /// First line that is earlier than the one before.
        line: u64,
    },
    /// The header does not name what the format needs.
    #[error("line {line}, column {column}: the header of {format} {what}; export it again, or name the right format")]
    Header {
        /// As which it was read.
        format: Format,
        /// Line.
        line: u64,
        /// Column.
        column: u32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Neither the format nor the file says which wall clock the times follow.
    #[error(
        "a {format} file does not say which time zone its times follow; name the zone, or have it inferred from a year of bars"
    )]
    ZoneNeeded {
        /// Format.
        format: Format,
    },
    /// A setting that this format cannot do without.
    #[error("a {format} file cannot be read without {what}; set it")]
    SettingNeeded {
        /// Format.
        format: Format,
        /// The setting.
        what: &'static str,
    },
    /// A setting out of range.
    #[error("{what} is out of range; at most {max} is possible")]
    SettingRange {
        /// The setting.
        what: &'static str,
        /// Its bound.
        max: u8,
    },
    /// No records and no bad lines.
    #[error("the file holds no records; choose another one")]
    Empty,
    /// No known format.
    #[error("the file's beginning fits no known format; name its format if it is one of: {}", names(&Format::ALL))]
    Unrecognised,
    /// More than one format fits.
    #[error("the file's beginning fits more than one format; name the right one of: {}", names(.candidates))]
    Ambiguous {
        /// Those that fit.
        candidates: Vec<Format>,
    },
    /// A compressed file that is too large before or after decompression.
    #[error("the compressed file exceeds {max} bytes {when}; an hour of ticks is far smaller: is it the right file?")]
    TooLarge {
        /// The limit.
        max: usize,
        /// `packed` or `unpacked`.
        when: &'static str,
    },
    /// A compressed file that cannot be decompressed.
    #[error("the compressed file is damaged or cut off; download it again")]
    Damaged,
    /// A path that is not `SYMBOL/YYYY/MM/DD/HHh_ticks.bi5`.
    #[error(
        "the path does not end in SYMBOL/YYYY/MM/DD/HHh_ticks.bi5 (months from 00); keep the vendor's folders, or name the hour"
    )]
    Bi5Path,
    /// A record that a reader of this format would refuse, or read as another.
    #[error(
        "the record of {time} cannot be written ({code}); filter such records, or write times in a zone without summer time"
    )]
    NotWritable {
        /// Its time.
        time: MarketTime,
        /// What the reader would say.
        code: RejectCode,
    },
    /// A name that is no format.
    #[error("unknown format; known are: {}", names(&Format::ALL))]
    UnknownFormat,
    /// A name that is no zone.
    #[error("unknown zone; use utc, est, +3, -4:30, or eu, us, au and the winter offset as in eu+2")]
    UnknownZone,
}

fn names(formats: &[Format]) -> String {
    let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    names.join(", ")
}

impl Coded for MarketFileError {
    fn dna(&self) -> Dna {
        let dna = |code| Dna::new("market-files", code, Category::Input).side(FaultSide::Caller);
        match self {
            Self::WrongFormat { .. } => dna("MARKET_FILE_WRONG_FORMAT"),
            Self::NotAscending { .. } => dna("MARKET_FILE_NOT_ASCENDING"),
            Self::Header { .. } => dna("MARKET_FILE_HEADER"),
            Self::ZoneNeeded { .. } => dna("MARKET_FILE_ZONE_NEEDED"),
            Self::SettingNeeded { .. } => dna("MARKET_FILE_SETTING_NEEDED"),
            Self::SettingRange { .. } => dna("MARKET_FILE_SETTING_RANGE"),
            Self::Empty => dna("MARKET_FILE_EMPTY"),
            Self::Unrecognised => dna("MARKET_FILE_UNRECOGNISED"),
            Self::Ambiguous { .. } => dna("MARKET_FILE_AMBIGUOUS"),
            Self::TooLarge { .. } => dna("MARKET_FILE_TOO_LARGE"),
            Self::Damaged => dna("MARKET_FILE_DAMAGED"),
            Self::Bi5Path => dna("MARKET_FILE_BI5_PATH"),
            Self::NotWritable { .. } => dna("MARKET_FILE_NOT_WRITABLE"),
            Self::UnknownFormat => dna("MARKET_FILE_UNKNOWN_FORMAT"),
            Self::UnknownZone => dna("MARKET_FILE_UNKNOWN_ZONE"),
        }
    }
}
