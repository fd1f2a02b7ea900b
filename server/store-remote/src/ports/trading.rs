//! The ports of the trading set.

use super::declare::port;
use crate::{
    carried::{Arg, Whose},
    client::{Remote, scan},
    door::{DoorError, Refusal, Scope},
    message::{Asked, Message},
    table::{BRIDGE, ENGINE, GATEWAY, Kind, Method, OPERATOR, Port, Size},
};
use aitrading_database_link::Role;
use aitrading_model::{
    AccountId, Bar, Cursor, DayCheck, DeviceId, Gap, GapRecord, MarketTime, SignalId, Source, SymbolSpec, TenantId,
    Tick, Timeframe, Timestamp,
};
use aitrading_store::{
    AccountStore, Device, DeviceStore, ImportCommit, ImportKey, ImportProgress, JournalMark, MetaStore, Place, Placed,
    ReportHead, SignalChange, SignalCounts, SignalHead, SignalStore, SignalView, StateAt, StoreError, StoredDenial,
    StoredReport, Subscription, SubscriptionStore, TickCommit, TickCounts, TickStore, Visit,
};
use async_trait::async_trait;

port! {
    ticks: TickStore, Ticks, [BRIDGE ENGINE GATEWAY OPERATOR];
    Told Batch commit(commit: TickCommit) -> ();
    Told Batch import(commit: ImportCommit) -> ();
    Read Small imported(tenant: TenantId, key: ImportKey) -> Option<ImportProgress>;
    Read Small mark() -> JournalMark;
    Read Small cursors() -> Vec<(Source, Cursor)>;
    Read Small counts(tenant: TenantId) -> TickCounts;
    Read Batch range(source: Source, from: MarketTime, to: MarketTime, limit: usize) -> Vec<Tick>;
    Read Batch bars(source: Source, timeframe: Timeframe, from: MarketTime, to: MarketTime, limit: usize) -> Vec<Bar>;
    Read Batch latest_bars(source: Source, timeframe: Timeframe, limit: usize) -> Vec<Bar>;
    Read Small gaps(source: Source) -> Vec<GapRecord>;
    Read Small open_gaps(source: Source, limit: usize) -> Vec<Gap>;
    Read Small latest_days(source: Source, limit: usize) -> Vec<DayCheck>;
    + by hand { Read Batch scan; } {
        async fn scan(&self, source: Source, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
            scan::scan(self.call(&PORT, "scan")?.put("source", &source)?, visit).await
        }
    }
}

port! {
    signals: SignalStore, Relational, [ENGINE GATEWAY OPERATOR];
    Told Page apply(mark: JournalMark, changes: Vec<SignalChange>) -> ();
    Read Small mark() -> JournalMark;
    Read Small counts(tenant: TenantId) -> SignalCounts;
    Read Small signal(tenant: TenantId, signal: SignalId) -> Option<SignalView>;
    Read Page latest(tenant: TenantId, limit: usize) -> Vec<SignalView>;
    Read Page open(limit: usize) -> Vec<SignalView>;
    Read Page reports(tenant: TenantId, after: u64, limit: usize) -> Vec<StoredReport>;
    Read Page denials(tenant: TenantId, after: u64, limit: usize) -> Vec<StoredDenial>;
    Read Small signal_heads() -> Vec<SignalHead>;
    Read Small report_heads() -> Vec<ReportHead>;
}

port! {
    subscriptions: SubscriptionStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Once Row put(subscription: Subscription) -> ();
    Read Small get(tenant: TenantId, account: AccountId) -> Option<Subscription>;
    Read Page all(limit: usize) -> Vec<Subscription>;
    Read Page since(tenant: TenantId, after: Place, limit: usize) -> Vec<Placed<Subscription>>;
}

port! {
    accounts: AccountStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Once Row put_state(tenant: TenantId, snapshot: StateAt) -> ();
    Read Small state(tenant: TenantId, account: AccountId) -> Option<StateAt>;
    Once Page put_specs(tenant: TenantId, account: AccountId, specs: Vec<SymbolSpec>, at: Timestamp) -> ();
    Read Page specs(tenant: TenantId, account: AccountId) -> Vec<SymbolSpec>;
}

port! {
    devices: DeviceStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Once Small put(device: Device) -> ();
    Read Small get(tenant: TenantId, account: AccountId, device: DeviceId) -> Option<Device>;
    Read Page of_tenant(tenant: TenantId, limit: usize) -> Vec<Device>;
    Same Small seen(tenant: TenantId, account: AccountId, device: DeviceId, at: Timestamp) -> ();
    Once Small offer_certificate(tenant: TenantId, account: AccountId, device: DeviceId, next: &[u8; 32]) -> ();
    Same Small confirm_certificate(tenant: TenantId, account: AccountId, device: DeviceId, certificate: &[u8; 32]) -> ();
}

port! {
    meta: MetaStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Read Small get(key: &str) -> Option<Vec<u8>>;
    Once Row put(key: &str, value: &[u8]) -> ();
    Same Row put_if_absent(key: &str, value: &[u8]) -> Vec<u8>;
}
