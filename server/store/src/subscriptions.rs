//! The port for entitlements: which account gets signals, for which symbols, until when.

use crate::StoreError;
use aitrading_model::{AccountId, Symbol, TenantId, Timestamp};
use async_trait::async_trait;

/// Is the subscription in force?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum SubscriptionStatus {
    /// In force until its expiry.
    Active = 0,
    /// Ended.
    Lapsed = 1,
    /// Stopped by an operator.
    Suspended = 2,
}

impl SubscriptionStatus {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Active,
            1 => Self::Lapsed,
            2 => Self::Suspended,
            _ => return None,
        })
    }
}

/// Which symbols.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SymbolScope {
    /// Every symbol.
    All,
    /// These, at most [`SymbolScope::MAX`].
    Only(Vec<Symbol>),
}

impl SymbolScope {
    /// Most symbols in one scope.
    pub const MAX: usize = 1024;

    /// Is `symbol` in it?
    #[must_use]
    pub fn covers(&self, symbol: Symbol) -> bool {
        match self {
            Self::All => true,
            Self::Only(symbols) => symbols.contains(&symbol),
        }
    }
}

/// What one account is entitled to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Whose.
    pub tenant: TenantId,
    /// For which account.
    pub account: AccountId,
    /// In force?
    pub status: SubscriptionStatus,
    /// Not after.
    pub expires_at: Timestamp,
    /// For which symbols.
    pub symbols: SymbolScope,
    /// May signals be executed without asking the user?
    pub auto_trading: bool,
}

impl Subscription {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        match &self.symbols {
            SymbolScope::Only(symbols) if symbols.len() > SymbolScope::MAX => {
                Err(StoreError::Invalid { what: "a subscription names too many symbols" })
            }
            _ => Ok(()),
        }
    }
}

/// Keeps subscriptions, one per tenant and account.
#[async_trait]
pub trait SubscriptionStore: Send + Sync {
    /// Writes or replaces. Returns when it is durable.
    async fn put(&self, subscription: Subscription) -> Result<(), StoreError>;
    /// One account's; `None` means: entitled to nothing.
    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Subscription>, StoreError>;
    /// Up to `limit` of all tenants, by tenant and account.
    async fn all(&self, limit: usize) -> Result<Vec<Subscription>, StoreError>;
}
