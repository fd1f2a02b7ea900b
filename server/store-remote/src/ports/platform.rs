//! The ports of the platform around trading.

use super::declare::port;
pub(crate) use super::identity::{idempotency, invites, lockouts, login_sessions, revocations, users};
use crate::{
    carried::{Arg, Whose},
    client::{Remote, subscription},
    door::{DoorError, Refusal, Scope},
    message::{Asked, Message},
    table::{BRIDGE, ENGINE, GATEWAY, Kind, Method, OPERATOR, Port, Size},
};
use aitrading_database_link::Role;
use aitrading_model::{AccountId, TenantId, Timestamp, TraceId};
use aitrading_store::{
    AuditMirror, AuditRow, CacheKey, ChainDefinition, ChainGraph, ChainId, ChainShape, ChainSpan, ChainStore,
    ChainTraceStore, Direction, Event, EventBus, EventStream, GraphName, Invalidations, LogBatch, LogCost, LogLevel,
    LogPartition, LogPolicyStore, LogQuery, LogStore, Match, Near, OrderEvent, OrderId, OrderStore, OrderView, Pattern,
    PatternIndex, PositionBook, PositionStore, Reached, RetentionPolicy, RiskPart, RiskRecord, RiskScope, RiskStore,
    SecurityEvent, SecurityEventStore, SecurityQuery, SequenceName, SequenceStore, SharedCache, SpanPlace, StorageTier,
    StoreError, StoredLogLine, StoredOrderEvent, Topic, Version, Versioned,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

port! {
    orders: OrderStore, Relational, [ENGINE GATEWAY OPERATOR];
    Told Row append(view: OrderView, events: Vec<OrderEvent>, expected: Version) -> Version;
    Read Small order(tenant: TenantId, account: AccountId, id: OrderId) -> Option<Versioned<OrderView>>;
    Read Page open(tenant: TenantId, account: AccountId, after: Option<OrderId>, limit: usize) -> Vec<Versioned<OrderView>>;
    Read Page latest(tenant: TenantId, limit: usize) -> Vec<Versioned<OrderView>>;
    Read Page events(tenant: TenantId, account: AccountId, id: OrderId, after: Version, limit: usize)
        -> Vec<StoredOrderEvent>;
    Read Page history(tenant: TenantId, account: AccountId, place: u64, limit: usize) -> Vec<StoredOrderEvent>;
}

port! {
    positions: PositionStore, Relational, [ENGINE GATEWAY OPERATOR];
    Told Row put(book: PositionBook, expected: Version) -> Version;
    Read Small get(tenant: TenantId, account: AccountId) -> Option<Versioned<PositionBook>>;
    Read Page of_tenant(tenant: TenantId, after: Option<AccountId>, limit: usize) -> Vec<Versioned<PositionBook>>;
}

port! {
    risk: RiskStore, Relational, [ENGINE GATEWAY OPERATOR];
    Told Row put(record: RiskRecord, expected: Version) -> Version;
    Read Small get(tenant: TenantId, scope: RiskScope, part: RiskPart) -> Option<Versioned<RiskRecord>>;
    Read Small limits_at(tenant: TenantId, scope: RiskScope, version: Version) -> Option<RiskRecord>;
    Read Page of_tenant(tenant: TenantId, part: RiskPart, after: Option<RiskScope>, limit: usize)
        -> Vec<Versioned<RiskRecord>>;
}

port! {
    sequences: SequenceStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Once Small next(tenant: TenantId, name: &SequenceName, n: u32) -> u64;
    Read Small last(tenant: TenantId, name: &SequenceName) -> u64;
    Same Small skip_to(tenant: TenantId, name: &SequenceName, last: u64) -> ();
}

port! {
    logs: LogStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Told Batch append(batch: LogBatch) -> bool;
    Read Page query(query: &LogQuery) -> Vec<StoredLogLine>;
    Read Page partitions(tenant: TenantId) -> Vec<LogPartition>;
    Once Small delete(tenant: TenantId, level: LogLevel, day: i64) -> u64;
}

port! {
    log_policies: LogPolicyStore, Relational, [GATEWAY OPERATOR];
    Once Small put_policy(policy: RetentionPolicy) -> ();
    Read Small policies() -> Vec<RetentionPolicy>;
    Once Small put_tier(tier: StorageTier) -> ();
    Read Page tiers(limit: usize) -> Vec<StorageTier>;
    Once Small put_cost(cost: LogCost) -> ();
    Read Page costs(from: i64, to: i64, limit: usize) -> Vec<LogCost>;
}

port! {
    security_events: SecurityEventStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Same Page append(events: Vec<SecurityEvent>) -> ();
    Read Page query(query: &SecurityQuery) -> Vec<SecurityEvent>;
}

port! {
    audit: AuditMirror, Relational, [ENGINE GATEWAY OPERATOR];
    Same Page append(rows: Vec<AuditRow>) -> ();
    Read Small next_index() -> u64;
    Read Page rows(from: u64, limit: usize) -> Vec<AuditRow>;
    Read Page of_trace(trace: TraceId, from: u64, limit: usize) -> Vec<AuditRow>;
}

port! {
    chains: ChainStore, Relational, [GATEWAY OPERATOR];
    Told Page put(chain: ChainDefinition, expected: Version) -> Version;
    Read Small get(tenant: TenantId, id: &ChainId) -> Option<Versioned<ChainDefinition>>;
    Read Page of_tenant(tenant: TenantId, after: Option<&ChainId>, limit: usize) -> Vec<Versioned<ChainDefinition>>;
    Told Small remove(tenant: TenantId, id: &ChainId, expected: Version) -> ();
}

port! {
    chain_traces: ChainTraceStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Same Page append(spans: Vec<ChainSpan>) -> ();
    Read Page of_trace(tenant: TenantId, trace: TraceId, after: Option<SpanPlace>, limit: usize) -> Vec<ChainSpan>;
    Read Page of_chain(
        tenant: TenantId, chain: &ChainId, span: (Timestamp, Timestamp), after: Option<SpanPlace>, limit: usize
    ) -> Vec<ChainSpan>;
    Once Small forget(tenant: TenantId, before: Timestamp) -> u64;
}

port! {
    graph: ChainGraph, Graph, [GATEWAY OPERATOR];
    Once Page put(tenant: TenantId, shape: ChainShape) -> ();
    Once Small remove(tenant: TenantId, chain: &GraphName) -> bool;
    Read Page shape(tenant: TenantId, chain: &GraphName) -> Option<ChainShape>;
    Read Page reach(tenant: TenantId, from: &GraphName, direction: Direction, depth_max: u32) -> Vec<Reached>;
    Read Page chains_through(tenant: TenantId, node: &GraphName) -> Vec<GraphName>;
}

port! {
    patterns: PatternIndex, Patterns, [ENGINE GATEWAY OPERATOR];
    Once Batch put(patterns: Vec<Pattern>) -> ();
    Once Small remove(tenant: TenantId, id: [u8; 16]) -> bool;
    Read Page near(near: &Near) -> Vec<Match>;
    Read Small count(tenant: TenantId) -> u64;
}

port! {
    events: EventBus, Events, [BRIDGE ENGINE GATEWAY OPERATOR];
    Told Row publish(event: Event) -> bool;
    + by hand { Read Small is_durable; Wait Small subscribe; Wait Small next; Wait Small acknowledge; Wait Small leave; } {
        fn is_durable(&self) -> bool {
            self.is_bus_durable()
        }

        async fn subscribe(
            &self,
            tenant: TenantId,
            topic: &Topic,
            consumer: &str,
        ) -> Result<Box<dyn EventStream>, StoreError> {
            Ok(Box::new(subscription::Events::open(self, tenant, topic, consumer).await?))
        }
    }
}

port! {
    shared: SharedCache, Cache, [BRIDGE ENGINE GATEWAY OPERATOR];
    Read Row get(key: &CacheKey) -> Option<Arc<[u8]>>;
    Once Row put(key: &CacheKey, value: &[u8], ttl: Duration) -> ();
    Once Small remove(key: &CacheKey) -> ();
    Once Row compare_and_set(key: &CacheKey, expected: Option<&[u8]>, new: Option<&[u8]>, ttl: Duration) -> bool;
    + by hand { Wait Small invalidations; Wait Small next; Wait Small leave; } {
        async fn invalidations(&self) -> Result<Box<dyn Invalidations>, StoreError> {
            Ok(Box::new(subscription::Changes::open(self).await?))
        }
    }
}
