//! Whether trading is allowed at all, per level; the strictest level that applies counts.

use aitrading_model::{AccountId, StrategyId, Symbol, TenantId};
use std::collections::BTreeMap;

/// From free to stopped; the strictest of all levels counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Orders may open and close.
    #[default]
    Active,
    /// Only orders after which the symbol's net position is smaller.
    Reducing,
    /// Nothing leaves.
    Halted,
}

impl TradingState {
    /// The strictest of several levels; [`TradingState::Active`] if there are none.
    #[must_use]
    pub fn strictest(levels: impl IntoIterator<Item = Self>) -> Self {
        levels.into_iter().max().unwrap_or_default()
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Reducing => "REDUCING",
            Self::Halted => "HALTED",
        }
    }
}

/// What a trading state applies to. Strategies and symbols are stopped for one tenant: another tenant's desk is not its business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateScope {
    /// Everything.
    Global,
    /// All accounts of a tenant.
    Tenant(TenantId),
    /// One account.
    Account(TenantId, AccountId),
    /// One strategy on all accounts of a tenant.
    Strategy(TenantId, StrategyId),
    /// One symbol on all accounts of a tenant.
    Symbol(TenantId, Symbol),
}

impl From<Option<(TenantId, AccountId)>> for StateScope {
    /// One account, or everything.
    fn from(account: Option<(TenantId, AccountId)>) -> Self {
        account.map_or(Self::Global, |(tenant, account)| Self::Account(tenant, account))
    }
}

/// The trading states of all levels. What is not set is [`TradingState::Active`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TradingStates {
    /// Active levels are left out, so that what was resumed takes no memory.
    set: BTreeMap<StateScope, TradingState>,
    halted_accounts: usize,
}

impl TradingStates {
    /// Sets one level.
    pub fn set(&mut self, scope: StateScope, state: TradingState) {
        let before = match state {
            TradingState::Active => self.set.remove(&scope),
            state => self.set.insert(scope, state),
        };
        if matches!(scope, StateScope::Account(..)) {
            let was = usize::from(before == Some(TradingState::Halted));
            let is = usize::from(state == TradingState::Halted);
            self.halted_accounts = self.halted_accounts.saturating_add(is).saturating_sub(was);
        }
    }

    /// The state of one level alone.
    #[must_use]
    pub fn at(&self, scope: StateScope) -> TradingState {
        self.set.get(&scope).copied().unwrap_or_default()
    }

    /// The strictest of all levels that apply.
    #[must_use]
    pub fn strictest(
        &self,
        tenant: TenantId,
        account: AccountId,
        strategy: StrategyId,
        symbol: Symbol,
    ) -> TradingState {
        let levels = [
            StateScope::Global,
            StateScope::Tenant(tenant),
            StateScope::Account(tenant, account),
            StateScope::Strategy(tenant, strategy),
            StateScope::Symbol(tenant, symbol),
        ];
        TradingState::strictest(levels.map(|scope| self.at(scope)))
    }

    /// Accounts that are halted.
    #[must_use]
    pub const fn halted_accounts(&self) -> usize {
        self.halted_accounts
    }

    /// Levels that are not active.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Is every level active?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}
