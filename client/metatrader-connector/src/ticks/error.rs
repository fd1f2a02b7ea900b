//! What can be wrong with a tick file.

use aitrading_error::{Category, Coded, Dna, FaultSide};
use std::{io, path::PathBuf};

/// Why a tick file cannot be used. Lines and columns count from 1, columns in bytes.
#[derive(Debug, thiserror::Error)]
pub enum TickFileError {
    /// The file cannot be opened or read.
    #[error("tick file {path:?} cannot be read; check the path and its permissions")]
    Io {
        /// File.
        path: PathBuf,
        /// As the operating system says.
        #[source]
        source: io::Error,
    },
    /// A field is not what its format wants.
    #[error("{path:?}, line {line}, column {column}: {what}; {cure}")]
    Malformed {
        /// File.
        path: PathBuf,
        /// Line.
        line: u64,
        /// Column where the field begins.
        column: usize,
        /// What is wrong.
        what: &'static str,
        /// What to do.
        cure: &'static str,
    },
    /// The first line belongs to no known format.
    #[error(
        "{path:?}, line {line}, column 1: not a known tick format; 'YYYYMMDD HHMMSSmmm,bid,ask,volume' (histdata) and 'time_msc,bid,ask' \
         (time_msc) are read, and can be named with --format"
    )]
    Unrecognised {
        /// File.
        path: PathBuf,
        /// Line.
        line: u64,
    },
    /// No ticks in it.
    #[error("tick file {path:?} holds no ticks; choose another file")]
    Empty {
        /// File.
        path: PathBuf,
    },
    /// Too many ticks for one history.
    #[error("tick file {path:?} holds more than {max} ticks; split it by month")]
    TooManyRows {
        /// File.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
}

impl Coded for TickFileError {
    fn dna(&self) -> Dna {
        let dna = |code| Dna::new("metatrader-connector", code, Category::Input).side(FaultSide::Caller);
        match self {
            Self::Io { .. } => dna("TICK_FILE_IO"),
            Self::Malformed { .. } => dna("TICK_FILE_MALFORMED"),
            Self::Unrecognised { .. } => dna("TICK_FILE_UNRECOGNISED"),
            Self::Empty { .. } => dna("TICK_FILE_EMPTY"),
            Self::TooManyRows { .. } => dna("TICK_FILE_TOO_LONG"),
        }
    }
}
