//! What the operator may change about the stores.

#[cfg(test)]
mod tests;

use aitrading_config::Collector;
use aitrading_sql_engine::SqlLimits;
use serde::Deserialize;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// No file may hold more ticks: reading one must fit into the bound on its bytes.
const FILE_TICKS_MAX: u32 = 262_144;

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
    /// Most rows of an answer in SQL.
    pub sql_rows: u32,
    /// Most seconds that a question in SQL may take.
    pub sql_seconds: u32,
    /// Most memory of one question in SQL, in MiB.
    pub sql_memory_mib: u32,
    /// Most questions in SQL at a time.
    pub sql_queries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 2,
            cache_kib: 1024,
            file_ticks: 8192,
            file_ticks_max: FILE_TICKS_MAX,
            day_files_max: 8,
            cache_entries: 10_000,
            sql_rows: 1_000_000,
            sql_seconds: 30,
            sql_memory_mib: 256,
            sql_queries: 4,
        }
    }
}

impl Settings {
    /// Checks every value, in the section that the caller has opened.
    pub fn resolve(self, collector: &mut Collector<'_>) -> Option<Self> {
        let good = [
            collector.within("readers", self.readers, 1..=64),
            collector.within("cache_kib", self.cache_kib, 64..=1_048_576),
            collector.within("file_ticks", self.file_ticks, 1..=65_536),
            collector.within("file_ticks_max", self.file_ticks_max, self.file_ticks.max(1)..=FILE_TICKS_MAX),
            collector.within("day_files_max", self.day_files_max, 1..=1000),
            collector.within("cache_entries", self.cache_entries, 1..=10_000_000),
            collector.within("sql_rows", self.sql_rows, 1..=1_000_000_000),
            collector.within("sql_seconds", self.sql_seconds, 1..=3_600),
            collector.within("sql_memory_mib", self.sql_memory_mib, 1..=65_536),
            collector.within("sql_queries", self.sql_queries, 1..=64),
        ];
        good.iter().all(Option::is_some).then_some(self)
    }

    /// For callers that did not resolve: values that would stop the store are taken as the nearest that do not.
    pub(crate) fn sane(self) -> Self {
        let file_ticks = self.file_ticks.clamp(1, FILE_TICKS_MAX);
        Self {
            readers: self.readers.max(1),
            cache_kib: self.cache_kib.max(64),
            file_ticks,
            file_ticks_max: self.file_ticks_max.min(FILE_TICKS_MAX).max(file_ticks),
            day_files_max: self.day_files_max.max(1),
            cache_entries: self.cache_entries.max(1),
            ..self
        }
    }

    /// How much questions in SQL may use.
    pub(crate) fn sql_limits(self) -> SqlLimits {
        let memory_bytes = usize::try_from(u64::from(self.sql_memory_mib).saturating_mul(MIB)).unwrap_or(usize::MAX);
        SqlLimits {
            rows: self.sql_rows.into(),
            wall: Duration::from_secs(self.sql_seconds.into()),
            memory_bytes,
            queries: usize::try_from(self.sql_queries).unwrap_or(1),
            ..SqlLimits::default()
        }
    }
}
