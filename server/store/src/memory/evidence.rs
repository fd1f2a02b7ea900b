//! Security events and the audit log's copy in memory.

use super::lock;
use crate::{
    AuditMirror, AuditRow, SecurityEvent, SecurityEventStore, SecurityQuery, StoreError, check_audit_rows, check_limit,
    check_security_events,
};
use aitrading_model::{TenantId, TraceId};
use async_trait::async_trait;
use std::{cmp::Reverse, collections::BTreeMap, sync::Mutex};

/// Keeps security events in memory.
#[derive(Debug, Default)]
pub struct MemorySecurityEvents(Mutex<BTreeMap<(TenantId, [u8; 16]), SecurityEvent>>);

#[async_trait]
impl SecurityEventStore for MemorySecurityEvents {
    async fn append(&self, events: Vec<SecurityEvent>) -> Result<(), StoreError> {
        check_security_events(&events)?;
        let mut kept = lock(&self.0);
        for event in events {
            kept.entry((event.tenant, event.id)).or_insert(event);
        }
        Ok(())
    }

    async fn query(&self, query: &SecurityQuery) -> Result<Vec<SecurityEvent>, StoreError> {
        query.check()?;
        let kept = lock(&self.0);
        let mut found: Vec<_> = kept.values().filter(|event| query.wants(event)).collect();
        found.sort_by_key(|event| Reverse(event.place()));
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }
}

/// Keeps the audit log's copy in memory.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<Vec<AuditRow>>);

fn place(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

#[async_trait]
impl AuditMirror for MemoryAudit {
    async fn append(&self, rows: Vec<AuditRow>) -> Result<(), StoreError> {
        check_audit_rows(&rows)?;
        let mut kept = lock(&self.0);
        if rows.first().is_some_and(|first| place(first.index) > kept.len()) {
            return Err(StoreError::Conflict { what: "there would be a hole in the copy of the audit log" });
        }
        let known = |row: &AuditRow| kept.get(place(row.index));
        if rows.iter().any(|row| known(row).is_some_and(|old| old != row)) {
            return Err(StoreError::Conflict { what: "another leaf of the audit log stands at this place" });
        }
        let next = kept.len();
        kept.extend(rows.into_iter().filter(|row| place(row.index) >= next));
        Ok(())
    }

    async fn next_index(&self) -> Result<u64, StoreError> {
        Ok(lock(&self.0).len() as u64)
    }

    async fn rows(&self, from: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        check_limit(limit)?;
        Ok(lock(&self.0).iter().skip(place(from)).take(limit).cloned().collect())
    }

    async fn of_trace(&self, trace: TraceId, from: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        check_limit(limit)?;
        let kept = lock(&self.0);
        Ok(kept.iter().skip(place(from)).filter(|row| row.trace == trace).take(limit).cloned().collect())
    }
}
