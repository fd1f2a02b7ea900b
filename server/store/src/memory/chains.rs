//! Chains and what was seen along them in memory.

use super::{lock, shelf::Shelf};
use crate::{
    ChainDefinition, ChainId, ChainSpan, ChainStore, ChainTraceStore, SpanPlace, StoreError, Version, Versioned,
    check_limit, check_spans,
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Mutex};

/// Keeps chains in memory.
#[derive(Debug, Default)]
pub struct MemoryChains(Shelf<(TenantId, ChainId), ChainDefinition>);

#[async_trait]
impl ChainStore for MemoryChains {
    async fn put(&self, chain: ChainDefinition, expected: Version) -> Result<Version, StoreError> {
        chain.check()?;
        self.0.put((chain.tenant, chain.id.clone()), chain.in_order(), expected)
    }

    async fn get(&self, tenant: TenantId, id: &ChainId) -> Result<Option<Versioned<ChainDefinition>>, StoreError> {
        Ok(self.0.get(&(tenant, id.clone())))
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&ChainId>,
        limit: usize,
    ) -> Result<Vec<Versioned<ChainDefinition>>, StoreError> {
        check_limit(limit)?;
        let chains = self.0.records();
        let wanted = |(owner, id): &(TenantId, ChainId)| *owner == tenant && after.is_none_or(|after| id > after);
        Ok(chains.iter().filter(|(key, _)| wanted(key)).take(limit).map(|(_, chain)| chain.clone()).collect())
    }

    async fn remove(&self, tenant: TenantId, id: &ChainId, expected: Version) -> Result<(), StoreError> {
        self.0.remove(&(tenant, id.clone()), expected)
    }
}

type SpanKey = (TenantId, TraceId, [u8; 8]);

/// Keeps steps of requests in memory.
#[derive(Debug, Default)]
pub struct MemoryChainTraces(Mutex<BTreeMap<SpanKey, ChainSpan>>);

impl MemoryChainTraces {
    fn page(
        &self,
        wanted: impl Fn(&ChainSpan) -> bool,
        after: Option<SpanPlace>,
        limit: usize,
    ) -> Result<Vec<ChainSpan>, StoreError> {
        check_limit(limit)?;
        let spans = lock(&self.0);
        let behind = |span: &&ChainSpan| wanted(span) && after.is_none_or(|after| span.place() > after);
        let mut page: Vec<_> = spans.values().filter(behind).collect();
        page.sort_by_key(|span| span.place());
        Ok(page.into_iter().take(limit).cloned().collect())
    }
}

#[async_trait]
impl ChainTraceStore for MemoryChainTraces {
    async fn append(&self, spans: Vec<ChainSpan>) -> Result<(), StoreError> {
        check_spans(&spans)?;
        let mut kept = lock(&self.0);
        for span in spans {
            kept.entry((span.tenant, span.trace, span.span)).or_insert(span);
        }
        Ok(())
    }

    async fn of_trace(
        &self,
        tenant: TenantId,
        trace: TraceId,
        after: Option<SpanPlace>,
        limit: usize,
    ) -> Result<Vec<ChainSpan>, StoreError> {
        self.page(|span| span.tenant == tenant && span.trace == trace, after, limit)
    }

    async fn of_chain(
        &self,
        tenant: TenantId,
        chain: &ChainId,
        (from, to): (Timestamp, Timestamp),
        after: Option<SpanPlace>,
        limit: usize,
    ) -> Result<Vec<ChainSpan>, StoreError> {
        let inside = |span: &ChainSpan| from <= span.at && span.at < to;
        self.page(|span| span.tenant == tenant && span.chain == *chain && inside(span), after, limit)
    }

    async fn forget(&self, tenant: TenantId, before: Timestamp) -> Result<u64, StoreError> {
        let mut kept = lock(&self.0);
        let all = kept.len();
        kept.retain(|_, span| span.tenant != tenant || span.at >= before);
        Ok(all.saturating_sub(kept.len()) as u64)
    }
}
