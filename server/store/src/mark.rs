//! How far a journal has been taken into a store.

use std::fmt;

/// A position of the journal that feeds a store: opaque here, ordered, and kept with what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalMark {
    /// Segment number.
    pub segment: u64,
    /// Byte offset in it.
    pub offset: u64,
}

impl JournalMark {
    /// Before everything: what a new store says.
    pub const START: Self = Self { segment: 0, offset: 0 };
}

impl fmt::Display for JournalMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} offset {}", self.segment, self.offset)
    }
}
