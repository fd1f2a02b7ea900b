//! Records with versions, by key: what several twins are made of.

use super::lock;
use crate::{StoreError, Version, Versioned, check_limit};
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard},
};

/// The records by key.
pub(super) type Records<K, T> = BTreeMap<K, Versioned<T>>;

/// Records by key.
#[derive(Debug)]
pub(super) struct Shelf<K, T>(Mutex<Records<K, T>>);

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

/// The version of what may not be there.
pub(super) fn version<T>(record: Option<&Versioned<T>>) -> Version {
    record.map_or(Version::NONE, |record| record.version)
}

impl<K: Ord + Clone, T: Clone> Shelf<K, T> {
    pub(super) fn records(&self) -> MutexGuard<'_, Records<K, T>> {
        lock(&self.0)
    }

    pub(super) fn get(&self, key: &K) -> Option<Versioned<T>> {
        self.records().get(key).cloned()
    }

    pub(super) fn put(&self, key: K, value: T, expected: Version) -> Result<Version, StoreError> {
        put(&mut self.records(), key, value, expected)
    }

    pub(super) fn remove(&self, key: &K, expected: Version) -> Result<(), StoreError> {
        let mut records = self.records();
        let stored = version(records.get(key));
        if stored == Version::NONE {
            return Err(StoreError::Stale { expected, stored });
        }
        expected.expect(stored)?;
        records.remove(key);
        Ok(())
    }

    /// Up to `limit` records of the keys for which `of` holds, beginning behind `after` (a key of that kind, or one that lies
    /// before all of them).
    pub(super) fn page(
        &self,
        after: Bound<K>,
        of: impl Fn(&K) -> bool,
        limit: usize,
    ) -> Result<Vec<Versioned<T>>, StoreError> {
        check_limit(limit)?;
        let records = self.records();
        let page = records.range((after, Bound::Unbounded)).take_while(|(key, _)| of(key)).take(limit);
        Ok(page.map(|(_, record)| record.clone()).collect())
    }
}

/// Writes a record that has version `expected`.
pub(super) fn put<K: Ord, T>(
    records: &mut Records<K, T>,
    key: K,
    value: T,
    expected: Version,
) -> Result<Version, StoreError> {
    expected.expect(version(records.get(&key)))?;
    let version = expected.after(1);
    records.insert(key, Versioned { value, version });
    Ok(version)
}
