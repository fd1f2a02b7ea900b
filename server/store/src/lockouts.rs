//! The port for lockouts: who has failed how often, and may not try again until when.

use crate::{StoreError, Version, Versioned, bounds::require};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;
use std::fmt;

/// Who or what is counted: the hash of an account with a source, of an address, of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct LockoutKey(#[serde(with = "crate::hex")] pub [u8; 32]);

/// How one key stands.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockout {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub key: LockoutKey,
    /// What was counted, in its own versioned form, at most [`Lockout::STATE_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub state: Vec<u8>,
    /// Locked before this moment.
    pub until: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

impl Lockout {
    /// Most bytes of the state.
    pub const STATE_MAX: usize = 24 * 1_024;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(self.state.len() <= Self::STATE_MAX, "the state of a lockout has at most 24,576 bytes")
    }
}

impl fmt::Debug for Lockout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lockout")
            .field("tenant", &self.tenant)
            .field("key", &self.key)
            .field("until", &self.until)
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// Keeps lockouts.
#[async_trait]
pub trait LockoutStore: Send + Sync {
    /// Writes a lockout that has version `expected` ([`Version::NONE`]: is new) and answers the new version. Returns when it
    /// is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn put(&self, lockout: Lockout, expected: Version) -> Result<Version, StoreError>;
    /// How a key stands.
    async fn get(&self, tenant: TenantId, key: LockoutKey) -> Result<Option<Versioned<Lockout>>, StoreError>;
    /// Up to `limit` keys of a tenant behind `after` that are locked at `now`, by key.
    async fn locked(
        &self,
        tenant: TenantId,
        now: Timestamp,
        after: Option<LockoutKey>,
        limit: usize,
    ) -> Result<Vec<Versioned<Lockout>>, StoreError>;
    /// Forgets up to `limit` lockouts that were neither locked nor changed since `before`, and answers how many.
    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
