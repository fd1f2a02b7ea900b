//! The port for limits and for what has been used of them.

use crate::{
    StoreError, Version, Versioned,
    bounds::{is_text, numbered, require},
};
use aitrading_model::{AccountId, StrategyId, Symbol, TenantId, Timestamp};
use async_trait::async_trait;

/// What limits or used amounts are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum RiskScope {
    /// All tenants; kept under [`RiskScope::EVERYBODY`].
    Global,
    /// One tenant.
    Tenant,
    /// One account.
    Account(AccountId),
    /// One strategy.
    Strategy(StrategyId),
    /// One symbol.
    Symbol(Symbol),
}

impl RiskScope {
    /// The tenant that stands for all; it has the global scope and no other.
    pub const EVERYBODY: TenantId = TenantId(0);
}

/// Which of a scope's two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum RiskPart {
    /// What is allowed. Every version is kept: a denial names the one that it was decided by.
    Limits = 0,
    /// What is used, and the trading state. The last version is kept.
    State = 1,
}

numbered!(RiskPart: Limits State);

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRecord {
    /// Whose.
    pub tenant: TenantId,
    /// About what.
    pub scope: RiskScope,
    /// Which of the two.
    pub part: RiskPart,
    /// As risk encodes it; at most [`RiskRecord::BODY_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub body: Vec<u8>,
    /// Who changed it; at most [`RiskRecord::BY_MAX`] bytes.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl RiskRecord {
    /// Most bytes of a document.
    pub const BODY_MAX: usize = 65_536;
    /// Most bytes of who changed it.
    pub const BY_MAX: usize = 128;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(
            (self.scope == RiskScope::Global) == (self.tenant == RiskScope::EVERYBODY),
            "the global scope is tenant 0's, and tenant 0 has no other",
        )?;
        require(self.body.len() <= Self::BODY_MAX, "a document of risk has at most 65,536 bytes")?;
        require(is_text(&self.by, Self::BY_MAX), "who changed a document is named in at most 128 bytes, no NUL")
    }
}

/// Keeps limits and what is used of them.
#[async_trait]
pub trait RiskStore: Send + Sync {
    /// Replaces a document that has version `expected` ([`Version::NONE`]: there is none) and answers the new version.
    /// Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn put(&self, record: RiskRecord, expected: Version) -> Result<Version, StoreError>;
    /// The document that stands.
    async fn get(
        &self,
        tenant: TenantId,
        scope: RiskScope,
        part: RiskPart,
    ) -> Result<Option<Versioned<RiskRecord>>, StoreError>;
    /// Limits as they were at a version.
    async fn limits_at(
        &self,
        tenant: TenantId,
        scope: RiskScope,
        version: Version,
    ) -> Result<Option<RiskRecord>, StoreError>;
    /// Up to `limit` documents of a tenant that stand, behind the scope `after`, in the order of scopes.
    async fn of_tenant(
        &self,
        tenant: TenantId,
        part: RiskPart,
        after: Option<RiskScope>,
        limit: usize,
    ) -> Result<Vec<Versioned<RiskRecord>>, StoreError>;
}
