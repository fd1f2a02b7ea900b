//! The in-process cache: bounded by moka, expiring by our own clock.

use aitrading_env::{Clock, Env};
use aitrading_store::{Cache, CacheKey};
use std::{fmt, sync::Arc, time::Duration};

/// moka bounds the number of values; expiry is checked here, because moka would ask the machine's clock.
pub(crate) struct MokaCache {
    entries: moka::sync::Cache<CacheKey, (u64, Arc<[u8]>)>,
    clock: Arc<dyn Clock>,
}

impl MokaCache {
    pub(crate) fn new(env: &Env, entries_max: u32) -> Self {
        Self { entries: moka::sync::Cache::new(u64::from(entries_max)), clock: Arc::clone(&env.clock) }
    }
}

impl fmt::Debug for MokaCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MokaCache").field("entries", &self.entries.entry_count()).finish_non_exhaustive()
    }
}

impl Cache for MokaCache {
    fn get(&self, key: &CacheKey) -> Option<Arc<[u8]>> {
        let (until, value) = self.entries.get(key)?;
        if until > self.clock.mono_ns() {
            return Some(value);
        }
        self.entries.invalidate(key);
        None
    }

    fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration) {
        let ttl = u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX);
        self.entries.insert(key, (self.clock.mono_ns().saturating_add(ttl), value));
    }

    fn remove(&self, key: &CacheKey) {
        self.entries.invalidate(key);
    }
}
