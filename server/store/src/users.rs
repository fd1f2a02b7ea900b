//! The port for people and services that log in.

use crate::{
    StoreError, Version, Versioned,
    bounds::{is_text, numbered, require},
};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;
use std::fmt;

/// A user: 16 random bytes drawn by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct UserId(#[serde(with = "crate::hex")] pub [u8; 16]);

/// What a user logs in as: 1 to [`LoginName::BYTES_MAX`] bytes of `a-z`, `0-9`, `.`, `_`, `-`, `+` and `@`, so that no two
/// look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginName(String);

crate::bounds::text_form!(LoginName);

impl LoginName {
    /// Most bytes of a name.
    pub const BYTES_MAX: usize = 64;

    /// A name.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn new(name: impl Into<String>) -> Result<Self, StoreError> {
        let name = name.into();
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-+@".contains(&b);
        require(
            !name.is_empty() && name.len() <= Self::BYTES_MAX && name.bytes().all(good),
            "a login name has 1 to 64 of a-z, 0-9, '.', '_', '-', '+' and '@'",
        )?;
        Ok(Self(name))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum UserRole {
    /// Runs the deployment.
    Operator = 0,
    /// Sets limits and stops trading.
    RiskOfficer = 1,
    /// Reads everything, changes nothing.
    Auditor = 2,
    /// Gets signals.
    Subscriber = 3,
    /// A program.
    Service = 4,
}

numbered!(UserRole: Operator RiskOfficer Auditor Subscriber Service);

/// May the user log in?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum UserStatus {
    /// Not enrolled yet.
    Invited = 0,
    /// Yes.
    Active = 1,
    /// Not until an operator says so.
    Locked = 2,
    /// Never again.
    Closed = 3,
}

numbered!(UserStatus: Invited Active Locked Closed);

/// A user. The two secrets are opaque here and never printed; the JSON form holds them, for the way between services alone.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: UserId,
    /// Unique within the tenant.
    pub login: LoginName,
    /// May do what?
    pub role: UserRole,
    /// May log in?
    pub status: UserStatus,
    /// What the password is checked against (OPAQUE registration record); empty before enrolment.
    #[serde(with = "crate::hex")]
    pub opaque: Vec<u8>,
    /// The sealed second factor with its used steps and recovery codes; empty if there is none.
    #[serde(with = "crate::hex")]
    pub second_factor: Vec<u8>,
    /// In words, for operators; at most [`User::NOTE_MAX`] bytes.
    pub note: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

impl User {
    /// Most bytes of either secret.
    pub const SECRET_MAX: usize = 4_096;
    /// Most bytes of a note.
    pub const NOTE_MAX: usize = 1_024;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(
            self.opaque.len() <= Self::SECRET_MAX && self.second_factor.len() <= Self::SECRET_MAX,
            "a user's password record and second factor have at most 4,096 bytes each",
        )?;
        require(is_text(&self.note, Self::NOTE_MAX), "a note on a user has at most 1,024 bytes and no NUL")
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("login", &self.login)
            .field("role", &self.role)
            .field("status", &self.status)
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Writes a user who has version `expected` ([`Version::NONE`]: is new) and answers the new version. Returns when it is
    /// durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::Conflict`] if another user of the tenant has the login name.
    async fn put(&self, user: User, expected: Version) -> Result<Version, StoreError>;
    /// One user.
    async fn get(&self, tenant: TenantId, id: UserId) -> Result<Option<Versioned<User>>, StoreError>;
    /// The user of this name.
    async fn by_login(&self, tenant: TenantId, login: &LoginName) -> Result<Option<Versioned<User>>, StoreError>;
    /// Up to `limit` users of a tenant behind the name `after`, by name (as bytes).
    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&LoginName>,
        limit: usize,
    ) -> Result<Vec<Versioned<User>>, StoreError>;
    /// Erases a user who has version `expected`; the name is free again.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn erase(&self, tenant: TenantId, id: UserId, expected: Version) -> Result<(), StoreError>;
}
