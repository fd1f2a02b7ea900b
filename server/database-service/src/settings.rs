//! What the operator may change about the stores.

use serde::Deserialize;

/// Settings of the embedded stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Connections that read, beside the one that writes.
    pub readers: u32,
    /// Page cache of each SQLite connection in KiB.
    pub cache_kib: u32,
    /// A source's ticks of the running day become a file when this many are waiting.
    pub file_ticks: u32,
    /// Most ticks in one file; bounds the memory of a merge.
    pub file_ticks_max: u32,
    /// Files of a running day are merged when there are more than this.
    pub day_files_max: u32,
    /// Values that the in-process cache holds at most.
    pub cache_entries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 2,
            cache_kib: 1024,
            file_ticks: 8192,
            file_ticks_max: 262_144,
            day_files_max: 8,
            cache_entries: 10_000,
        }
    }
}

impl Settings {
    /// Zeros would stop the store; they are taken as one.
    pub(crate) fn sane(self) -> Self {
        let file_ticks = self.file_ticks.max(1);
        Self {
            readers: self.readers.max(1),
            cache_kib: self.cache_kib.max(64),
            file_ticks,
            file_ticks_max: self.file_ticks_max.max(file_ticks),
            day_files_max: self.day_files_max.max(1),
            cache_entries: self.cache_entries.max(1),
        }
    }
}
