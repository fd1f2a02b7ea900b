//! Tokens that were verified already, so that the next request with the same one costs a hash and a look.

use super::{Claims, TokenRefused, Verified};
use crate::sha256;
use aitrading_model::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Most tokens that are remembered.
pub const CACHE_ENTRIES_MAX: usize = 8_192;

/// SHA-256 of the token and of the certificate. The tree compares hashes: how long that takes says nothing about the token, of
/// which nobody can steer the hash.
type Key = ([u8; 32], [u8; 32]);

/// A bounded memory of verified tokens. When it is full, the one that expires first goes.
#[derive(Debug)]
pub struct VerifiedTokens {
    entries: BTreeMap<Key, Arc<Verified>>,
    by_end: BTreeSet<(Timestamp, Key)>,
    capacity: usize,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self::new(CACHE_ENTRIES_MAX)
    }
}

impl VerifiedTokens {
    /// Room for `capacity` tokens, at least one and at most [`CACHE_ENTRIES_MAX`].
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, CACHE_ENTRIES_MAX);
        Self { entries: BTreeMap::new(), by_end: BTreeSet::new(), capacity }
    }

    /// The verdict on a token that is remembered for this certificate, with time and door checked now; `None` if it is not.
    pub fn get(
        &mut self,
        token: &str,
        certificate: &[u8; 32],
        audience: &str,
        now: Timestamp,
    ) -> Option<Result<Arc<Verified>, TokenRefused>> {
        let key = (sha256(token.as_bytes()), *certificate);
        let found = Arc::clone(self.entries.get(&key)?);
        let checked = found.check(certificate, audience, now);
        if checked == Err(TokenRefused::Expired) {
            self.remove(&key);
        }
        Some(checked.map(|()| found))
    }

    /// Remembers what was verified for this certificate.
    pub fn put(&mut self, token: &str, certificate: &[u8; 32], verified: Arc<Verified>) {
        let key = (sha256(token.as_bytes()), *certificate);
        self.remove(&key);
        while self.entries.len() >= self.capacity {
            let Some((_, first)) = self.by_end.pop_first() else { break };
            self.entries.remove(&first);
        }
        self.by_end.insert((verified.claims().expires_at, key));
        self.entries.insert(key, verified);
    }

    /// Drops every token of which `is_dead` says so.
    pub fn forget(&mut self, is_dead: impl Fn(&Claims) -> bool) {
        let by_end = &mut self.by_end;
        self.entries.retain(|key, verified| {
            let dead = is_dead(verified.claims());
            if dead {
                by_end.remove(&(verified.claims().expires_at, *key));
            }
            !dead
        });
    }

    /// Drops all.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_end.clear();
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is nothing remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.entries.remove(key) {
            self.by_end.remove(&(old.claims().expires_at, *key));
        }
    }
}
