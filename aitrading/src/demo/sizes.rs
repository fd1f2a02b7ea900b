//! How much each store takes on the disk, from the files' lengths.

use super::words::bytes;
use crate::layout::Layout;
use aitrading_env::Fs;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Folders within folders that are looked into; the stores have fewer.
const DEPTH_MAX: usize = 8;
/// Entries that are looked at for one store: beyond that its size is a lower bound.
const ENTRIES_MAX: usize = 20_000;
/// Space that the audit log sets aside for a full disk: it holds nothing.
const BALLAST: &str = "ballast";
/// SQLite's file; its journal and index lie beside it.
const DATABASE: &str = "main.db";
const TICK_FILES: &str = "ticks";

/// Bytes by store. A journal's segments are reserved ahead: they count whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sizes {
    /// Parquet files.
    #[serde(rename = "tick_file_bytes")]
    pub(crate) ticks: u64,
    /// Tick journal and engine journal.
    #[serde(rename = "journal_bytes")]
    pub(crate) journal: u64,
    /// Audit log, without its reserve for a full disk.
    #[serde(rename = "audit_bytes")]
    pub(crate) audit: u64,
    /// SQLite.
    #[serde(rename = "database_bytes")]
    pub(crate) database: u64,
}

impl Sizes {
    /// Looks at all files. What cannot be looked at at this moment (files come and go) counts nothing.
    pub(crate) fn of(fs: &dyn Fs, layout: &Layout) -> Self {
        let store = layout.store();
        Self {
            ticks: below(fs, store.join(TICK_FILES), |_| true),
            journal: below(fs, layout.tick_journal(), |_| true).saturating_add(below(fs, layout.engine(), |_| true)),
            audit: below(fs, layout.audit(), |name| name != BALLAST),
            database: files(fs, &store, |name| name.starts_with(DATABASE)),
        }
    }
}

/// Bytes of the files in one folder.
fn files(fs: &dyn Fs, dir: &Path, counts: impl Fn(&str) -> bool) -> u64 {
    let entries = fs.list(dir).unwrap_or_default();
    let files = entries.iter().take(ENTRIES_MAX).filter(|entry| !entry.is_dir && counts(&entry.name));
    files.fold(0, |sum, entry| sum.saturating_add(entry.len))
}

/// Bytes of the files in a folder and all below it.
fn below(fs: &dyn Fs, dir: PathBuf, counts: impl Fn(&str) -> bool) -> u64 {
    let (mut waiting, mut seen, mut sum) = (vec![(dir, 0)], 0_usize, 0_u64);
    while let Some((dir, depth)) = waiting.pop() {
        let entries = fs.list(&dir).unwrap_or_default();
        for entry in entries {
            seen = seen.saturating_add(1);
            if seen > ENTRIES_MAX {
                return sum;
            }
            if entry.is_dir && depth < DEPTH_MAX {
                waiting.push((dir.join(&entry.name), depth.saturating_add(1)));
            } else if !entry.is_dir && counts(&entry.name) {
                sum = sum.saturating_add(entry.len);
            }
        }
    }
    sum
}

/// In words.
pub(crate) fn line(sizes: &Sizes) -> String {
    let [ticks, journal, audit, database] = [sizes.ticks, sizes.journal, sizes.audit, sizes.database].map(bytes);
    format!("tick files {ticks}, journal {journal}, audit log {audit}, database {database}")
}
