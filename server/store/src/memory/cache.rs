//! A cache that is a map.

use super::lock;
use crate::{Cache, CacheKey};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Values that are kept at most; beyond it the one that expires first goes.
const ENTRIES_MAX: usize = 10_000;

type Entries = BTreeMap<CacheKey, (u64, Arc<[u8]>)>;

/// Keeps values in memory by the clock that it is given.
pub struct MemoryCache {
    entries: Mutex<Entries>,
    now_ns: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl MemoryCache {
    /// An empty cache. `now_ns` is a monotonic clock.
    pub fn new(now_ns: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { entries: Mutex::default(), now_ns: Box::new(now_ns) }
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache").finish_non_exhaustive()
    }
}

impl Cache for MemoryCache {
    fn get(&self, key: &CacheKey) -> Option<Arc<[u8]>> {
        let entries = lock(&self.entries);
        let (until, value) = entries.get(key)?;
        (*until > (self.now_ns)()).then(|| Arc::clone(value))
    }

    fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration) {
        let until = (self.now_ns)().saturating_add(u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX));
        let mut entries = lock(&self.entries);
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(&key) {
            let first = entries.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            if let Some(first) = first {
                entries.remove(&first);
            }
        }
        entries.insert(key, (until, value));
    }

    fn remove(&self, key: &CacheKey) {
        lock(&self.entries).remove(key);
    }
}
