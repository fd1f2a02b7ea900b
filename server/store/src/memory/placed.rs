//! Subscriptions and revocations in memory: what other instances ask for by place.

use super::lock;
use crate::{
    Place, Placed, Revocation, RevocationKind, RevocationStore, StoreError, Subscription, SubscriptionStore,
    check_limit,
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Mutex};

/// Records by key, each at the place of its last change.
#[derive(Debug)]
struct Book<K, T> {
    records: BTreeMap<(TenantId, K), Placed<T>>,
    last: BTreeMap<TenantId, Place>,
}

impl<K, T> Default for Book<K, T> {
    fn default() -> Self {
        Self { records: BTreeMap::new(), last: BTreeMap::new() }
    }
}

impl<K: Ord, T: Clone> Book<K, T> {
    fn put(&mut self, tenant: TenantId, key: K, value: T) {
        let last = self.last.entry(tenant).or_default();
        *last = last.next();
        self.records.insert((tenant, key), Placed { value, place: *last });
    }

    fn since(&self, tenant: TenantId, after: Place, limit: usize) -> Result<Vec<Placed<T>>, StoreError> {
        check_limit(limit)?;
        after.check_given(self.last.get(&tenant).copied().unwrap_or_default())?;
        let wanted = |((owner, _), record): &(&(TenantId, K), &Placed<T>)| *owner == tenant && record.place > after;
        let mut found: Vec<_> = self.records.iter().filter(wanted).map(|(_, record)| record.clone()).collect();
        found.sort_by_key(|record| record.place);
        found.truncate(limit);
        Ok(found)
    }
}

/// Keeps subscriptions in memory.
#[derive(Debug, Default)]
pub struct MemorySubscriptions(Mutex<Book<AccountId, Subscription>>);

#[async_trait]
impl SubscriptionStore for MemorySubscriptions {
    async fn put(&self, subscription: Subscription) -> Result<(), StoreError> {
        subscription.check()?;
        lock(&self.0).put(subscription.tenant, subscription.account, subscription);
        Ok(())
    }

    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Subscription>, StoreError> {
        Ok(lock(&self.0).records.get(&(tenant, account)).map(|record| record.value.clone()))
    }

    async fn all(&self, limit: usize) -> Result<Vec<Subscription>, StoreError> {
        Ok(lock(&self.0).records.values().take(limit).map(|record| record.value.clone()).collect())
    }

    async fn since(
        &self,
        tenant: TenantId,
        after: Place,
        limit: usize,
    ) -> Result<Vec<Placed<Subscription>>, StoreError> {
        lock(&self.0).since(tenant, after, limit)
    }
}

/// Of what kind, and who or what.
type Subject = (RevocationKind, Vec<u8>);

/// Keeps revocations in memory.
#[derive(Debug, Default)]
pub struct MemoryRevocations(Mutex<Book<Subject, Revocation>>);

#[async_trait]
impl RevocationStore for MemoryRevocations {
    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        revocation.check()?;
        let mut book = lock(&self.0);
        let (tenant, key) = (revocation.tenant, (revocation.kind, revocation.subject.clone()));
        let stored = book.records.get(&(tenant, key.clone()));
        if stored.is_none_or(|stored| stored.value.not_before < revocation.not_before) {
            book.put(tenant, key, revocation);
        }
        Ok(())
    }

    async fn get(
        &self,
        tenant: TenantId,
        kind: RevocationKind,
        subject: &[u8],
    ) -> Result<Option<Revocation>, StoreError> {
        let key = (tenant, (kind, subject.to_owned()));
        Ok(lock(&self.0).records.get(&key).map(|record| record.value.clone()))
    }

    async fn since(&self, tenant: TenantId, after: Place, limit: usize) -> Result<Vec<Placed<Revocation>>, StoreError> {
        lock(&self.0).since(tenant, after, limit)
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        check_limit(limit)?;
        let mut book = lock(&self.0);
        let old = |((owner, _), record): &(&(TenantId, Subject), &Placed<Revocation>)| {
            *owner == tenant && record.value.not_before < before
        };
        let keys: Vec<_> = book.records.iter().filter(old).map(|(key, _)| key.clone()).take(limit).collect();
        for key in &keys {
            book.records.remove(key);
        }
        Ok(keys.len() as u64)
    }
}
