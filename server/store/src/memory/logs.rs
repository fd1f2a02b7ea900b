//! Logs, their rules and costs in memory.

use super::lock;
use crate::{
    LogBatch, LogCost, LogLevel, LogLine, LogPartition, LogPlace, LogPolicyStore, LogQuery, LogStore, RetentionPolicy,
    StorageTier, StoreError, StoredLogLine, check_limit,
};
use aitrading_model::TenantId;
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

/// Keeps logs in memory.
#[derive(Debug, Default)]
pub struct MemoryLogs(Mutex<BTreeMap<TenantId, Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: BTreeMap<LogPlace, LogLine>,
    batches: VecDeque<[u8; 16]>,
}

impl Kept {
    fn append(&mut self, batch: LogBatch) -> bool {
        if self.batches.contains(&batch.id) {
            return false;
        }
        if self.batches.len() >= LogBatch::REMEMBERED {
            self.batches.pop_front();
        }
        self.batches.push_back(batch.id);
        let placed = (0_u32..).zip(batch.lines);
        self.lines.extend(placed.map(|(index, line)| (LogPlace { at: line.at, batch: batch.id, index }, line)));
        true
    }

    fn partitions(&self) -> Vec<LogPartition> {
        let mut found: BTreeMap<(i64, LogLevel), (u64, u64)> = BTreeMap::new();
        for line in self.lines.values() {
            let (lines, bytes) = found.entry((line.day(), line.level)).or_default();
            *lines = lines.saturating_add(1);
            *bytes = bytes.saturating_add((line.message.len().saturating_add(line.fields.len())) as u64);
        }
        let partition = |((day, level), (lines, bytes))| LogPartition { day, level, lines, bytes };
        found.into_iter().map(partition).collect()
    }
}

#[async_trait]
impl LogStore for MemoryLogs {
    async fn append(&self, batch: LogBatch) -> Result<bool, StoreError> {
        batch.check()?;
        Ok(lock(&self.0).entry(batch.tenant).or_default().append(batch))
    }

    async fn query(&self, query: &LogQuery) -> Result<Vec<StoredLogLine>, StoreError> {
        query.check()?;
        let tenants = lock(&self.0);
        let Some(kept) = tenants.get(&query.tenant) else { return Ok(Vec::new()) };
        let newest_first =
            kept.lines.iter().rev().map(|(place, line)| StoredLogLine { place: *place, line: line.clone() });
        Ok(newest_first.filter(|stored| query.wants(stored)).take(query.limit).collect())
    }

    async fn partitions(&self, tenant: TenantId) -> Result<Vec<LogPartition>, StoreError> {
        Ok(lock(&self.0).get(&tenant).map(Kept::partitions).unwrap_or_default())
    }

    async fn delete(&self, tenant: TenantId, level: LogLevel, day: i64) -> Result<u64, StoreError> {
        let mut tenants = lock(&self.0);
        let Some(kept) = tenants.get_mut(&tenant) else { return Ok(0) };
        let before = kept.lines.len();
        kept.lines.retain(|_, line| line.level != level || line.day() != day);
        Ok(before.saturating_sub(kept.lines.len()) as u64)
    }
}

/// Keeps the rules for logs in memory.
#[derive(Debug, Default)]
pub struct MemoryLogPolicies(Mutex<Rules>);

#[derive(Debug, Default)]
struct Rules {
    policies: BTreeMap<LogLevel, RetentionPolicy>,
    tiers: BTreeMap<String, StorageTier>,
    costs: BTreeMap<i64, LogCost>,
}

#[async_trait]
impl LogPolicyStore for MemoryLogPolicies {
    async fn put_policy(&self, mut policy: RetentionPolicy) -> Result<(), StoreError> {
        policy.check()?;
        let mut rules = lock(&self.0);
        if let Some(old) = rules.policies.get(&policy.level) {
            policy.created_at = old.created_at;
        }
        rules.policies.insert(policy.level, policy);
        Ok(())
    }

    async fn policies(&self) -> Result<Vec<RetentionPolicy>, StoreError> {
        Ok(lock(&self.0).policies.values().cloned().collect())
    }

    async fn put_tier(&self, tier: StorageTier) -> Result<(), StoreError> {
        tier.check()?;
        lock(&self.0).tiers.insert(tier.name.clone(), tier);
        Ok(())
    }

    async fn tiers(&self, limit: usize) -> Result<Vec<StorageTier>, StoreError> {
        check_limit(limit)?;
        Ok(lock(&self.0).tiers.values().take(limit).cloned().collect())
    }

    async fn put_cost(&self, cost: LogCost) -> Result<(), StoreError> {
        cost.check()?;
        lock(&self.0).costs.insert(cost.day, cost);
        Ok(())
    }

    async fn costs(&self, from: i64, to: i64, limit: usize) -> Result<Vec<LogCost>, StoreError> {
        check_limit(limit)?;
        let rules = lock(&self.0);
        let wanted = rules.costs.values().filter(|cost| (from..=to).contains(&cost.day));
        Ok(wanted.take(limit).copied().collect())
    }
}
