//! Everything that can go wrong with a journal.

use crate::Position;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why the journal refused or failed. Cheap to clone: one failed sync answers many waiting appends.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// A file operation failed outside the append path.
    #[error("the journal could not {action} {path:?}; check that the directory exists and belongs to this user")]
    Io {
        /// What was tried: `open`, `read`, ...
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// As the operating system says.
        #[source]
        source: Arc<io::Error>,
    },
    /// A write or sync failed: what is on the medium is unknown until the journal is opened anew.
    #[error("the journal is halted: the disk failed a write or sync; check the disk, then start again to verify")]
    Halted {
        /// The failure that halted it.
        #[source]
        source: Arc<io::Error>,
    },
    /// No space. Nothing of the record was kept; appends work again when space returns.
    #[error("the journal's disk is full; free space, appends then work again by themselves")]
    Full,
    /// The queue is full and the caller did not want to wait.
    #[error("the journal's queue is full; wait for earlier records to become durable")]
    Busy,
    /// The journal was shut down.
    #[error("the journal is closed")]
    Closed,
    /// The record exceeds the setting.
    #[error("a record of {len} bytes exceeds the journal's limit of {max}; split it")]
    TooLarge {
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// Acknowledged bytes are no longer what was written.
    #[error("journal segment {segment} is damaged at offset {offset}: {what}; restore the file from a backup")]
    Damaged {
        /// Segment number.
        segment: u64,
        /// First byte that cannot be believed.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The directory holds a journal of another purpose or version.
    #[error("{path:?} is not a segment of this journal: {what}; point the setting at the right directory")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The position lies in a removed segment or beyond the end.
    #[error("the journal holds nothing at segment {}, offset {}; it was removed, or never written", .0.segment, .0.offset)]
    Gone(Position),
    /// The owner of the records could not read one during replay.
    #[error("a replayed record was refused: {reason}; was the directory written by a newer version?")]
    Refused {
        /// The owner's reason.
        reason: String,
    },
    /// Contradictory settings.
    #[error("journal settings: {what}")]
    Settings {
        /// Which rule is broken.
        what: &'static str,
    },
}

impl JournalError {
    /// For `map_err`; the path is cloned on the way out only.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }
}

impl Coded for JournalError {
    fn dna(&self) -> Dna {
        let storage = |code| Dna::new("journal", code, Category::Storage).side(FaultSide::Dependency);
        match self {
            Self::Io { .. } => storage("JOURNAL_IO"),
            Self::Halted { .. } => storage("JOURNAL_HALTED").severity(Severity::Critical).retry(Retry::VerifyFirst),
            Self::Full => storage("JOURNAL_FULL").severity(Severity::Critical).retry(Retry::Later),
            Self::Damaged { .. } => storage("JOURNAL_DAMAGED").severity(Severity::Critical),
            Self::Busy => {
                Dna::new("journal", "JOURNAL_BUSY", Category::Capacity).severity(Severity::Warning).retry(Retry::Later)
            }
            Self::Closed => Dna::new("journal", "JOURNAL_CLOSED", Category::Storage).severity(Severity::Warning),
            Self::TooLarge { .. } => {
                Dna::new("journal", "JOURNAL_RECORD_TOO_LARGE", Category::Input).side(FaultSide::Caller)
            }
            Self::Foreign { .. } => Dna::new("journal", "JOURNAL_FOREIGN", Category::Config).side(FaultSide::Caller),
            Self::Gone(_) => Dna::new("journal", "JOURNAL_GONE", Category::Input).side(FaultSide::Caller),
            Self::Refused { .. } => Dna::new("journal", "JOURNAL_REPLAY_REFUSED", Category::Storage),
            Self::Settings { .. } => Dna::new("journal", "JOURNAL_SETTINGS", Category::Config).side(FaultSide::Caller),
        }
    }

    fn public_message(&self) -> String {
        match self {
            // Paths stay inside.
            Self::Io { action, .. } => format!("the journal could not {action} a file"),
            Self::Foreign { what, .. } => format!("a file is not a segment of this journal: {what}"),
            other => other.to_string(),
        }
    }
}
