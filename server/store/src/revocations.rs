//! The port for revocations: what is not believed any more, whatever it shows.

use crate::{
    Place, Placed, StoreError,
    bounds::{is_text, is_word, numbered, require},
};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;

/// What is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum RevocationKind {
    /// All that a user holds.
    User = 0,
    /// All that a device holds.
    Device = 1,
    /// A family of refresh tokens and the access tokens that came from it.
    Family = 2,
    /// A certificate.
    Certificate = 3,
}

numbered!(RevocationKind: User Device Family Certificate);

/// What was issued to a subject before a moment is not believed any more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Whose.
    pub tenant: TenantId,
    /// Of what kind the subject is.
    pub kind: RevocationKind,
    /// Whom or what: an id, a hash or a serial number, 1 to [`Revocation::SUBJECT_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub subject: Vec<u8>,
    /// What was issued before this is refused.
    pub not_before: Timestamp,
    /// When it was revoked.
    pub at: Timestamp,
    /// Why: 1 to [`Revocation::REASON_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`, for instance `password.changed`.
    pub reason: String,
    /// By whom, at most [`Revocation::BY_MAX`] bytes.
    pub by: String,
}

impl Revocation {
    /// Most bytes of a subject.
    pub const SUBJECT_MAX: usize = 32;
    /// Most bytes of a reason.
    pub const REASON_MAX: usize = 64;
    /// Most bytes of who revoked.
    pub const BY_MAX: usize = 128;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(
            !self.subject.is_empty() && self.subject.len() <= Self::SUBJECT_MAX,
            "the subject of a revocation has 1 to 32 bytes",
        )?;
        require(
            is_word(&self.reason, Self::REASON_MAX),
            "the reason of a revocation is 1 to 64 of a-z, 0-9, '_', '-' and '.'",
        )?;
        require(is_text(&self.by, Self::BY_MAX), "who revoked is named in at most 128 bytes, no NUL")
    }
}

/// Keeps revocations, one for each subject.
#[async_trait]
pub trait RevocationStore: Send + Sync {
    /// Revokes. If the subject was revoked already, the later [`Revocation::not_before`] stands, with its reason; of two equal
    /// ones the first. Never goes back. Returns when it is durable.
    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError>;
    /// What stands for a subject.
    async fn get(
        &self,
        tenant: TenantId,
        kind: RevocationKind,
        subject: &[u8],
    ) -> Result<Option<Revocation>, StoreError>;
    /// Up to `limit` revocations of a tenant behind the place `after`, by place ([`Place`] says why none is missed). From
    /// [`Place::START`] on, page by page, these are all of them; the place of the last is where asking for new ones begins.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store never gave the place.
    async fn since(&self, tenant: TenantId, after: Place, limit: usize) -> Result<Vec<Placed<Revocation>>, StoreError>;
    /// Forgets up to `limit` revocations with a [`Revocation::not_before`] before `before`, and answers how many: whatever was
    /// issued before `before` must have expired by itself.
    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
