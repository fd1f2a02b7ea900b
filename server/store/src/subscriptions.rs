//! The port for entitlements: which account gets signals, for which symbols, until when.

use crate::{
    Place, Placed, StoreError, UserId,
    bounds::{is_word, numbered, require},
};
use aitrading_model::{AccountId, Symbol, TenantId, Timestamp};
use async_trait::async_trait;
use std::collections::BTreeSet;

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

/// Is the subscription paid for?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum PaymentState {
    /// Nothing is known of a payment.
    #[default]
    None = 0,
    /// Yes.
    Paid = 1,
    /// Not yet, and not late enough to matter.
    Grace = 2,
    /// No.
    Overdue = 3,
}

numbered!(PaymentState: None Paid Grace Overdue);

/// To whom a subscription belongs and what comes with it; what nobody said is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    /// The user whose it is.
    pub user: Option<UserId>,
    /// The tier, at most [`Entitlement::NAME_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`.
    pub tier: String,
    /// What may be used, at most [`Entitlement::FEATURES_MAX`] words of 1 to [`Entitlement::NAME_MAX`] such characters.
    pub features: BTreeSet<String>,
    /// From where, a word like the tier.
    pub region: String,
    /// Is it paid for?
    pub payment: PaymentState,
}

impl Entitlement {
    /// Most bytes of a tier, a feature and a region.
    pub const NAME_MAX: usize = 32;
    /// Most features.
    pub const FEATURES_MAX: usize = 64;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let good = |word: &String| is_word(word, Self::NAME_MAX);
        require(
            [&self.tier, &self.region].into_iter().filter(|word| !word.is_empty()).chain(&self.features).all(good),
            "tiers, features and regions have 1 to 32 of a-z, 0-9, '_', '-' and '.'",
        )?;
        require(self.features.len() <= Self::FEATURES_MAX, "a subscription has at most 64 features")
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
    /// To whom it belongs and what comes with it.
    pub entitlement: Entitlement,
}

impl Subscription {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let wide = matches!(&self.symbols, SymbolScope::Only(symbols) if symbols.len() > SymbolScope::MAX);
        require(!wide, "a subscription names too many symbols")?;
        self.entitlement.check()
    }
}

/// Keeps subscriptions, one per tenant and account.
#[async_trait]
pub trait SubscriptionStore: Send + Sync {
    /// Writes or replaces, at a new place. Returns when it is durable.
    async fn put(&self, subscription: Subscription) -> Result<(), StoreError>;
    /// One account's; `None` means: entitled to nothing.
    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Subscription>, StoreError>;
    /// Up to `limit` of all tenants, by tenant and account.
    async fn all(&self, limit: usize) -> Result<Vec<Subscription>, StoreError>;
    /// Up to `limit` subscriptions of a tenant behind the place `after`, by place ([`Place`] says why none is missed): what
    /// other instances have changed. From [`Place::START`] on, page by page, these are all of them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store never gave the place.
    async fn since(
        &self,
        tenant: TenantId,
        after: Place,
        limit: usize,
    ) -> Result<Vec<Placed<Subscription>>, StoreError>;
}
