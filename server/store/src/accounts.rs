//! The port for what terminals say of accounts and symbols.

use crate::StoreError;
use aitrading_model::{AccountId, AccountState, SymbolSpec, TenantId, Timestamp};
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
