//! Issuing access tokens.

use super::{
    Claims, Grant, LEEWAY, TOKEN_BYTES_MAX, TOKEN_LIFETIME, TokenFault, TokenId, TokenKeys,
    claims::{RawClaims, is_name},
    provider, whole_second,
};
use crate::{Secret, signing::SigningKey};
use aitrading_env::{Rng, RngExt as _};
use aitrading_model::Timestamp;
use jsonwebtoken::{Algorithm, Header, encode};

/// `typ` of every access token (RFC 9068).
const TYPE: &str = "at+jwt";

/// A token and what it says.
#[derive(Debug)]
pub struct IssuedToken {
    /// The compact form: for its client alone.
    pub token: Secret<String>,
    /// What it says.
    pub claims: Claims,
}

/// Signs access tokens with the active key of its ring.
#[derive(Debug)]
pub struct TokenIssuer {
    name: String,
    keys: TokenKeys,
    last_issued: Timestamp,
}

impl TokenIssuer {
    /// An issuer with a name (`iss`). `last_issued` is what [`TokenIssuer::last_issued`] said before a restart, or the
    /// beginning of time.
    ///
    /// # Errors
    /// [`TokenFault::Grant`] for a name that is not 1 to 64 visible ASCII characters, [`TokenFault::ForeignProvider`].
    pub fn new(name: &str, keys: TokenKeys, last_issued: Timestamp) -> Result<Self, TokenFault> {
        if !is_name(name) {
            return Err(TokenFault::Grant("the issuer needs a name of 1 to 64 visible ASCII characters"));
        }
        if !provider::is_installed() {
            return Err(TokenFault::ForeignProvider);
        }
        Ok(Self { name: name.to_owned(), keys, last_issued })
    }

    /// A token for `grant`, good from this second on for [`TOKEN_LIFETIME`].
    ///
    /// # Errors
    /// [`TokenFault::ClockWentBack`] if `now` is more than the leeway before the last token: its successors would be good
    /// again at a time that has passed. [`TokenFault::Grant`], [`TokenFault::Clock`], [`TokenFault::Signing`].
    pub fn issue(&mut self, grant: Grant, now: Timestamp, rng: &dyn Rng) -> Result<IssuedToken, TokenFault> {
        if now.plus(LEEWAY) < self.last_issued {
            return Err(TokenFault::ClockWentBack);
        }
        let issued_at = whole_second(now);
        let expires_at = issued_at.plus(TOKEN_LIFETIME);
        let claims = Claims { grant, id: TokenId(rng.bytes()), issued_at, not_before: issued_at, expires_at };
        let raw = RawClaims::write(&claims, &self.name)?;
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(self.keys.active().verifying_key().id().to_string()),
            ..Header::new(Algorithm::EdDSA)
        };
        let token = encode(&header, &raw, &provider::encoding_key(self.keys.active()));
        let token = Secret::new(token.map_err(|_| TokenFault::Signing)?);
        if token.expose().len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Grant("it needs more than 4,096 bytes"));
        }
        self.last_issued = self.last_issued.max(now);
        Ok(IssuedToken { token, claims })
    }

    /// Rotates the ring: the next key signs from now on, `fresh` is published as the next.
    ///
    /// # Errors
    /// As [`TokenKeys::rotated`]; then nothing has changed.
    pub fn rotate(&mut self, fresh: SigningKey, now: Timestamp) -> Result<(), TokenFault> {
        self.keys = self.keys.rotated(fresh, now.max(self.last_issued))?;
        Ok(())
    }

    /// The ring.
    #[must_use]
    pub const fn keys(&self) -> &TokenKeys {
        &self.keys
    }

    /// The name that it writes into tokens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The latest time at which a token was issued. To be kept across restarts, and the least time of any revocation.
    #[must_use]
    pub const fn last_issued(&self) -> Timestamp {
        self.last_issued
    }
}
