//! The one call for a door: verified, bound, not revoked. Shared by all threads of a service.

use super::{
    Moment, Revocation, RevocationList, TokenFault, TokenKeySet, TokenRefused, TokenVerifier, Verified, VerifiedTokens,
};
use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};

/// Verifier, memory and revocations together. A token passes only through all of them, and every pass looks at the revocations
/// anew, whether the token is remembered or not.
#[derive(Debug)]
pub struct TokenGate {
    issuer: String,
    verifier: RwLock<TokenVerifier>,
    cache: Mutex<VerifiedTokens>,
    revocations: RwLock<RevocationList>,
    /// The newest `iat` that was seen: no revocation may be dated before it.
    newest: AtomicI64,
}

impl TokenGate {
    /// A gate that lets nobody in until the revocations have been loaded.
    ///
    /// # Errors
    /// As [`TokenVerifier::new`].
    pub fn new(issuer: &str, keys: TokenKeySet) -> Result<Self, TokenFault> {
        Ok(Self {
            issuer: issuer.to_owned(),
            verifier: RwLock::new(TokenVerifier::new(issuer, keys)?),
            cache: Mutex::default(),
            revocations: RwLock::default(),
            newest: AtomicI64::new(i64::MIN),
        })
    }

    /// Lets in, or says why not. Arguments as for [`TokenVerifier::verify`].
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub fn admit(
        &self,
        token: &str,
        certificate: &[u8; 32],
        audience: &str,
        now: Moment,
    ) -> Result<Arc<Verified>, TokenRefused> {
        if token.len() > super::TOKEN_BYTES_MAX {
            return Err(TokenRefused::TooLong);
        }
        let known =
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(token, certificate, audience, now.wall);
        let verified = match known {
            Some(verdict) => verdict?,
            None => self.verify(token, certificate, audience, now)?,
        };
        let revocations = self.revocations.read().unwrap_or_else(PoisonError::into_inner);
        revocations.check(verified.claims(), now)?;
        Ok(verified)
    }

    fn verify(
        &self,
        token: &str,
        certificate: &[u8; 32],
        audience: &str,
        now: Moment,
    ) -> Result<Arc<Verified>, TokenRefused> {
        // Held until the token is remembered: keys that change meanwhile clear the memory only after it.
        let verifier = self.verifier.read().unwrap_or_else(PoisonError::into_inner);
        let verified = Arc::new(verifier.verify(token, certificate, audience, now.wall)?);
        self.newest.fetch_max(verified.claims().issued_at.0, Ordering::AcqRel);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(token, certificate, Arc::clone(&verified));
        Ok(verified)
    }

    /// Takes other keys, and forgets what the old ones verified.
    ///
    /// # Errors
    /// As [`TokenVerifier::new`]; then nothing has changed.
    pub fn set_keys(&self, keys: TokenKeySet) -> Result<(), TokenFault> {
        let next = TokenVerifier::new(&self.issuer, keys)?;
        let mut verifier = self.verifier.write().unwrap_or_else(PoisonError::into_inner);
        *verifier = next;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Revokes at once in this process. The answer is the revocation as it has to be made durable: if the clock went back, it
    /// is dated at the newest token that was seen.
    pub fn revoke(&self, revocation: Revocation, now: Moment) -> Revocation {
        let newest = self.newest.load(Ordering::Acquire);
        let revocation = Revocation { at: revocation.at.max(aitrading_model::Timestamp(newest)), ..revocation };
        self.revocations.write().unwrap_or_else(PoisonError::into_inner).revoke(revocation, now);
        self.drop_revoked(now);
        revocation
    }

    /// Takes in what the durable source held when reading it began, at `read_at`. To be called again within
    /// [`super::REVOCATION_STALE_AFTER`], also when there is nothing new.
    pub fn load(&self, revocations: impl IntoIterator<Item = Revocation>, read_at: Moment) {
        self.revocations.write().unwrap_or_else(PoisonError::into_inner).load(revocations, read_at);
        self.drop_revoked(read_at);
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn drop_revoked(&self, now: Moment) {
        let revocations = self.revocations.read().unwrap_or_else(PoisonError::into_inner);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.forget(|claims| revocations.check(claims, now) == Err(TokenRefused::Revoked));
    }
}
