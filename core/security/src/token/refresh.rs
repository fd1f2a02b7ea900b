//! Refresh families: how a login lives on beyond one access token, and how its theft shows.
//!
//! A family has one present secret. Its client makes the next one itself and hands in its hash, so an answer that gets lost loses
//! nothing: the client holds both. Every secret carries a tag of the family's key, so each one that ever belonged to the family is
//! recognised as such for ever, without a list. Whoever presents a spent one ends the family.

mod body;
mod holder;
mod secret;
mod stored;

pub use body::RefreshBody;
pub use holder::{Asked, RefreshHolder, RefreshTurn};
pub use secret::{FamilyKey, RefreshSecret, SecretHash};

use super::{FamilyId, Subject};
use crate::equal_in_constant_time;
use aitrading_env::{Rng, RngExt as _};
use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use std::{fmt, time::Duration};

/// For so long the same request is answered the same way.
pub const REPEAT_WITHIN: Duration = Duration::from_secs(30);
/// A login ends after this, however often it is refreshed.
pub const FAMILY_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// A login ends when it was not refreshed for this long.
pub const FAMILY_IDLE: Duration = Duration::from_hours(7 * 24);

/// What a login was made for. Roles are not in it: they are looked up at every refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Whose.
    pub tenant: TenantId,
    /// Who.
    pub subject: Subject,
    /// The installation, if it is one.
    pub device: Option<DeviceId>,
    /// The only account that it may speak for, if there is one.
    pub account: Option<AccountId>,
    /// Was there a second factor?
    pub second_factor: bool,
}

/// What a client asks.
#[derive(Debug)]
pub struct RefreshRequest {
    /// The present secret.
    pub secret: RefreshSecret,
    /// The hash of the next one, which the client has made and stored.
    pub successor: SecretHash,
    /// SHA-256 of the public key (SPKI) of the connection's client certificate.
    pub device_key: [u8; 32],
}

/// The answer to a [`RefreshRequest`]. Nothing is granted before a store has replaced the family by the new one, compared with
/// the one that was read; if that fails, read again and ask again.
#[derive(Debug)]
pub enum Rotation {
    /// The successor is the present secret now: store this, then grant an access token.
    Issued(Box<RefreshFamily>),
    /// The same as a moment ago, because the answer was lost: grant an access token, store nothing.
    Repeated,
    /// A spent secret, or a secret from another device: somebody else has it. Store this, revoke the family's access tokens, and
    /// alert ([`RefreshRefused::Reused`]).
    Reused(Box<RefreshFamily>),
    /// No.
    Refused(RefreshRefused),
}

/// Why a family is not refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RefreshRefused {
    /// Not the form of a secret.
    #[error("this is no refresh secret; log in again")]
    Malformed,
    /// No secret of this family.
    #[error("the refresh secret belongs to no login here; log in again")]
    Unknown,
    /// A secret that was made, and whose rotation never happened.
    #[error("the refresh secret is not in use yet: present the one before it, with this one's hash")]
    Ahead,
    /// The next secret is the present one. To a client that does not know, it says that this secret is in use.
    #[error("the hash of the next secret is that of the present one; make a new secret")]
    Successor,
    /// Too old, or unused for too long.
    #[error("the login has ended: it was made 30 days ago, or not used for 7 days; log in again")]
    Expired,
    /// Ended before.
    #[error("the login was ended; log in again")]
    Revoked,
    /// A secret was used a second time.
    #[error(
        "a refresh secret was used twice: two parties hold it, so the login was ended; log in again, and look for the theft"
    )]
    Reused,
}

impl RefreshRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "REFRESH_MALFORMED",
            Self::Unknown => "REFRESH_UNKNOWN",
            Self::Ahead => "REFRESH_AHEAD",
            Self::Successor => "REFRESH_SUCCESSOR",
            Self::Expired => "REFRESH_EXPIRED",
            Self::Revoked => "REFRESH_REVOKED",
            Self::Reused => "REFRESH_REUSED",
        }
    }
}

impl Coded for RefreshRefused {
    fn dna(&self) -> Dna {
        let dna = Dna::new("security", self.code(), Category::Access).side(FaultSide::Caller);
        match self {
            Self::Reused => dna.severity(Severity::Critical),
            Self::Ahead | Self::Expired => dna.severity(Severity::Info),
            _ => dna.severity(Severity::Warning),
        }
    }

    fn public_message(&self) -> String {
        match self {
            // Only someone who can make secrets of the family gets this answer.
            Self::Ahead => "the refresh secret is not in use yet: present the one before it",
            Self::Successor => "the next refresh secret has to be a new one",
            _ => "the login cannot be refreshed; log in again",
        }
        .to_owned()
    }
}

