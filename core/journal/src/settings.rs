//! What a journal's owner decides: sizes, bounds, and a tag that keeps journals of different purposes apart.

use crate::{
    JournalError,
    format::{SEGMENT_HEADER, framed_len},
};

/// Settings of one journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Purpose tag in every segment header: a journal written for another purpose is refused.
    pub magic: [u8; 4],
    /// A new segment starts when a group would grow the current one beyond this.
    pub segment_bytes: u64,
    /// Fill segments with zeros ahead of time, so that a sync has no block allocation to wait for.
    pub preallocate: bool,
    /// Records that may wait for the writer; beyond it appends wait.
    pub queue: usize,
    /// Largest record in bytes.
    pub max_record: usize,
    /// A group (what one sync covers) is closed at this many bytes.
    pub max_group_bytes: usize,
}

impl Settings {
    /// Defaults for a journal of the given purpose: 8 MiB segments, preallocated; 4,096 records queued; records up to
    /// 256 KiB, groups up to 1 MiB.
    #[must_use]
    pub const fn new(magic: [u8; 4]) -> Self {
        Self {
            magic,
            segment_bytes: 8 << 20,
            preallocate: true,
            queue: 4096,
            max_record: 256 << 10,
            max_group_bytes: 1 << 20,
        }
    }

    pub(crate) fn check(&self) -> Result<(), JournalError> {
        if self.queue == 0 {
            return Err(JournalError::Settings { what: "queue must be at least 1" });
        }
        if u32::try_from(self.max_record).is_err() || framed_len(self.max_record) > self.room() {
            return Err(JournalError::Settings { what: "max_record must fit into segment_bytes" });
        }
        Ok(())
    }

    /// Bytes that a segment has for records.
    pub(crate) fn room(&self) -> u64 {
        self.segment_bytes.saturating_sub(SEGMENT_HEADER)
    }
}
