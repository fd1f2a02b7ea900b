//! The port for idempotency keys: a change that is asked for twice is made once, and answered twice.

use crate::{
    StoreError, Version,
    bounds::{is_text, require},
};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;
use std::{fmt, time::Duration};

/// How long a run may take. One that has neither finished nor been abandoned by then is believed to be dead, and taken over by
/// the next who asks; it is longer than any call is waited for.
pub const RUN_TAKEN_OVER_AFTER: Duration = Duration::from_mins(5);

/// A caller's own name for a change: 1 to [`IdempotencyKey::BYTES_MAX`] printable ASCII characters, no space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

crate::bounds::text_form!(IdempotencyKey);

impl IdempotencyKey {
    /// Most bytes of a key.
    pub const BYTES_MAX: usize = 64;

    /// A key.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn new(key: impl Into<String>) -> Result<Self, StoreError> {
        let key = key.into();
        require(
            !key.is_empty() && key.len() <= Self::BYTES_MAX && key.bytes().all(|b| b.is_ascii_graphic()),
            "an idempotency key has 1 to 64 printable ASCII characters, no space",
        )?;
        Ok(Self(key))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which change: keys of different actors have nothing to do with each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunName {
    /// Whose.
    pub tenant: TenantId,
    /// Who asks.
    #[serde(with = "crate::hex")]
    pub actor: [u8; 16],
    /// The asker's key.
    pub key: IdempotencyKey,
}

/// That a change is asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAsked {
    /// Which change.
    pub name: RunName,
    /// SHA-256 of the request: the same key with another one is a mistake of the caller.
    #[serde(with = "crate::hex")]
    pub request: [u8; 32],
    /// Now.
    pub at: Timestamp,
    /// Until when the answer is kept, at least [`RUN_TAKEN_OVER_AFTER`] from now.
    pub expires_at: Timestamp,
}

impl RunAsked {
    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let least = self.at.plus(RUN_TAKEN_OVER_AFTER);
        require(
            self.expires_at >= least,
            "an idempotency key is kept for as long as a run may take, 5 minutes, or longer",
        )
    }
}

/// What the caller was answered, to be answered again. The content is never printed.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAnswer {
    /// HTTP status, 100 to 599.
    pub status: u16,
    /// Media type, at most [`RunAnswer::TYPE_MAX`] bytes.
    pub content_type: String,
    /// At most [`RunAnswer::BODY_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub body: Vec<u8>,
}

impl RunAnswer {
    /// Most bytes of the media type.
    pub const TYPE_MAX: usize = 128;
    /// Most bytes of the body.
    pub const BODY_MAX: usize = 65_536;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require((100..600).contains(&self.status), "the status of an answer is 100 to 599")?;
        require(is_text(&self.content_type, Self::TYPE_MAX), "a media type has at most 128 bytes, no NUL")?;
        require(self.body.len() <= Self::BODY_MAX, "an answer that is kept has at most 65,536 bytes")
    }
}

impl fmt::Debug for RunAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.len();
        f.debug_struct("RunAnswer").field("status", &self.status).field("bytes", &bytes).finish_non_exhaustive()
    }
}

/// What is to be done about a change that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Begun {
    /// Nobody has begun: it is the caller's to do. The version names this run when it ends.
    Fresh(Version),
    /// An earlier run died: it is the caller's to do, who has to look first how far that one came.
    TakenOver(Version),
    /// Somebody is at it: come back later.
    Running,
    /// It was done: answer this again.
    Done(RunAnswer),
    /// The key was used for another request.
    Mismatch,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Begun at this time.
    Running(Timestamp),
    /// Given up without having changed anything: the key is free.
    Abandoned,
    /// Done.
    Done(RunAnswer),
}

/// A run as a store keeps it, with what the port's calls make of it: the same for every adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// SHA-256 of the request.
    pub request: [u8; 32],
    /// Counts the runs of this key.
    pub run: Version,
    /// How far it is.
    pub state: RunState,
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

impl StoredRun {
    /// What somebody is told who asks for a change, and what is to be kept from now on if that is a run of his.
    #[must_use]
    pub fn begin(stored: Option<&Self>, asked: &RunAsked) -> (Begun, Option<Self>) {
        let run = stored.map_or(Version::NONE, |stored| stored.run).after(1);
        let next =
            Self { request: asked.request, run, state: RunState::Running(asked.at), expires_at: asked.expires_at };
        let Some(stored) = stored.filter(|stored| asked.at < stored.expires_at) else {
            return (Begun::Fresh(run), Some(next));
        };
        match &stored.state {
            RunState::Abandoned => (Begun::Fresh(run), Some(next)),
            _ if stored.request != asked.request => (Begun::Mismatch, None),
            RunState::Done(answer) => (Begun::Done(answer.clone()), None),
            RunState::Running(since) if asked.at < since.plus(RUN_TAKEN_OVER_AFTER) => (Begun::Running, None),
            RunState::Running(_) => (Begun::TakenOver(run), Some(next)),
        }
    }

    /// What is to be kept when `run` ends with `state`: `None` if that is how it stands.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if another run has taken over; [`StoreError::Conflict`] if this one ended otherwise.
    pub fn end(stored: Option<&Self>, run: Version, state: RunState) -> Result<Option<Self>, StoreError> {
        let stands = stored.map_or(Version::NONE, |stored| stored.run);
        run.expect(stands)?;
        let Some(stored) = stored else { return Err(StoreError::Stale { expected: run, stored: stands }) };
        match &stored.state {
            RunState::Running(_) => Ok(Some(Self { state, ..stored.clone() })),
            ended if *ended == state => Ok(None),
            _ => Err(StoreError::Conflict { what: "the run has ended already, and otherwise" }),
        }
    }
}

/// Keeps idempotency keys.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Asks whether a change is to be made. Of all who ask at the same time one is told to make it. Returns when it is durable.
    async fn begin(&self, asked: RunAsked) -> Result<Begun, StoreError>;
    /// The change is made, and this is its answer. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if another run has taken over; [`StoreError::Conflict`] if this one ended otherwise.
    async fn finish(&self, name: RunName, run: Version, answer: RunAnswer) -> Result<(), StoreError>;
    /// Nothing was changed: the next who asks begins anew, also with another request. Returns when it is durable.
    ///
    /// # Errors
    /// As [`IdempotencyStore::finish`].
    async fn abandon(&self, name: RunName, run: Version) -> Result<(), StoreError>;
    /// Forgets up to `limit` keys that expired before `before`, and answers how many.
    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
