//! Why a store refuses or fails, whichever adapter stands behind it.

use crate::{JournalMark, Version};
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{error::Error, path::PathBuf};

/// What an adapter's library said; only ever logged.
pub type Source = Box<dyn Error + Send + Sync>;

/// A store's refusal or failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or does not answer.
    #[error("the store is not available while {doing}; check the disk or the database server, then try again")]
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
    /// The part of an import is in the store already.
    #[error("{parts} parts of this import are in the store already; go on behind them")]
    AlreadyImported {
        /// Parts that are there.
        parts: u64,
    },
    /// Another change came first.
    #[error("the record has version {stored}, not {expected}: another change came first; read it again, then decide")]
    Stale {
        /// What the writer had read.
        expected: Version,
        /// What stands.
        stored: Version,
    },
    /// The server does not believe who we are, or does not let us do this.
    #[error(
        "the database server refuses access while {doing}; check user, password, certificate and rights in the settings"
    )]
    Unauthorised {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: Source,
    },
    /// The server answers, but takes no writes.
    #[error(
        "the database takes no writes while {doing}; name the primary server in the settings, or end its read-only mode"
    )]
    ReadOnly {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: Source,
    },
    /// No answer in time: it may have been done or not.
    #[error("no answer in time while {doing}; whether it was done is not known: look before it is sent again")]
    TooSlow {
        /// What was being done.
        doing: &'static str,
    },
    /// The server is older than what we can work with.
    #[error("the {server} server has version {found:?}, {needed} or later is needed; upgrade the server")]
    VersionTooOld {
        /// Which server.
        server: &'static str,
        /// Its version, as it says.
        found: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// A sequence has given its last number.
    #[error("the sequence has given its last number; begin a new one under another name")]
    UsedUp,
    /// What is handed over breaks a rule of the port.
    #[error("the store does not take this: {what}")]
    Invalid {
        /// The rule.
        what: &'static str,
    },
    /// What is stored cannot be read back as it was written.
    #[error("stored data is damaged: {what}; restore the data directory, or the database on its server, from a backup")]
    Corrupt {
        /// What is damaged.
        what: String,
        /// What the library said, if it did.
        source: Option<Source>,
    },
    /// Tick files without the catalogue that they belong to.
    #[error(
        "the database in {} knows of no ticks, but {files} tick files lie beside it; put back the `main.db` that they belong to, \
         or move the folder `ticks` away to begin anew", .dir.parent().unwrap_or(.dir).display()
    )]
    CatalogueLost {
        /// How many.
        files: u64,
        /// Their folder.
        dir: PathBuf,
    },
    /// A step of the schema is half done, or not the one that is known here.
    #[error(
        "the schema of {place} cannot be used: {what}; restore {place} from a backup of before, or use the release that took \
         the step (`aitrading db status` shows all steps)"
    )]
    SchemaBroken {
        /// Whose schema: a database as the operator knows it.
        place: &'static str,
        /// What is wrong with it.
        what: String,
        /// What the library said, if it did.
        source: Option<Source>,
    },
    /// A newer release has changed the schema.
    #[error("{place} has schema version {found}, this release knows up to {known}; use the newer release")]
    SchemaNewer {
        /// Whose schema: a database as the operator knows it.
        place: &'static str,
        /// Version there.
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
    /// A server that is too old; of what it says of its version only the first 64 characters are kept.
    #[must_use]
    pub fn too_old(server: &'static str, found: &str, needed: &'static str) -> Self {
        Self::VersionTooOld { server, found: found.chars().take(64).collect(), needed }
    }

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
            Self::AlreadyImported { .. } => {
                own("STORE_ALREADY_IMPORTED").side(FaultSide::Caller).severity(Severity::Info)
            }
            Self::Stale { .. } => {
                own("STORE_STALE").side(FaultSide::Caller).severity(Severity::Info).retry(Retry::VerifyFirst)
            }
            Self::Unauthorised { .. } => {
                Dna::new("store", "STORE_UNAUTHORISED", Category::Access).side(FaultSide::Dependency)
            }
            Self::ReadOnly { .. } => own("STORE_READ_ONLY").side(FaultSide::Dependency).retry(Retry::Later),
            Self::TooSlow { .. } => own("STORE_TOO_SLOW").side(FaultSide::Dependency).retry(Retry::VerifyFirst),
            Self::VersionTooOld { .. } => {
                Dna::new("store", "STORE_VERSION_TOO_OLD", Category::Config).side(FaultSide::Dependency)
            }
            Self::UsedUp => Dna::new("store", "STORE_USED_UP", Category::Capacity),
            Self::Invalid { .. } => Dna::new("store", "STORE_INVALID", Category::Input).side(FaultSide::Caller),
            Self::Corrupt { .. } => own("STORE_CORRUPT").side(FaultSide::Dependency).severity(Severity::Critical),
            Self::CatalogueLost { .. } => {
                own("STORE_CATALOGUE_LOST").side(FaultSide::Dependency).severity(Severity::Critical)
            }
            Self::SchemaBroken { .. } => {
                own("STORE_SCHEMA_BROKEN").side(FaultSide::Dependency).severity(Severity::Critical)
            }
            Self::SchemaNewer { .. } => own("STORE_SCHEMA_NEWER").side(FaultSide::Caller),
            Self::Full { .. } => {
                Dna::new("store", "STORE_FULL", Category::Storage).side(FaultSide::Dependency).retry(Retry::Later)
            }
            Self::InUse { .. } => own("STORE_IN_USE").side(FaultSide::Caller),
        }
    }
}
