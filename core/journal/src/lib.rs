//! A generic append-only, checksummed, group-committed log in segment files. It knows no domain word.
//!
//! One writer thread takes whatever is queued, writes it at once, waits for one `fdatasync` and then answers everyone:
//! an acknowledged record survives `kill -9` and power loss. The format is described in `docs/specs/journal.md`.
#![warn(missing_docs)]

mod backlog;
mod error;
mod format;
mod handle;
mod reader;
mod recover;
mod segment;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

pub use backlog::Backlog;
pub use error::JournalError;
pub use handle::{Done, Journal, Permit, State};
pub use reader::Reader;
pub use settings::Settings;

/// A place in the journal: the end of one record, and so the start of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Segment number; the first segment is 1.
    pub segment: u64,
    /// Byte offset in the segment's file.
    pub offset: u64,
}

impl Position {
    /// Before the first record that still exists.
    pub const START: Self = Self { segment: 0, offset: 0 };
}

/// What [`Journal::open`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Intact records that were replayed.
    pub records: u64,
    /// Segment files.
    pub segments: u64,
    /// Sequence number that the next record gets; the very first record has 1.
    pub next_seq: u64,
    /// Where the next record goes.
    pub end: Position,
    /// Bytes of never acknowledged records that were cut off behind the last intact one.
    pub torn_bytes: u64,
}
