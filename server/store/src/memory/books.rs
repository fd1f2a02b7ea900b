//! Positions, risk documents and sequences in memory.

use super::{lock, shelf::Shelf};
use crate::{
    PositionBook, PositionStore, RiskPart, RiskRecord, RiskScope, RiskStore, SequenceName, SequenceStore, StoreError,
    Version, Versioned, bounds::require, check_limit, numbers_after, sequences::LAST_NUMBER,
};
use aitrading_model::{AccountId, TenantId};
use async_trait::async_trait;
use std::{collections::BTreeMap, ops::Bound, sync::Mutex};

/// Keeps positions in memory.
#[derive(Debug, Default)]
pub struct MemoryPositions(Shelf<(TenantId, AccountId), PositionBook>);

#[async_trait]
impl PositionStore for MemoryPositions {
    async fn put(&self, book: PositionBook, expected: Version) -> Result<Version, StoreError> {
        book.check()?;
        self.0.put((book.tenant, book.account), book, expected)
    }

    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Versioned<PositionBook>>, StoreError> {
        Ok(self.0.get(&(tenant, account)))
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Versioned<PositionBook>>, StoreError> {
        let first = (tenant, AccountId(0));
        let after = after.map_or(Bound::Included(first), |after| Bound::Excluded((tenant, after)));
        self.0.page(after, |key| key.0 == tenant, limit)
    }
}

type RiskKey = (TenantId, RiskPart, RiskScope);

/// Keeps risk documents in memory.
#[derive(Debug, Default)]
pub struct MemoryRisk(Mutex<BTreeMap<RiskKey, Vec<RiskRecord>>>);

/// The one that stands: every record of the list was one version.
fn standing(records: &[RiskRecord]) -> Option<Versioned<RiskRecord>> {
    let value = records.last()?.clone();
    Some(Versioned { value, version: Version(records.len() as u64) })
}

#[async_trait]
impl RiskStore for MemoryRisk {
    async fn put(&self, record: RiskRecord, expected: Version) -> Result<Version, StoreError> {
        record.check()?;
        let mut documents = lock(&self.0);
        let key = (record.tenant, record.part, record.scope);
        expected.expect(Version(documents.get(&key).map_or(0, Vec::len) as u64))?;
        documents.entry(key).or_default().push(record);
        Ok(expected.after(1))
    }

    async fn get(
        &self,
        tenant: TenantId,
        scope: RiskScope,
        part: RiskPart,
    ) -> Result<Option<Versioned<RiskRecord>>, StoreError> {
        Ok(lock(&self.0).get(&(tenant, part, scope)).and_then(|records| standing(records)))
    }

    async fn limits_at(
        &self,
        tenant: TenantId,
        scope: RiskScope,
        version: Version,
    ) -> Result<Option<RiskRecord>, StoreError> {
        let documents = lock(&self.0);
        let records = documents.get(&(tenant, RiskPart::Limits, scope));
        let index = version.0.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        Ok(records.zip(index).and_then(|(records, index)| records.get(index)).cloned())
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        part: RiskPart,
        after: Option<RiskScope>,
        limit: usize,
    ) -> Result<Vec<Versioned<RiskRecord>>, StoreError> {
        check_limit(limit)?;
        let documents = lock(&self.0);
        let wanted =
            |(owner, of, scope): &RiskKey| *owner == tenant && *of == part && after.is_none_or(|after| *scope > after);
        let page = documents.iter().filter(|(key, _)| wanted(key)).take(limit);
        Ok(page.filter_map(|(_, records)| standing(records)).collect())
    }
}

/// Gives numbers in memory.
#[derive(Debug, Default)]
pub struct MemorySequences(Mutex<BTreeMap<(TenantId, SequenceName), u64>>);

#[async_trait]
impl SequenceStore for MemorySequences {
    async fn next(&self, tenant: TenantId, name: &SequenceName, n: u32) -> Result<u64, StoreError> {
        let mut sequences = lock(&self.0);
        let numbers = numbers_after(sequences.get(&(tenant, name.clone())).copied().unwrap_or(0), n)?;
        sequences.insert((tenant, name.clone()), *numbers.end());
        Ok(*numbers.start())
    }

    async fn last(&self, tenant: TenantId, name: &SequenceName) -> Result<u64, StoreError> {
        Ok(lock(&self.0).get(&(tenant, name.clone())).copied().unwrap_or(0))
    }

    async fn skip_to(&self, tenant: TenantId, name: &SequenceName, last: u64) -> Result<(), StoreError> {
        require(last <= LAST_NUMBER, "a sequence's numbers end with 2^63 - 1")?;
        let mut sequences = lock(&self.0);
        let stored = sequences.entry((tenant, name.clone())).or_default();
        *stored = last.max(*stored);
        Ok(())
    }
}
