//! The ports for what terminals say of accounts and symbols, and for the devices that may speak.

use crate::StoreError;
use aitrading_model::{AccountId, AccountState, DeviceId, SymbolSpec, TenantId, Timestamp};
use async_trait::async_trait;

/// A snapshot of an account and when it arrived.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAt {
    /// The snapshot.
    pub state: AccountState,
    /// When it arrived.
    pub at: Timestamp,
}

/// Keeps the last account snapshot and the last specification of each symbol.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Keeps a snapshot; one that arrived earlier than the stored one is ignored.
    async fn put_state(&self, tenant: TenantId, snapshot: StateAt) -> Result<(), StoreError>;
    /// The last snapshot.
    async fn state(&self, tenant: TenantId, account: AccountId) -> Result<Option<StateAt>, StoreError>;
    /// Keeps specifications, symbol by symbol; all or none.
    async fn put_specs(
        &self,
        tenant: TenantId,
        account: AccountId,
        specs: Vec<SymbolSpec>,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// All known specifications of an account, by symbol.
    async fn specs(&self, tenant: TenantId, account: AccountId) -> Result<Vec<SymbolSpec>, StoreError>;
}

/// An enrolled client installation and the account that it trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Whose.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Its Ed25519 key.
    #[serde(with = "crate::hex")]
    pub public_key: [u8; 32],
    /// No longer trusted. Cannot be taken back.
    pub revoked: bool,
}

/// Keeps devices.
#[async_trait]
pub trait DeviceStore: Send + Sync {
    /// Writes or replaces. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the device is revoked and `device` says that it is not.
    async fn put(&self, device: Device) -> Result<(), StoreError>;
    /// One device; `None` means: not enrolled.
    async fn get(&self, tenant: TenantId, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError>;
    /// Up to `limit` devices of a tenant, by account and device.
    async fn of_tenant(&self, tenant: TenantId, limit: usize) -> Result<Vec<Device>, StoreError>;
}
