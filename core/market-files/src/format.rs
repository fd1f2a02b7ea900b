//! The formats: which there are, what each holds, and what each knows about its time zone.

use crate::{MarketFileError, Zone};
use std::{fmt, str::FromStr};

/// A layout of market-data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Ticks exported by MetaTrader 5, in the broker's server time.
    Mt5Ticks,
    /// Bars exported by MetaTrader 5, in the broker's server time.
    Mt5Bars,
    /// HistData ASCII ticks, in Eastern Standard Time all year.
    HistDataTicks,
    /// HistData ASCII one-minute bars, in Eastern Standard Time all year.
    HistDataBars,
    /// Ticks downloaded from Dukascopy as CSV, ask before bid.
    DukascopyTicks,
    /// Bars downloaded from Dukascopy as CSV.
    DukascopyBars,
    /// One hour of Dukascopy ticks, compressed.
    Bi5,
    /// TrueFX ticks, in UTC.
    TrueFx,
    /// CSV ticks with a header, time in milliseconds since 1970 UTC or ISO 8601: our own layout and its relatives.
    CsvTicks,
    /// CSV bars with a header, times as in `CsvTicks`.
    CsvBars,
}

/// What a format holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// Ticks.
    Ticks,
    /// Bars.
    Bars,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 10] = [
        Self::Mt5Ticks,
        Self::Mt5Bars,
        Self::HistDataTicks,
        Self::HistDataBars,
        Self::DukascopyTicks,
        Self::DukascopyBars,
        Self::Bi5,
        Self::TrueFx,
        Self::CsvTicks,
        Self::CsvBars,
    ];

    /// The name that [`FromStr`] reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mt5Ticks => "mt5-ticks",
            Self::Mt5Bars => "mt5-bars",
            Self::HistDataTicks => "histdata-ticks",
            Self::HistDataBars => "histdata-bars",
            Self::DukascopyTicks => "dukascopy-ticks",
            Self::DukascopyBars => "dukascopy-bars",
            Self::Bi5 => "bi5",
            Self::TrueFx => "truefx",
            Self::CsvTicks => "csv-ticks",
            Self::CsvBars => "csv-bars",
        }
    }

    /// Ticks or bars.
    #[must_use]
    pub const fn content(self) -> Content {
        match self {
            Self::Mt5Bars | Self::HistDataBars | Self::DukascopyBars | Self::CsvBars => Content::Bars,
            _ => Content::Ticks,
        }
    }

    /// The zone of stamps that state none; `None` if the format does not fix it and the caller must say.
    #[must_use]
    pub const fn zone(self) -> Option<Zone> {
        match self {
            Self::HistDataTicks | Self::HistDataBars => Some(Zone::Est),
            Self::DukascopyTicks | Self::DukascopyBars | Self::Bi5 | Self::TrueFx => Some(Zone::Utc),
            Self::Mt5Ticks | Self::Mt5Bars | Self::CsvTicks | Self::CsvBars => None,
        }
    }

    /// May bid and ask both be 0 ("the book is empty")? Terminals say so; vendors' files only do by mistake.
    pub(crate) const fn knows_empty_books(self) -> bool {
        matches!(self, Self::Mt5Ticks | Self::CsvTicks)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = MarketFileError;

    fn from_str(name: &str) -> Result<Self, MarketFileError> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(MarketFileError::UnknownFormat)
    }
}
