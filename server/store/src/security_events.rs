//! The port for what happened to security: logins, refusals, tampering, anomalies.

use crate::{
    StoreError,
    bounds::{check_limit, is_json, is_text, is_word, numbered, require},
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use async_trait::async_trait;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum SecuritySeverity {
    /// For the record.
    Info = 0,
    /// Worth a look.
    Warning = 1,
    /// Somebody should act.
    High = 2,
    /// Somebody must act now.
    Critical = 3,
}

numbered!(SecuritySeverity: Info Warning High Critical);

/// Something that happened to security.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityEvent {
    /// Whose.
    pub tenant: TenantId,
    /// Which: the same id again is the same event.
    #[serde(with = "crate::hex")]
    pub id: [u8; 16],
    /// When.
    pub at: Timestamp,
    /// What: 1 to [`SecurityEvent::KIND_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`, for instance `login.refused`.
    pub kind: String,
    /// How bad.
    pub severity: SecuritySeverity,
    /// Whom or what it is about (user, device, account), at most [`SecurityEvent::NAME_MAX`] bytes; empty if unknown.
    pub subject: String,
    /// Where it came from (address, service), at most [`SecurityEvent::NAME_MAX`] bytes; empty if unknown.
    pub origin: String,
    /// Joins it to its cause.
    pub trace: TraceId,
    /// A JSON object of further facts, at most [`SecurityEvent::DETAIL_MAX`] bytes; empty for none.
    pub detail: String,
}

impl SecurityEvent {
    /// Most bytes of a kind.
    pub const KIND_MAX: usize = 64;
    /// Most bytes of subject and origin.
    pub const NAME_MAX: usize = 128;
    /// Most bytes of the detail.
    pub const DETAIL_MAX: usize = 8_192;
    /// Most events in one call.
    pub const AT_ONCE_MAX: usize = 1_000;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(
            is_word(&self.kind, Self::KIND_MAX),
            "a security event's kind has 1 to 64 of a-z, 0-9, '_', '-' and '.'",
        )?;
        require(
            is_text(&self.subject, Self::NAME_MAX) && is_text(&self.origin, Self::NAME_MAX),
            "a security event's subject and origin have at most 128 bytes, no NUL",
        )?;
        require(
            self.detail.is_empty() || self.detail.starts_with('{') && is_json(&self.detail, Self::DETAIL_MAX),
            "a security event's detail is a JSON object of at most 8,192 bytes, or empty",
        )
    }

    /// Its place among the events of its tenant.
    #[must_use]
    pub const fn place(&self) -> SecurityPlace {
        SecurityPlace { at: self.at, id: self.id }
    }
}

/// The rule for what is written at once.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_security_events(events: &[SecurityEvent]) -> Result<(), StoreError> {
    require(events.len() <= SecurityEvent::AT_ONCE_MAX, "write at most 1,000 security events at once")?;
    events.iter().try_for_each(SecurityEvent::check)
}

/// An event's place: by time, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityPlace {
    /// When.
    pub at: Timestamp,
    /// Which.
    #[serde(with = "crate::hex")]
    pub id: [u8; 16],
}

/// A question for events.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityQuery {
    /// Whose.
    pub tenant: TenantId,
    /// Of this kind; `None`: of any.
    pub kind: Option<String>,
    /// At least this bad.
    pub severity_min: SecuritySeverity,
    /// At or after.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Before this place, to go on where an answer ended.
    pub before: Option<SecurityPlace>,
    /// At most this many, 1 to [`PAGE_MAX`](crate::PAGE_MAX).
    pub limit: usize,
}

impl SecurityQuery {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub const fn check(&self) -> Result<(), StoreError> {
        check_limit(self.limit)
    }

    /// Is this event among those asked for?
    #[must_use]
    pub fn wants(&self, event: &SecurityEvent) -> bool {
        event.tenant == self.tenant
            && self.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            && event.severity >= self.severity_min
            && self.from <= event.at
            && event.at < self.to
            && self.before.is_none_or(|before| event.place() < before)
    }
}

/// Keeps security events; none is changed or deleted.
#[async_trait]
pub trait SecurityEventStore: Send + Sync {
    /// Writes events: all of them or none. Returns when they are durable. An event whose id the tenant has already is left
    /// as it was.
    async fn append(&self, events: Vec<SecurityEvent>) -> Result<(), StoreError>;
    /// The events asked for, newest first.
    async fn query(&self, query: &SecurityQuery) -> Result<Vec<SecurityEvent>, StoreError>;
}
