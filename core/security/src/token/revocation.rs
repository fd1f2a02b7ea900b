//! What was taken back: a bounded list that refuses everything while it does not know.

use super::{
    Claims, FamilyId, LEEWAY, Moment, REVOCATION_STALE_AFTER, Subject, TOKEN_LIFETIME, TokenFault, TokenRefused,
    hex::{hex, unhex},
    last_token_dead,
};
use aitrading_model::{DeviceId, TenantId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Most revocations that are kept one by one. Beyond it every token that was issued until then is refused instead, and its owner
/// has to refresh.
pub const REVOCATIONS_MAX: usize = 65_536;
/// Longest stored form, in bytes.
const STORED_MAX: usize = 512;
const VERSION: u8 = 1;

/// What a revocation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RevocationScope {
    /// Every token that was issued until then.
    Everyone,
    /// A user's tokens that were issued until then.
    User {
        /// Whose.
        tenant: TenantId,
        /// Who.
        subject: Subject,
    },
    /// A device's tokens that were issued until then.
    Device {
        /// Whose.
        tenant: TenantId,
        /// Which.
        device: DeviceId,
    },
    /// All tokens of a login, whenever issued.
    Family {
        /// Whose.
        tenant: TenantId,
        /// Which.
        family: FamilyId,
    },
    /// All tokens that are bound to a certificate, whenever issued.
    Certificate {
        /// SHA-256 of its DER.
        #[serde(serialize_with = "digits", deserialize_with = "from_digits")]
        sha256: [u8; 32],
        /// The end of its validity: the revocation is kept until then.
        expires_at: Timestamp,
    },
}

/// One revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// Of what.
    pub scope: RevocationScope,
    /// When. Never before the newest token that it is meant for ([`super::TokenIssuer::last_issued`]).
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u8,
    scope: RevocationScope,
    at: Timestamp,
}

impl Revocation {
    /// The form for a store.
    ///
    /// # Errors
    /// [`TokenFault::BadState`]; no revocation is known that cannot be written.
    pub fn encode(&self) -> Result<String, TokenFault> {
        serde_json::to_string(&Stored { v: VERSION, scope: self.scope, at: self.at })
            .map_err(|_| TokenFault::BadState("revocation"))
    }

    /// From the form of a store.
    ///
    /// # Errors
    /// [`TokenFault::BadState`] for another version, unknown fields, or anything else.
    pub fn decode(text: &str) -> Result<Self, TokenFault> {
        let bad = TokenFault::BadState("revocation");
        if text.len() > STORED_MAX {
            return Err(bad);
        }
        let stored: Stored = serde_json::from_str(text).map_err(|_| bad)?;
        if stored.v == VERSION { Ok(Self { scope: stored.scope, at: stored.at }) } else { Err(bad) }
    }

    /// From when on no token is left that it is about.
    fn over_at(&self) -> Timestamp {
        let tokens = last_token_dead(self.at);
        match self.scope {
            RevocationScope::Certificate { expires_at, .. } => tokens.max(expires_at.plus(LEEWAY)),
            _ => tokens,
        }
    }
}

/// The same without what is no part of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    User(TenantId, Subject),
    Device(TenantId, DeviceId),
    Family(TenantId, FamilyId),
    Certificate([u8; 32]),
}

