//! What can go wrong with the log, at the level of what the caller does about it.

use crate::{LeafError, NoteError};
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{io, path::PathBuf};

/// Why the log cannot be opened, or an entry was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file operation failed.
    #[error("the audit log could not {what} {}: check the disk, its free space and the folder's rights", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Another process has the log.
    #[error("another process has the audit log {} open: stop it first, one log has one writer", .0.display())]
    Locked(PathBuf),
    /// Less is there than was signed.
    #[error(
        "the audit log reaches {have} entries, but {signed} were signed (ROLLBACK): restore the newer files; it will not start over less"
    )]
    Rollback {
        /// Entries that the files reach.
        have: u64,
        /// Entries under the newest signature.
        signed: u64,
    },
    /// An acknowledged batch is damaged: a later one exists.
    #[error(
        "segment {segment} of the audit log lost an acknowledged batch at offset {offset}: restore the file from a copy"
    )]
    Hole {
        /// Segment number.
        segment: u64,
        /// Where the damage begins.
        offset: u64,
    },
    /// A file contradicts the others.
    #[error("the audit log is damaged ({what} in {}): run `audit verify`, then restore the file from a copy", path.display())]
    Corrupt {
        /// What is wrong.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// The key is not the one that the log was begun with.
    #[error(
        "the signing key is not the one that the audit log was begun with: give the key that belongs to its vkey file"
    )]
    KeyMismatch,
    /// The origin or a note is refused.
    #[error("the audit log's name or checkpoint is refused")]
    Note(#[from] NoteError),
    /// The entry breaks the leaf format.
    #[error("the audit entry is refused: see its fields")]
    Entry(#[from] LeafError),
    /// More than one group can hold.
    #[error("a group of audit entries is empty or larger than one batch: split it")]
    GroupSize,
    /// The tree to sign does not follow from the tree that was signed last.
    #[error(
        "the signer refuses a tree of {size} entries that does not follow from the {signed} signed last: run `audit verify`"
    )]
    SignRefused {
        /// Entries of the new tree.
        size: u64,
        /// Entries signed last.
        signed: u64,
    },
    /// The log failed before; nothing more is accepted.
    #[error("the audit log halted after a write failure: restart, so that the files are verified from the medium")]
    Halted,
    /// The disk is full.
    #[error(
        "the audit log's disk is full: free space; the log then goes on by itself, but a trading engine that it stopped does so when the server is started again"
    )]
    Stalled,
    /// A file of the log was moved, replaced or cut under the process.
    #[error("a file of the audit log was moved, replaced or cut while in use: find out who did it, then restart")]
    PathChanged,
    /// The log was shut down.
    #[error("the audit log was shut down: open it again")]
    Closed,
}

impl AuditError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn corrupt(what: &'static str, path: impl Into<PathBuf>) -> Self {
        Self::Corrupt { what, path: path.into() }
    }

    /// No space left: a state that passes, unlike every other write failure.
    pub(crate) fn is_full(&self) -> bool {
        let full = |kind| matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        matches!(self, Self::Io { source, .. } if full(source.kind()))
    }
}

impl Coded for AuditError {
    fn dna(&self) -> Dna {
        let new = |code, category| Dna::new("audit", code, category);
        match self {
            Self::Io { .. } => {
                new("AUDIT_IO", Category::Storage).side(FaultSide::Dependency).severity(Severity::Critical)
            }
            Self::Locked(_) => new("AUDIT_LOCKED", Category::Storage).side(FaultSide::Caller).retry(Retry::Later),
            Self::Rollback { .. } => new("AUDIT_ROLLBACK", Category::Storage).severity(Severity::Critical),
            Self::Hole { .. } => new("AUDIT_HOLE", Category::Storage).severity(Severity::Critical),
            Self::Corrupt { .. } => new("AUDIT_CORRUPT", Category::Storage).severity(Severity::Critical),
            Self::KeyMismatch => new("AUDIT_KEY_MISMATCH", Category::Crypto).side(FaultSide::Caller),
            Self::Note(_) => new("AUDIT_NOTE_INVALID", Category::Crypto),
            Self::Entry(_) => new("AUDIT_ENTRY_INVALID", Category::Input).side(FaultSide::Caller),
            Self::GroupSize => new("AUDIT_GROUP_SIZE", Category::Input).side(FaultSide::Caller),
            Self::SignRefused { .. } => new("AUDIT_SIGN_REFUSED", Category::Crypto).severity(Severity::Critical),
            Self::Halted => {
                new("AUDIT_HALTED", Category::Storage).severity(Severity::Critical).retry(Retry::VerifyFirst)
            }
            Self::Stalled => new("AUDIT_STALLED", Category::Storage).severity(Severity::Critical).retry(Retry::Later),
            Self::PathChanged => new("AUDIT_PATH_CHANGED", Category::Storage).severity(Severity::Critical),
            Self::Closed => new("AUDIT_CLOSED", Category::Internal).side(FaultSide::Caller),
        }
    }
}
