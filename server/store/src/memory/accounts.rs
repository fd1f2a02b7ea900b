//! Accounts, devices and deployment facts in memory.

use super::lock;
use crate::{AccountStore, Device, DeviceStore, MetaStore, StateAt, StoreError, not_enrolled};
use aitrading_model::{AccountId, DeviceId, Symbol, SymbolSpec, TenantId, Timestamp};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Mutex};

type Key = (TenantId, AccountId);

/// Keeps account snapshots and specifications in memory.
#[derive(Debug, Default)]
pub struct MemoryAccounts(Mutex<Accounts>);

#[derive(Debug, Default)]
struct Accounts {
    states: BTreeMap<Key, StateAt>,
    specs: BTreeMap<Key, BTreeMap<Symbol, (Timestamp, SymbolSpec)>>,
}

#[async_trait]
impl AccountStore for MemoryAccounts {
    async fn put_state(&self, tenant: TenantId, snapshot: StateAt) -> Result<(), StoreError> {
        let key = (tenant, snapshot.state.account);
        let mut accounts = lock(&self.0);
        if accounts.states.get(&key).is_none_or(|old| old.at <= snapshot.at) {
            accounts.states.insert(key, snapshot);
        }
        Ok(())
    }

    async fn state(&self, tenant: TenantId, account: AccountId) -> Result<Option<StateAt>, StoreError> {
        Ok(lock(&self.0).states.get(&(tenant, account)).cloned())
    }

    async fn put_specs(
        &self,
        tenant: TenantId,
        account: AccountId,
        specs: Vec<SymbolSpec>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut accounts = lock(&self.0);
        let known = accounts.specs.entry((tenant, account)).or_default();
        for spec in specs {
            if known.get(&spec.symbol).is_none_or(|(old, _)| *old <= at) {
                known.insert(spec.symbol, (at, spec));
            }
        }
        Ok(())
    }

    async fn specs(&self, tenant: TenantId, account: AccountId) -> Result<Vec<SymbolSpec>, StoreError> {
        let accounts = lock(&self.0);
        let known = accounts.specs.get(&(tenant, account));
        Ok(known.map(|specs| specs.values().map(|(_, spec)| *spec).collect()).unwrap_or_default())
    }
}

/// Keeps devices in memory.
#[derive(Debug, Default)]
pub struct MemoryDevices(Mutex<BTreeMap<(TenantId, AccountId, DeviceId), Device>>);

impl MemoryDevices {
    fn change(
        &self,
        key: (TenantId, AccountId, DeviceId),
        change: impl FnOnce(Device) -> Result<Device, StoreError>,
    ) -> Result<(), StoreError> {
        let mut devices = lock(&self.0);
        let device = devices.get_mut(&key).ok_or_else(not_enrolled)?;
        *device = change(*device)?;
        Ok(())
    }
}

#[async_trait]
impl DeviceStore for MemoryDevices {
    async fn put(&self, device: Device) -> Result<(), StoreError> {
        device.check()?;
        let mut devices = lock(&self.0);
        let key = (device.tenant, device.account, device.device);
        if let Some(stored) = devices.get(&key) {
            device.check_replaces(stored)?;
        }
        devices.insert(key, device);
        Ok(())
    }

    async fn get(&self, tenant: TenantId, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError> {
        Ok(lock(&self.0).get(&(tenant, account, device)).copied())
    }

    async fn of_tenant(&self, tenant: TenantId, limit: usize) -> Result<Vec<Device>, StoreError> {
        Ok(lock(&self.0).values().filter(|device| device.tenant == tenant).take(limit).copied().collect())
    }

    async fn seen(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.change((tenant, account, device), |device| Ok(device.seen(at)))
    }

    async fn offer_certificate(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        next: &[u8; 32],
    ) -> Result<(), StoreError> {
        self.change((tenant, account, device), |device| device.offered(*next))
    }

    async fn confirm_certificate(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        certificate: &[u8; 32],
    ) -> Result<(), StoreError> {
        self.change((tenant, account, device), |device| device.confirmed(*certificate))
    }
}

/// Keeps deployment facts in memory.
#[derive(Debug, Default)]
pub struct MemoryMeta(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl MetaStore for MemoryMeta {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(lock(&self.0).get(key).cloned())
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        lock(&self.0).insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(lock(&self.0).entry(key.to_owned()).or_insert_with(|| value.to_owned()).clone())
    }
}