impl Key {
    const fn of(scope: RevocationScope) -> Option<Self> {
        Some(match scope {
            RevocationScope::Everyone => return None,
            RevocationScope::User { tenant, subject } => Self::User(tenant, subject),
            RevocationScope::Device { tenant, device } => Self::Device(tenant, device),
            RevocationScope::Family { tenant, family } => Self::Family(tenant, family),
            RevocationScope::Certificate { sha256, .. } => Self::Certificate(sha256),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Timestamp,
    over_at: Timestamp,
    learned_mono_ns: u64,
}

/// What was taken back, as this process knows it. New, it refuses everything until it has been loaded.
#[derive(Debug)]
pub struct RevocationList {
    everyone: Option<Timestamp>,
    entries: BTreeMap<Key, Entry>,
    capacity: usize,
    /// More certificates than can be remembered: nothing can be admitted any more.
    saturated: bool,
    read_mono_ns: Option<u64>,
}

impl Default for RevocationList {
    fn default() -> Self {
        Self::new(REVOCATIONS_MAX)
    }
}

impl RevocationList {
    /// An empty list that knows nothing yet, for `capacity` revocations (at most [`REVOCATIONS_MAX`]).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, REVOCATIONS_MAX);
        Self { everyone: None, entries: BTreeMap::new(), capacity, saturated: false, read_mono_ns: None }
    }

    /// Takes in what the durable source held when reading it began, at `read_at`. What is known already stays: a revocation
    /// may be younger than the reading.
    pub fn load(&mut self, revocations: impl IntoIterator<Item = Revocation>, read_at: Moment) {
        for revocation in revocations {
            self.revoke(revocation, read_at);
        }
        self.prune(read_at);
        self.read_mono_ns = self.read_mono_ns.max(Some(read_at.mono_ns));
    }

    /// Revokes. A later one of the same scope wins.
    pub fn revoke(&mut self, revocation: Revocation, now: Moment) {
        let Some(key) = Key::of(revocation.scope) else {
            self.everyone = self.everyone.max(Some(revocation.at));
            return;
        };
        if !self.entries.contains_key(&key) && self.entries.len() >= self.capacity {
            self.make_room(now);
        }
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.saturated = true;
            return;
        }
        let new = Entry { at: revocation.at, over_at: revocation.over_at(), learned_mono_ns: now.mono_ns };
        let entry = self.entries.entry(key).or_insert(new);
        entry.over_at = entry.over_at.max(new.over_at);
        // Hearing the same again is no news, or an entry that is loaded every minute would never go.
        if new.at > entry.at {
            (entry.at, entry.learned_mono_ns) = (new.at, new.learned_mono_ns);
        }
    }

    /// Was the token taken back?
    ///
    /// # Errors
    /// [`TokenRefused::RevocationUnknown`] before the first load, [`REVOCATION_STALE_AFTER`] after the last one, and if more
    /// certificates were revoked than can be remembered; [`TokenRefused::Revoked`].
    pub fn check(&self, claims: &Claims, now: Moment) -> Result<(), TokenRefused> {
        let stale = self.read_mono_ns.is_none_or(|read| now.is_after(read, REVOCATION_STALE_AFTER));
        if stale || self.saturated {
            return Err(TokenRefused::RevocationUnknown);
        }
        if self.is_revoked(claims) { Err(TokenRefused::Revoked) } else { Ok(()) }
    }

    fn is_revoked(&self, claims: &Claims) -> bool {
        let (grant, issued_at) = (&claims.grant, claims.issued_at);
        // A token carries the whole second that it was issued in. Of the second in which something was revoked, all are refused.
        let until = |at: Timestamp| issued_at <= at;
        let at = |key: Key| self.entries.get(&key).map(|entry| entry.at);
        self.everyone.is_some_and(until)
            || at(Key::User(grant.tenant, grant.subject)).is_some_and(until)
            || grant.device.and_then(|device| at(Key::Device(grant.tenant, device))).is_some_and(until)
            || at(Key::Family(grant.tenant, grant.family)).is_some()
            || at(Key::Certificate(grant.certificate)).is_some()
    }

    /// Drops what no living token can be about, by both clocks: one that is set ahead for a while must not make us forget.
    pub fn prune(&mut self, now: Moment) {
        let life = TOKEN_LIFETIME.saturating_add(LEEWAY).saturating_add(LEEWAY);
        let over = |entry: &Entry| now.wall >= entry.over_at && now.is_after(entry.learned_mono_ns, life);
        self.entries.retain(|_, entry| !over(entry));
    }

    /// How many are kept one by one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Are none kept?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Replaces what can be replaced by one line: every token until the latest of them.
    fn make_room(&mut self, now: Moment) {
        self.prune(now);
        if self.entries.len() < self.capacity {
            return;
        }
        let single = |key: &Key| !matches!(key, Key::Certificate(_));
        let latest = self.entries.iter().filter(|(key, _)| single(key)).map(|(_, entry)| entry.at).max();
        self.everyone = self.everyone.max(latest);
        self.entries.retain(|key, _| !single(key));
    }
}

fn digits<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

fn from_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    unhex(text.as_bytes()).ok_or_else(|| serde::de::Error::custom("64 lower-case digits are expected"))
}
