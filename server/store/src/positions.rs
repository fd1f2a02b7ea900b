//! The port for positions as the server believes them to be.

use crate::{StoreError, Version, Versioned, bounds::require};
use aitrading_model::{AccountId, AccountState, PositionState, TenantId, Timestamp};
use async_trait::async_trait;
use std::collections::BTreeSet;

/// All open positions of one account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionBook {
    /// Whose.
    pub tenant: TenantId,
    /// On which account.
    pub account: AccountId,
    /// How far the account's order history is in it: replay goes on behind this place.
    pub place: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The positions in order, at most [`AccountState::MAX_POSITIONS`], no ticket twice.
    pub positions: Vec<PositionState>,
}

impl PositionBook {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(self.positions.len() <= AccountState::MAX_POSITIONS, "an account has at most 500 positions")?;
        let tickets: BTreeSet<_> = self.positions.iter().map(|position| position.ticket).collect();
        require(tickets.len() == self.positions.len(), "a position's ticket is named twice")
    }
}

/// Keeps the last book of each account.
#[async_trait]
pub trait PositionStore: Send + Sync {
    /// Replaces a book that has version `expected` ([`Version::NONE`]: there is none) and answers the new version. Returns
    /// when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn put(&self, book: PositionBook, expected: Version) -> Result<Version, StoreError>;
    /// One account's book.
    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Versioned<PositionBook>>, StoreError>;
    /// Up to `limit` books of a tenant behind the account `after`, by account.
    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Versioned<PositionBook>>, StoreError>;
}
