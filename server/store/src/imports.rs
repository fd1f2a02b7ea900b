//! Imports: history that comes from files, part by part, beside what terminals stream.
//!
//! An import appends: its ticks come behind everything that its source has. What of a file is stored already is the importer's
//! business to find out; the store only refuses what would break the order of time. Imported ticks have epoch 0, which no
//! client's life has.

use crate::{SeqRun, SourceCommit, StoreError};
use aitrading_model::{Bar, Cursor, DayCheck, Epoch, Source, Tick};
use std::fmt;

/// The epoch of imported ticks.
pub const IMPORT_EPOCH: Epoch = Epoch(0);
/// Most ticks, and most bars, of one part.
pub const IMPORT_PART_MAX: usize = 1 << 20;

/// Names an import: a hash of the file's content and of everything that decides what is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ImportKey(#[serde(with = "crate::hex")] pub [u8; 32]);

impl fmt::Display for ImportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A part of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportCommit {
    /// Which import of the source's tenant.
    pub key: ImportKey,
    /// Number of the part, from 0, without a hole.
    pub part: u64,
    /// The source that gets it; the same in every part.
    pub source: Source,
    /// Decimals of the symbol's price (0 to 8): a hint for compact storage.
    pub digits: u8,
    /// Ticks in order of time, none earlier than the last of the source.
    pub ticks: Vec<Tick>,
    /// Bars; one that is there already is replaced.
    pub bars: Vec<Bar>,
    /// No part follows.
    pub last: bool,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportProgress {
    /// The source that gets it.
    pub source: Source,
    /// Parts that are stored: the number of the next one.
    pub parts: u64,
    /// Ticks that these parts added.
    pub ticks: u64,
    /// Bars that these parts told.
    pub bars: u64,
    /// The last part is stored.
    pub done: bool,
}

impl ImportCommit {
    /// What the part adds to its source, and how far the import is then. `stored` is the import's progress so far, `cursor`
    /// the source's. Every adapter stores both in one step.
    ///
    /// # Errors
    /// [`StoreError::AlreadyImported`], [`StoreError::Invalid`], or [`StoreError::Conflict`] if the source has later ticks or
    /// the import was begun for another source.
    pub fn plan(
        self,
        stored: Option<ImportProgress>,
        cursor: Cursor,
    ) -> Result<(SourceCommit, ImportProgress), StoreError> {
        let begun = ImportProgress { source: self.source, parts: 0, ticks: 0, bars: 0, done: false };
        let stored = stored.unwrap_or(begun);
        if stored.source != self.source {
            return Err(StoreError::Conflict { what: "the import was begun for another source" });
        }
        if stored.done || self.part < stored.parts {
            return Err(StoreError::AlreadyImported { parts: stored.parts });
        }
        if self.part > stored.parts {
            return Err(StoreError::Invalid { what: "a part of the import is missing before this one" });
        }
        if self.ticks.len().max(self.bars.len()) > IMPORT_PART_MAX {
            return Err(StoreError::Invalid { what: "the part of the import is too large" });
        }
        if !self.ticks.is_sorted_by_key(|tick| tick.time) {
            return Err(StoreError::Invalid { what: "imported ticks are not in the order of time" });
        }
        if self.ticks.first().is_some_and(|first| first.time < cursor.time) {
            return Err(StoreError::Conflict { what: "imported ticks begin before the stored ones end" });
        }
        let progress = ImportProgress {
            parts: stored.parts.saturating_add(1),
            ticks: stored.ticks.saturating_add(self.ticks.len() as u64),
            bars: stored.bars.saturating_add(self.bars.len() as u64),
            done: self.last,
            ..stored
        };
        let mut commit = SourceCommit::new(self.source, self.digits, moved(cursor, &self.ticks));
        let count = u32::try_from(self.ticks.len()).unwrap_or(u32::MAX);
        if count > 0 {
            commit.runs.push(SeqRun { epoch: IMPORT_EPOCH, first_seq: stored.ticks.saturating_add(1), count });
        }
        // Of days with imported ticks the terminal may have others: nobody compares them, and nothing is added to them.
        commit.days.extend(self.ticks.last().map(|last| DayCheck::not_counted(last.time.day())));
        (commit.ticks, commit.bars) = (self.ticks, self.bars);
        commit.check()?;
        Ok((commit, progress))
    }
}

/// The cursor behind `ticks`. Epoch and number are the client's, and stay.
fn moved(cursor: Cursor, ticks: &[Tick]) -> Cursor {
    let Some(last) = ticks.last() else { return cursor };
    let shared = ticks.iter().rev().take_while(|tick| tick.time == last.time).count();
    let shared = u32::try_from(shared).unwrap_or(u32::MAX);
    let before = if last.time == cursor.time { cursor.count_at_time } else { 0 };
    Cursor { time: last.time, count_at_time: before.saturating_add(shared), ..cursor }
}
