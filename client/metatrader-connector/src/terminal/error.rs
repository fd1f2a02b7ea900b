//! Why a simulated terminal cannot start.

use aitrading_error::{Category, Coded, Dna, FaultSide};
use aitrading_journal::JournalError;
use aitrading_model::Symbol;
use std::{io, path::PathBuf};

/// Why the simulated terminal cannot start, or its books cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// A feed without a specification.
    #[error("the feed '{0}' has no symbol specification; add one to the table")]
    NoSpec(Symbol),
    /// An execution mode that is not simulated.
    #[error(
        "symbol '{0}' is not in Market execution, which is the only mode that is simulated; change its specification"
    )]
    Execution(Symbol),
    /// Two feeds or specifications of one symbol.
    #[error("symbol '{0}' is named twice; leave one out")]
    Twice(Symbol),
    /// A setting out of range.
    #[error("terminal settings: {0}")]
    Settings(&'static str),
    /// Another process has the books.
    #[error("the simulated broker's books in {0:?} are in use; end the other process or choose another directory")]
    Locked(PathBuf),
    /// The books belong to another account.
    #[error("the simulated broker's books in {path:?} belong to account {found}; choose another directory")]
    OtherAccount {
        /// Directory.
        path: PathBuf,
        /// Whose they are.
        found: u64,
    },
    /// A file operation failed.
    #[error("the simulated broker's books in {path:?} cannot be opened; check that the directory can be written")]
    Io {
        /// Directory.
        path: PathBuf,
        /// As the operating system says.
        #[source]
        source: io::Error,
    },
    /// The journal under the books failed.
    #[error("the simulated broker's books could not be read or written")]
    Books(#[from] JournalError),
}

impl Coded for TerminalError {
    fn dna(&self) -> Dna {
        let config = |code| Dna::new("metatrader-connector", code, Category::Config).side(FaultSide::Caller);
        let storage = |code| Dna::new("metatrader-connector", code, Category::Storage).side(FaultSide::Dependency);
        match self {
            Self::NoSpec(_) => config("TERMINAL_NO_SPEC"),
            Self::Execution(_) => config("TERMINAL_EXECUTION"),
            Self::Twice(_) => config("TERMINAL_SYMBOL_TWICE"),
            Self::Settings(_) => config("TERMINAL_SETTINGS"),
            Self::Locked(_) => config("TERMINAL_BOOKS_LOCKED"),
            Self::OtherAccount { .. } => config("TERMINAL_BOOKS_FOREIGN"),
            Self::Io { .. } => storage("TERMINAL_BOOKS_IO"),
            Self::Books(_) => storage("TERMINAL_BOOKS"),
        }
    }
}
