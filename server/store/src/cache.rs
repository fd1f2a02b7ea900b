//! The port for what may be forgotten at any time.

use aitrading_model::TenantId;
use std::{borrow::Cow, sync::Arc, time::Duration};

/// What a value is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheKey {
    /// Whose.
    pub tenant: TenantId,
    /// What kind of thing: keeps users of one cache apart.
    pub space: Cow<'static, str>,
    /// Which one.
    pub name: String,
}

impl CacheKey {
    /// A key.
    pub fn new(tenant: TenantId, space: impl Into<Cow<'static, str>>, name: impl Into<String>) -> Self {
        Self { tenant, space: space.into(), name: name.into() }
    }
}

/// Keeps bytes for a while. Nothing may depend on a value still being there.
pub trait Cache: Send + Sync {
    /// The value, unless it was never put, expired, or was pushed out.
    fn get(&self, key: &CacheKey) -> Option<Arc<[u8]>>;
    /// Keeps a value for at most `ttl`; replaces an older one.
    fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration);
    /// Forgets a value now.
    fn remove(&self, key: &CacheKey);
}
