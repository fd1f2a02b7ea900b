//! Similar errors and threats, found in this process by looking at every pattern.
//!
//! Nothing is persisted here: [`crate::sqlite::SqlPatterns`] keeps the rows, and puts here what it has written.

mod nearest;
mod shelf;
#[cfg(test)]
mod tests;

use aitrading_model::TenantId;
use aitrading_store::{Match, Near, Pattern, StoreError};
use shelf::Shelf;
use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Memory that all patterns may take together: about 300,000 of 384 dimensions.
const BYTES_MAX: usize = 512 << 20;
/// What a pattern takes beside its vector and its text: places in two maps, time, kind.
const BYTES_EACH: usize = 160;

/// Which pattern, and whose.
pub(crate) type Key = (TenantId, [u8; 16]);

/// Why no more patterns are taken.
#[derive(Debug, thiserror::Error)]
#[error("the patterns would take {needed} of {limit} bytes; remove some, or name a Weaviate server in the settings")]
struct Crowded {
    needed: usize,
    limit: usize,
}

/// Keeps patterns in memory and compares every one of a tenant with what is asked. Bounded; exact.
///
/// A question is answered while the lock is held, and takes as long as memory takes to be read once: 100,000 vectors of 384
/// dimensions are 154 MB.
#[derive(Debug)]
pub(crate) struct LocalPatterns {
    limit: usize,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    shelves: BTreeMap<(TenantId, usize), Shelf>,
    /// On which shelf of its tenant a pattern is.
    dimensions: BTreeMap<Key, usize>,
    counts: BTreeMap<TenantId, u64>,
    bytes: usize,
}

impl Default for LocalPatterns {
    fn default() -> Self {
        Self::bounded(BYTES_MAX)
    }
}

impl LocalPatterns {
    /// An empty index that takes at most `limit` bytes.
    fn bounded(limit: usize) -> Self {
        Self { limit, kept: RwLock::default() }
    }

    /// Is there room for these in the place of those that they replace?
    pub(crate) fn room(&self, patterns: &BTreeMap<Key, Pattern>) -> Result<(), StoreError> {
        self.read().room(patterns, self.limit)
    }

    /// Takes or replaces patterns that keep the rules: all or, when they do not fit, none.
    pub(crate) fn put(&self, patterns: BTreeMap<Key, Pattern>) -> Result<(), StoreError> {
        self.write().replace(patterns, self.limit)
    }

    pub(crate) fn remove(&self, key: Key) -> bool {
        self.write().remove(key)
    }

    pub(crate) fn near(&self, near: &Near) -> Result<Vec<Match>, StoreError> {
        near.check()?;
        let kept = self.read();
        let shelf = kept.shelves.get(&(near.tenant, near.vector.len()));
        Ok(shelf.map(|shelf| shelf.near(near)).unwrap_or_default())
    }

    pub(crate) fn count(&self, tenant: TenantId) -> u64 {
        self.read().counts.get(&tenant).copied().unwrap_or_default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a pattern weighs against the limit.
const fn weight(dimensions: usize, text: usize) -> usize {
    BYTES_EACH + dimensions * size_of::<f32>() + text
}

impl Kept {
    fn room(&self, patterns: &BTreeMap<Key, Pattern>, limit: usize) -> Result<(), StoreError> {
        let before: usize = patterns.keys().map(|key| self.weight(*key)).sum();
        let after: usize = patterns.values().map(|pattern| weight(pattern.vector.len(), pattern.text.len())).sum();
        let needed = (self.bytes - before).saturating_add(after);
        if needed > limit {
            let source = Box::new(Crowded { needed, limit });
            return Err(StoreError::Full { doing: "remembering patterns", source });
        }
        Ok(())
    }

    fn replace(&mut self, patterns: BTreeMap<Key, Pattern>, limit: usize) -> Result<(), StoreError> {
        self.room(&patterns, limit)?;
        for (key, pattern) in patterns {
            self.remove(key);
            self.add(key, pattern);
        }
        Ok(())
    }

    fn add(&mut self, key: Key, pattern: Pattern) {
        let dimensions = pattern.vector.len();
        self.bytes += weight(dimensions, pattern.text.len());
        *self.counts.entry(key.0).or_default() += 1;
        self.dimensions.insert(key, dimensions);
        self.shelves.entry((key.0, dimensions)).or_insert_with(|| Shelf::new(dimensions)).push(pattern);
    }

    fn remove(&mut self, key: Key) -> bool {
        let weight = self.weight(key);
        let Some(dimensions) = self.dimensions.remove(&key) else { return false };
        self.bytes -= weight;
        if let Some(count) = self.counts.get_mut(&key.0) {
            *count -= 1;
        }
        let place = (key.0, dimensions);
        if let Some(shelf) = self.shelves.get_mut(&place) {
            shelf.remove(key.1);
            if shelf.is_empty() {
                self.shelves.remove(&place);
            }
        }
        true
    }

    fn weight(&self, key: Key) -> usize {
        let shelf = self.dimensions.get(&key).and_then(|dimensions| self.shelves.get(&(key.0, *dimensions)));
        shelf.and_then(|shelf| shelf.text_len(key.1).map(|text| weight(shelf.dimensions(), text))).unwrap_or_default()
    }
}
