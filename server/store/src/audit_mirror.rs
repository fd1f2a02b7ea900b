//! The port for the copy of the audit log that can be searched. The proof is the Merkle log itself; this is a view on it.

use crate::{
    LogLevel, StoreError,
    bounds::{is_word, require},
};
use aitrading_model::{Timestamp, TraceId};
use async_trait::async_trait;

/// A leaf of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its hash in the log.
    #[serde(with = "crate::hex")]
    pub hash: [u8; 32],
    /// When it was written.
    pub at: Timestamp,
    /// How much it weighs.
    pub level: LogLevel,
    /// What happened: 1 to [`AuditRow::EVENT_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`.
    pub event: String,
    /// Who did it, by pseudonym; zeros for nobody.
    #[serde(with = "crate::hex")]
    pub actor: [u8; 16],
    /// To whom, by pseudonym; zeros for nobody.
    #[serde(with = "crate::hex")]
    pub subject: [u8; 16],
    /// Joins it to its cause.
    pub trace: TraceId,
    /// Its bytes in the log; at most [`AuditRow::LEAF_MAX`].
    #[serde(with = "crate::hex")]
    pub leaf: Vec<u8>,
}

impl AuditRow {
    /// Most bytes of an event's name.
    pub const EVENT_MAX: usize = 64;
    /// Most bytes of a leaf.
    pub const LEAF_MAX: usize = 4_096;
    /// Most leaves in one call.
    pub const AT_ONCE_MAX: usize = 1_000;
}

/// The rules that every adapter enforces on [`AuditMirror::append`].
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_audit_rows(rows: &[AuditRow]) -> Result<(), StoreError> {
    require(rows.len() <= AuditRow::AT_ONCE_MAX, "append at most 1,000 leaves at once")?;
    let good = |row: &AuditRow| is_word(&row.event, AuditRow::EVENT_MAX) && row.leaf.len() <= AuditRow::LEAF_MAX;
    require(
        rows.iter().all(good),
        "a leaf has at most 4,096 bytes and its event 1 to 64 of a-z, 0-9, '_', '-' and '.'",
    )?;
    let follows = |pair: &[AuditRow]| matches!(pair, [a, b] if a.index.checked_add(1) == Some(b.index));
    require(rows.windows(2).all(follows), "leaves are appended in the order of the log, without a hole")
}

/// Keeps a copy of the audit log, without holes; nothing in it is changed or deleted.
#[async_trait]
pub trait AuditMirror: Send + Sync {
    /// Appends leaves: all of them or none. Those that are there already change nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there would be a hole, or a leaf is another one than stands at its place: then the log or
    /// its copy was tampered with.
    async fn append(&self, rows: Vec<AuditRow>) -> Result<(), StoreError>;
    /// The place that comes next; 0 at first.
    async fn next_index(&self) -> Result<u64, StoreError>;
    /// Up to `limit` leaves from the place `from`, in order.
    async fn rows(&self, from: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError>;
    /// Up to `limit` leaves of one trace from the place `from`, in order.
    async fn of_trace(&self, trace: TraceId, from: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError>;
}
