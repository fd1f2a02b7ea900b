//! The keys that sign tokens: one active, the next one published ahead, and retired ones for as long as a token of theirs lives.

use super::{TokenFault, last_token_dead, provider};
use crate::signing::{KeyId, SigningKey, VerifyingKey};
use aitrading_model::Timestamp;
use jsonwebtoken::DecodingKey;
use std::collections::BTreeMap;

/// Most retired keys that are kept.
pub const RETIRED_KEYS_MAX: usize = 8;

/// A key that signs no more, and whose tokens are still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetiredKey {
    /// The key.
    pub key: VerifyingKey,
    /// When its last token is dead.
    pub dead_at: Timestamp,
}

/// The issuer's ring. Its seeds belong into sealed storage ([`SigningKey::seed`]).
#[derive(Debug, Clone)]
pub struct TokenKeys {
    active: SigningKey,
    next: Option<SigningKey>,
    retired: Vec<RetiredKey>,
}

impl TokenKeys {
    /// A ring, new or from storage.
    ///
    /// # Errors
    /// [`TokenFault::KeyTwice`] or [`TokenFault::TooManyKeys`].
    pub fn new(active: SigningKey, next: Option<SigningKey>, retired: Vec<RetiredKey>) -> Result<Self, TokenFault> {
        if retired.len() > RETIRED_KEYS_MAX {
            return Err(TokenFault::TooManyKeys);
        }
        let ring = Self { active, next, retired };
        let count = ring.retired.len().saturating_add(1).saturating_add(usize::from(ring.next.is_some()));
        if ring.public().keys.len() == count { Ok(ring) } else { Err(TokenFault::KeyTwice) }
    }

    /// The key that signs.
    #[must_use]
    pub const fn active(&self) -> &SigningKey {
        &self.active
    }

    /// The key that will sign after the next rotation.
    #[must_use]
    pub const fn next(&self) -> Option<&SigningKey> {
        self.next.as_ref()
    }

    /// The keys that signed.
    #[must_use]
    pub fn retired(&self) -> &[RetiredKey] {
        &self.retired
    }

    /// The ring after a rotation at `now`: the next key signs, the active one retires until its last token is dead, `fresh`
    /// becomes the next, and what is dead goes. `now` is no earlier than the last token of the active key.
    ///
    /// # Errors
    /// [`TokenFault::NoNextKey`], [`TokenFault::KeyTwice`], [`TokenFault::TooManyKeys`].
    pub fn rotated(&self, fresh: SigningKey, now: Timestamp) -> Result<Self, TokenFault> {
        let active = self.next.clone().ok_or(TokenFault::NoNextKey)?;
        let mut retired: Vec<RetiredKey> = self.retired.iter().copied().filter(|key| now < key.dead_at).collect();
        retired.push(RetiredKey { key: self.active.verifying_key(), dead_at: last_token_dead(now) });
        Self::new(active, Some(fresh), retired)
    }

    /// The ring with a next key, where it has none.
    ///
    /// # Errors
    /// [`TokenFault::KeyTwice`], also if there is a next key already: verifiers know that one.
    pub fn with_next(&self, fresh: SigningKey) -> Result<Self, TokenFault> {
        if self.next.is_some() {
            return Err(TokenFault::KeyTwice);
        }
        Self::new(self.active.clone(), Some(fresh), self.retired.clone())
    }

    /// What verifiers need.
    #[must_use]
    pub fn public(&self) -> TokenKeySet {
        let next = self.next.as_ref().map(|key| (key.verifying_key(), None));
        let retired = self.retired.iter().map(|key| (key.key, Some(key.dead_at)));
        TokenKeySet::of(std::iter::once((self.active.verifying_key(), None)).chain(next).chain(retired))
    }
}

/// The keys that a verifier trusts, by name. A name from outside is looked up here and nowhere else.
#[derive(Debug, Clone, Default)]
pub struct TokenKeySet {
    keys: BTreeMap<KeyId, PublicKey>,
}

#[derive(Debug, Clone)]
struct PublicKey {
    key: DecodingKey,
    dead_at: Option<Timestamp>,
}

impl TokenKeySet {
    /// The set of these keys, each with the time of its end if it is retired.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = (VerifyingKey, Option<Timestamp>)>) -> Self {
        let public = |key: &VerifyingKey, dead_at| PublicKey { key: provider::decoding_key(key), dead_at };
        let most = RETIRED_KEYS_MAX.saturating_add(2);
        Self { keys: keys.into_iter().take(most).map(|(key, dead_at)| (key.id(), public(&key, dead_at))).collect() }
    }

    /// The key of that name, unless it is dead at `now`.
    pub(super) fn get(&self, id: KeyId, now: Timestamp) -> Option<&DecodingKey> {
        let found = self.keys.get(&id)?;
        found.dead_at.is_none_or(|dead_at| now < dead_at).then_some(&found.key)
    }
}
