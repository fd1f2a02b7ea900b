//! Why a store refuses or fails, whichever adapter stands behind it.

use crate::JournalMark;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{error::Error, path::PathBuf};

/// What an adapter's library said; only ever logged.
pub type Source = Box<dyn Error + Send + Sync>;

/// A store's refusal or failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or does not answer.
    #[error("the store is not available while {doing}; check the disk and the data directory, then try again")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: Source,
    },
    /// The change contradicts what is stored.
    #[error("the change contradicts what is stored: {what}")]
    Conflict {
        /// The contradiction.
        what: &'static str,
    },
    /// The journal up to this mark is in the store already.
    #[error("the store is already at {stored}; what was handed over is not beyond it")]
    AlreadyDone {
        /// The store's mark.
        stored: JournalMark,
    },
    /// What is handed over breaks a rule of the port.
    #[error("the store does not take this: {what}")]
    Invalid {
        /// The rule.
        what: &'static str,
    },
    /// What is stored cannot be read back as it was written.
    #[error("stored data is damaged: {what}; restore the data directory from a backup")]
    Corrupt {
        /// What is damaged.
        what: String,
        /// What the library said, if it did.
        source: Option<Source>,
    },
    /// The data directory was written by a newer release.
    #[error("the data directory has schema version {found}, this release knows up to {known}; use the newer release")]
    SchemaNewer {
        /// Version in the directory.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// No space.
    #[error("no space left while {doing}; free some, nothing that was acknowledged is lost")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: Source,
    },
    /// Another process has the directory.
    #[error("another process uses the database in {}; stop it, or name another data directory", .dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
}

impl StoreError {
    /// Damage without an error of a library behind it.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), source: None }
    }
}

impl Coded for StoreError {
    fn dna(&self) -> Dna {
        let own = |code| Dna::new("store", code, Category::Storage);
        match self {
            Self::Unavailable { .. } => own("STORE_UNAVAILABLE").side(FaultSide::Dependency).retry(Retry::Later),
            Self::Conflict { .. } => own("STORE_CONFLICT").side(FaultSide::Caller),
            Self::AlreadyDone { .. } => own("STORE_ALREADY_DONE").side(FaultSide::Caller).severity(Severity::Info),
            Self::Invalid { .. } => Dna::new("store", "STORE_INVALID", Category::Input).side(FaultSide::Caller),
            Self::Corrupt { .. } => own("STORE_CORRUPT").side(FaultSide::Dependency).severity(Severity::Critical),
            Self::SchemaNewer { .. } => own("STORE_SCHEMA_NEWER").side(FaultSide::Caller),
            Self::Full { .. } => {
                Dna::new("store", "STORE_FULL", Category::Capacity).side(FaultSide::Dependency).retry(Retry::Later)
            }
            Self::InUse { .. } => own("STORE_IN_USE").side(FaultSide::Caller),
        }
    }
}