/// One login, as a store keeps it. The stored form holds hashes of secrets, and the family's key, with which secrets can be
/// recognised and a family ended, but nothing can be refreshed.
#[derive(Clone)]
pub struct RefreshFamily {
    id: FamilyId,
    login: Login,
    device_key: [u8; 32],
    key: FamilyKey,
    generation: u64,
    current: SecretHash,
    previous: Option<SecretHash>,
    opened_at: Timestamp,
    rotated_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl fmt::Debug for RefreshFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshFamily")
            .field("id", &self.id)
            .field("login", &self.login)
            .field("generation", &self.generation)
            .field("opened_at", &self.opened_at)
            .field("rotated_at", &self.rotated_at)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

impl RefreshFamily {
    /// A login from the device with that key (SHA-256 of its SPKI). The key of the family and the first secret go to the client,
    /// over the connection that it logged in on, and nowhere else.
    #[must_use]
    pub fn open(login: Login, device_key: [u8; 32], now: Timestamp, rng: &dyn Rng) -> (Self, RefreshHolder) {
        let (id, key) = (FamilyId(rng.bytes()), FamilyKey::generate(rng));
        let first = key.secret(id, 0, rng);
        let family = Self {
            id,
            login,
            device_key,
            key: key.clone(),
            generation: 0,
            current: first.hash(),
            previous: None,
            opened_at: now,
            rotated_at: now,
            revoked_at: None,
        };
        (family, RefreshHolder::new(key, first))
    }

    /// What becomes of the family by this request. Pure: nothing has happened until a store has kept it.
    #[must_use]
    pub fn rotate(&self, request: &RefreshRequest, now: Timestamp) -> Rotation {
        let secret = &request.secret;
        // A stranger's guess must not end anybody's login: only what the family's key has tagged gets further.
        if secret.family() != self.id || !self.key.made(secret) {
            return Rotation::Refused(RefreshRefused::Unknown);
        }
        if self.revoked_at.is_some() {
            return Rotation::Refused(RefreshRefused::Revoked);
        }
        if self.is_over(now) {
            return Rotation::Refused(RefreshRefused::Expired);
        }
        if secret.generation() > self.generation {
            return Rotation::Refused(RefreshRefused::Ahead);
        }
        let presented = secret.hash();
        if !equal_in_constant_time(&self.device_key, &request.device_key) {
            return Rotation::Reused(Box::new(self.revoked(now)));
        }
        if presented.is(&self.current) {
            return self.succeeded(presented, &request.successor, now);
        }
        let lately = now.since(self.rotated_at) <= i64::try_from(REPEAT_WITHIN.as_nanos()).unwrap_or(i64::MAX);
        let previous = self.previous.as_ref().is_some_and(|previous| presented.is(previous));
        if lately && previous && request.successor.is(&self.current) {
            return Rotation::Repeated;
        }
        Rotation::Reused(Box::new(self.revoked(now)))
    }

    fn succeeded(&self, presented: SecretHash, successor: &SecretHash, now: Timestamp) -> Rotation {
        if successor.is(&presented) {
            return Rotation::Refused(RefreshRefused::Successor);
        }
        let Some(generation) = self.generation.checked_add(1) else {
            return Rotation::Refused(RefreshRefused::Expired);
        };
        Rotation::Issued(Box::new(Self {
            generation,
            current: successor.clone(),
            previous: Some(presented),
            rotated_at: now,
            ..self.clone()
        }))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.opened_at.plus(FAMILY_LIFETIME) || now >= self.rotated_at.plus(FAMILY_IDLE)
    }

    /// The family after its end: a logout, an operator's word, a theft. A family that has ended stays as it is.
    #[must_use]
    pub fn revoked(&self, now: Timestamp) -> Self {
        Self { revoked_at: self.revoked_at.or(Some(now)), ..self.clone() }
    }

    /// Which.
    #[must_use]
    pub const fn id(&self) -> FamilyId {
        self.id
    }

    /// What it was made for.
    #[must_use]
    pub const fn login(&self) -> &Login {
        &self.login
    }

    /// How often it was rotated: a store compares this, and [`RefreshFamily::revoked_at`], before it replaces a family.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// When it was ended, if it was.
    #[must_use]
    pub const fn revoked_at(&self) -> Option<Timestamp> {
        self.revoked_at
    }

    /// From when on it can be forgotten: no secret of it is good any more.
    #[must_use]
    pub fn over_at(&self) -> Timestamp {
        self.opened_at.plus(FAMILY_LIFETIME).min(self.rotated_at.plus(FAMILY_IDLE))
    }
}
