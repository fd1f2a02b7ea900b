//! The port for small values that several instances of a service share: counters of limits, revocations, cached answers.

use crate::{CacheKey, StoreError};
use aitrading_model::TenantId;
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Most bytes of a shared value.
pub const SHARED_VALUE_MAX: usize = 1_048_576;
/// Most bytes of the name of a shared value.
pub const SHARED_NAME_MAX: usize = 512;
/// Most bytes of the space of a shared value.
pub const SHARED_SPACE_MAX: usize = 64;
/// Longest time that a shared value is kept for.
pub const SHARED_TTL_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The rule for keys: a space of 1 to 64 bytes of `a-z`, `0-9`, `_`, `-` and `.` (so that adapters can join it with other
/// separators), a name of at most 512 bytes.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_shared_key(key: &CacheKey) -> Result<(), StoreError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    if key.space.is_empty() || key.space.len() > SHARED_SPACE_MAX || !key.space.bytes().all(good) {
        return Err(StoreError::Invalid { what: "a cache space has 1 to 64 of a-z, 0-9, '_', '-' and '.'" });
    }
    if key.name.len() > SHARED_NAME_MAX {
        return Err(StoreError::Invalid { what: "the name of a shared value has at most 512 bytes" });
    }
    Ok(())
}

/// The rule for values.
///
/// # Errors
/// [`StoreError::Invalid`].
pub const fn check_shared_value(value: &[u8]) -> Result<(), StoreError> {
    if value.len() > SHARED_VALUE_MAX {
        return Err(StoreError::Invalid { what: "a shared value has at most 1,048,576 bytes" });
    }
    Ok(())
}

/// The rule for times to live: a millisecond to 366 days.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_shared_ttl(ttl: Duration) -> Result<(), StoreError> {
    if ttl < Duration::from_millis(1) || ttl > SHARED_TTL_MAX {
        return Err(StoreError::Invalid { what: "a shared value is kept for 1 millisecond to 366 days" });
    }
    Ok(())
}

/// What another instance has changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Invalidation {
    /// This value is no longer what it was.
    Key {
        /// Whose.
        tenant: TenantId,
        /// What kind of thing.
        space: String,
        /// Which one.
        name: String,
    },
    /// Messages may have been missed: forget everything that was learned from this store.
    Everything,
}

/// Tells what others have changed, in order.
#[async_trait]
pub trait Invalidations: Send {
    /// Waits for the next change; `None` when the store is closed.
    async fn next(&mut self) -> Option<Invalidation>;
}

/// Keeps bytes for a while, the same for every instance. A value may be gone at any time, but never be an older one again.
#[async_trait]
pub trait SharedCache: Send + Sync {
    /// The value, unless it was never put, expired, or was pushed out. Every call refuses what breaks
    /// [`check_shared_key`], [`check_shared_value`] or [`check_shared_ttl`].
    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<[u8]>>, StoreError>;
    /// Keeps a value for at most `ttl` (at least a millisecond), replaces an older one, and tells the other instances.
    async fn put(&self, key: &CacheKey, value: &[u8], ttl: Duration) -> Result<(), StoreError>;
    /// Forgets a value now, and tells the other instances.
    async fn remove(&self, key: &CacheKey) -> Result<(), StoreError>;
    /// Replaces the value only if it is `expected` (`None`: there is none) at that moment. `new` of `None` removes.
    /// Answers whether it did; if it did not, nobody is told of anything.
    async fn compare_and_set(
        &self,
        key: &CacheKey,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
        ttl: Duration,
    ) -> Result<bool, StoreError>;
    /// What is changed from now on, by anyone, this instance included. A listener that falls behind is told
    /// [`Invalidation::Everything`].
    async fn invalidations(&self) -> Result<Box<dyn Invalidations>, StoreError>;
}
