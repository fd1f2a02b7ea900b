//! The port for login sessions: families of refresh tokens, each with its user and the device that it is bound to.

use crate::{
    StoreError, UserId, Version, Versioned,
    bounds::{is_word, require},
};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;
use std::fmt;

/// A login session: 16 random bytes drawn by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct LoginSessionId(#[serde(with = "crate::hex")] pub [u8; 16]);

/// That a session was ended before its time, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why: 1 to [`LoginSession::REASON_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`, for instance `refresh.reused`.
    pub reason: String,
}

impl Ended {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(
            is_word(&self.reason, LoginSession::REASON_MAX),
            "why a session ended is 1 to 64 of a-z, 0-9, '_', '-' and '.'",
        )
    }
}

/// A login session. What is kept of its tokens is opaque here and never printed.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSession {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: LoginSessionId,
    /// Of which user. Never changes.
    pub user: UserId,
    /// SHA-256 of the public key (SPKI) of the device that it is bound to; `None` for browsers. Never changes.
    #[serde(with = "crate::hex::optional")]
    pub device: Option<[u8; 32]>,
    /// The family of refresh tokens in its own versioned form, at most [`LoginSession::STATE_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub state: Vec<u8>,
    /// When it began. Never changes.
    pub created_at: Timestamp,
    /// Good before this moment.
    pub expires_at: Timestamp,
    /// That it was ended. Cannot be taken back: an ended session takes no further write.
    pub ended: Option<Ended>,
}

impl LoginSession {
    /// Most bytes of the state.
    pub const STATE_MAX: usize = 4_096;
    /// Most bytes of a reason.
    pub const REASON_MAX: usize = 64;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(self.state.len() <= Self::STATE_MAX, "the state of a session has at most 4,096 bytes")?;
        self.ended.as_ref().map_or(Ok(()), Ended::check)
    }

    /// May this be written in the place of `stored`?
    ///
    /// # Errors
    /// [`StoreError::Conflict`].
    pub fn check_replaces(&self, stored: &Self) -> Result<(), StoreError> {
        let conflict = |what| Err(StoreError::Conflict { what });
        if stored.ended.is_some() {
            return conflict("the session was ended for good; log in again");
        }
        if (stored.user, stored.device, stored.created_at) != (self.user, self.device, self.created_at) {
            return conflict("the user, the device and the beginning of a session do not change; begin a new one");
        }
        Ok(())
    }
}

impl fmt::Debug for LoginSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginSession")
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("user", &self.user)
            .field("expires_at", &self.expires_at)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Keeps login sessions.
#[async_trait]
pub trait LoginSessionStore: Send + Sync {
    /// Writes a session that has version `expected` ([`Version::NONE`]: is new) and answers the new version. Returns when it
    /// is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::Conflict`] if the stored one was ended, or is another user's or device's.
    async fn put(&self, session: LoginSession, expected: Version) -> Result<Version, StoreError>;
    /// One session.
    async fn get(&self, tenant: TenantId, id: LoginSessionId) -> Result<Option<Versioned<LoginSession>>, StoreError>;
    /// Up to `limit` sessions of a user behind `after`, by id, also those that have ended.
    async fn of_user(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<LoginSessionId>,
        limit: usize,
    ) -> Result<Vec<Versioned<LoginSession>>, StoreError>;
    /// Ends all sessions of a user that have not been, at once, and answers how many. Each gets a new version, so that a
    /// refresh which had read it before is refused. What the user begins afterwards is not touched. Returns when it is durable.
    async fn end_all_of_user(&self, tenant: TenantId, user: UserId, ended: Ended) -> Result<u64, StoreError>;
    /// Forgets up to `limit` sessions that expired before `before`, and answers how many.
    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
