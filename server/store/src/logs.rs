//! The port for logs: written in batches, found by tenant, level, time and trace, deleted by whole days.

use crate::{
    StoreError,
    bounds::{check_limit, is_json, is_text, is_word, numbered, require},
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use async_trait::async_trait;

/// How much a line weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug = 0,
    /// Normal course.
    Info = 1,
    /// Worth a look.
    Warning = 2,
    /// A function was lost.
    Error = 3,
    /// Money, safety or proof.
    Critical = 4,
}

numbered!(LogLevel: Debug Info Warning Error Critical);

impl LogLevel {
    /// As the tables name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// From the name in the tables.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.name() == name)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it weighs.
    pub level: LogLevel,
    /// When.
    pub at: Timestamp,
    /// Who says it: 1 to [`LogLine::SERVICE_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`.
    pub service: String,
    /// Joins it to its cause.
    pub trace: Option<TraceId>,
    /// What it says.
    pub message: String,
    /// A JSON object of further fields; empty for none.
    pub fields: String,
}

impl LogLine {
    /// Most bytes of a service's name.
    pub const SERVICE_MAX: usize = 64;
    /// Most bytes of a message, and of the fields.
    pub const TEXT_MAX: usize = 16_384;

    /// The day in UTC since 1970-01-01 that the line is kept under.
    #[must_use]
    pub const fn day(&self) -> i64 {
        day_of(self.at)
    }
}

/// The day in UTC since 1970-01-01.
#[must_use]
pub const fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(86_400_000_000_000)
}

/// Lines of one tenant that are written together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBatch {
    /// Whose.
    pub tenant: TenantId,
    /// Chosen by the writer: the same batch again, among the last [`LogBatch::REMEMBERED`] of the tenant, is not written
    /// twice.
    pub id: [u8; 16],
    /// 1 to [`LogBatch::LINES_MAX`] lines.
    pub lines: Vec<LogLine>,
}

impl LogBatch {
    /// Most lines of a batch.
    pub const LINES_MAX: usize = 10_000;
    /// How many of a tenant's last batches are recognised at least.
    pub const REMEMBERED: usize = 100;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require((1..=Self::LINES_MAX).contains(&self.lines.len()), "a batch has 1 to 10,000 log lines")?;
        let good = |line: &LogLine| {
            is_word(&line.service, LogLine::SERVICE_MAX)
                && is_text(&line.message, LogLine::TEXT_MAX)
                && (line.fields.is_empty() || line.fields.starts_with('{') && is_json(&line.fields, LogLine::TEXT_MAX))
        };
        require(
            self.lines.iter().all(good),
            "a log line names its service in 1 to 64 of a-z, 0-9, '_', '-', '.', and has a message and a JSON object of \
             at most 16,384 bytes each, no NUL",
        )
    }
}

/// A line's place: by time, then by batch and place in it. The same in every store that holds the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPlace {
    /// When.
    pub at: Timestamp,
    /// In which batch.
    #[serde(with = "crate::hex")]
    pub batch: [u8; 16],
    /// Which line of it, from 0.
    pub index: u32,
}

/// A line with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLogLine {
    /// The place.
    pub place: LogPlace,
    /// The line.
    pub line: LogLine,
}

/// A question for lines.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Whose.
    pub tenant: TenantId,
    /// That weigh at least this.
    pub level_min: LogLevel,
    /// At or after.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Of this trace; `None`: of any.
    pub trace: Option<TraceId>,
    /// Before this place, to go on where an answer ended.
    pub before: Option<LogPlace>,
    /// At most this many, 1 to [`PAGE_MAX`](crate::PAGE_MAX).
    pub limit: usize,
}

impl LogQuery {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub const fn check(&self) -> Result<(), StoreError> {
        check_limit(self.limit)
    }

    /// Is this line among those asked for?
    #[must_use]
    pub fn wants(&self, stored: &StoredLogLine) -> bool {
        stored.line.level >= self.level_min
            && self.from <= stored.line.at
            && stored.line.at < self.to
            && self.trace.is_none_or(|trace| stored.line.trace == Some(trace))
            && self.before.is_none_or(|before| stored.place < before)
    }
}

/// What lies under one level and day of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPartition {
    /// The day in UTC since 1970-01-01.
    pub day: i64,
    /// The level.
    pub level: LogLevel,
    /// How many lines.
    pub lines: u64,
    /// How many bytes they occupy, as far as the store can tell.
    pub bytes: u64,
}

/// Keeps logs.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Writes a batch: all of it or nothing. Returns when it is durable; false if the batch was known.
    async fn append(&self, batch: LogBatch) -> Result<bool, StoreError>;
    /// The lines asked for, newest first.
    async fn query(&self, query: &LogQuery) -> Result<Vec<StoredLogLine>, StoreError>;
    /// What a tenant has, by day and level.
    async fn partitions(&self, tenant: TenantId) -> Result<Vec<LogPartition>, StoreError>;
    /// Deletes a level's lines of one day; answers how many there were.
    async fn delete(&self, tenant: TenantId, level: LogLevel, day: i64) -> Result<u64, StoreError>;
}
