//! The port for invitations: who may enrol once, and as what.

use crate::{
    LoginName, StoreError, UserRole,
    bounds::{is_text, numbered, require},
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use async_trait::async_trait;
use std::fmt;

/// An invitation: 16 bytes that are derived from its code by a one-way function. The code itself is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct InviteId(#[serde(with = "crate::hex")] pub [u8; 16]);

/// What an invitation is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum InvitePurpose {
    /// A user who runs the deployment.
    Admin = 0,
    /// A user of any other role.
    User = 1,
    /// A device of an account.
    Device = 2,
}

numbered!(InvitePurpose: Admin User Device);

/// That an invitation was used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redeemed {
    /// When.
    pub at: Timestamp,
    /// By whom, at most [`Invite::NAME_MAX`] bytes.
    pub by: String,
}

/// An invitation to enrol once. What is sealed is opaque here and never printed.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: InviteId,
    /// Good for what.
    pub purpose: InvitePurpose,
    /// The role that is given: the operator's with an invitation of an admin, and only there.
    pub role: UserRole,
    /// The login name, if it is fixed.
    pub login: Option<LoginName>,
    /// The account, if it is fixed; a device's always is.
    pub account: Option<AccountId>,
    /// The key of the handshake that the code gives, sealed by whoever made the invitation; at most [`Invite::SEALED_MAX`] bytes.
    /// It goes with the first use; what expires unused takes it along when it is forgotten.
    #[serde(with = "crate::hex")]
    pub sealed: Vec<u8>,
    /// Who made it, at most [`Invite::NAME_MAX`] bytes.
    pub made_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Good before this moment.
    pub expires_at: Timestamp,
    /// That it was used.
    pub used: Option<Redeemed>,
}

impl Invite {
    /// Most bytes of who made it and of who used it.
    pub const NAME_MAX: usize = 128;
    /// Most bytes of what is sealed.
    pub const SEALED_MAX: usize = 256;

    /// The rules that every adapter enforces for a new invitation.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(self.used.is_none(), "an invitation is made before it is used")?;
        require(self.created_at < self.expires_at, "an invitation expires after it was made")?;
        require(
            (self.purpose == InvitePurpose::Admin) == (self.role == UserRole::Operator),
            "an invitation of an admin gives the operator's role, and no other invitation does",
        )?;
        require(
            self.purpose != InvitePurpose::Device || self.account.is_some(),
            "an invitation of a device names its account",
        )?;
        require(self.sealed.len() <= Self::SEALED_MAX, "the sealed key of an invitation has at most 256 bytes")?;
        check_invite_name(&self.made_by)
    }

    /// What becomes of it when it is used: the sealed key is gone from then on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was used before.
    pub fn redeem(mut self, by: &str, now: Timestamp) -> Result<Redemption, StoreError> {
        if self.used.is_some() {
            return Err(StoreError::Conflict { what: "the invitation was used before; make a new one" });
        }
        if now >= self.expires_at {
            return Ok(Redemption::Expired);
        }
        self.used = Some(Redeemed { at: now, by: by.to_owned() });
        self.sealed = Vec::new();
        Ok(Redemption::Redeemed(Box::new(self)))
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("role", &self.role)
            .field("login", &self.login)
            .field("account", &self.account)
            .field("expires_at", &self.expires_at)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// The rule for who made or used an invitation.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_invite_name(name: &str) -> Result<(), StoreError> {
    require(is_text(name, Invite::NAME_MAX), "who made or used an invitation is named in at most 128 bytes, no NUL")
}

/// What a use of an invitation led to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Redemption {
    /// It is the caller's, and nobody else's any more.
    Redeemed(Box<Invite>),
    /// There is none.
    Unknown,
    /// It was not used in time.
    Expired,
}

/// Keeps invitations.
#[async_trait]
pub trait InviteStore: Send + Sync {
    /// Writes a new invitation. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is one with this id.
    async fn put(&self, invite: Invite) -> Result<(), StoreError>;
    /// One invitation.
    async fn get(&self, tenant: TenantId, id: InviteId) -> Result<Option<Invite>, StoreError>;
    /// Uses an invitation. Of all who ever try, one is told [`Redemption::Redeemed`], and before the expiry only. Returns when
    /// it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was used before.
    async fn redeem(&self, tenant: TenantId, id: InviteId, by: &str, now: Timestamp) -> Result<Redemption, StoreError>;
    /// Up to `limit` invitations of a tenant behind `after`, by id.
    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<InviteId>,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError>;
    /// Forgets up to `limit` invitations that expired before `before`, used or not, and answers how many.
    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
