//! Checking access tokens. There is one way to write a token, and everything else is refused: the header has to be ours byte for
//! byte, and the claims have to encode again to the bytes that were signed.
//!
//! `jsonwebtoken` decodes and checks behind that narrow gate. Dates are ours to check: the library would ask the machine's clock.

use super::{
    Claims, LEEWAY, TOKEN_BYTES_MAX, TOKEN_LIFETIME, TokenFault, TokenKeySet, TokenRefused,
    claims::{RawClaims, is_name},
    hex::unhex,
    provider,
};
use crate::{equal_in_constant_time, signing::KeyId};
use aitrading_model::Timestamp;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, decode, errors::ErrorKind};

/// The header up to the key's name, which 16 digits and [`HEADER_END`] follow. `alg`, `typ` and the absence of `jku`, `x5u`, `jwk`,
/// `crit` and all others are pinned by it.
const HEADER_START: &[u8] = br#"{"typ":"at+jwt","alg":"EdDSA","kid":""#;
const HEADER_END: &[u8] = br#""}"#;

/// What a token said that was good: only [`TokenVerifier::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    claims: Claims,
}

impl Verified {
    /// What it says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Checks again what changes between two uses of the same token: time, door and certificate.
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub(super) fn check(&self, certificate: &[u8; 32], audience: &str, now: Timestamp) -> Result<(), TokenRefused> {
        dates(&self.claims, now)?;
        if self.claims.grant.audience != audience {
            return Err(TokenRefused::Audience);
        }
        if !equal_in_constant_time(&self.claims.grant.certificate, certificate) {
            return Err(TokenRefused::Binding);
        }
        Ok(())
    }
}

/// Checks tokens of one issuer.
#[derive(Debug, Clone)]
pub struct TokenVerifier {
    issuer: String,
    keys: TokenKeySet,
    validation: Validation,
}

impl TokenVerifier {
    /// A verifier of the issuer's tokens under these keys.
    ///
    /// # Errors
    /// [`TokenFault::Grant`] for a name that no issuer has, [`TokenFault::ForeignProvider`].
    pub fn new(issuer: &str, keys: TokenKeySet) -> Result<Self, TokenFault> {
        if !is_name(issuer) {
            return Err(TokenFault::Grant("the issuer needs a name of 1 to 64 visible ASCII characters"));
        }
        if !provider::is_installed() {
            return Err(TokenFault::ForeignProvider);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Checked by us, against the clock and the door that the caller names.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Ok(Self { issuer: issuer.to_owned(), keys, validation })
    }

    /// Checks a token that was presented at the door `audience`, at `now`, over a connection whose client certificate has that
    /// SHA-256 (of the DER). Revocation is not looked at: [`super::TokenGate`] does both.
    ///
    /// # Errors
    /// [`TokenRefused`]; never panics, whatever the bytes are.
    pub fn verify(
        &self,
        token: &str,
        certificate: &[u8; 32],
        audience: &str,
        now: Timestamp,
    ) -> Result<Verified, TokenRefused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenRefused::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenRefused::Malformed);
        };
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenRefused::Malformed)?;
        let kid = header.strip_prefix(HEADER_START).and_then(|rest| rest.strip_suffix(HEADER_END)).and_then(unhex);
        let kid = KeyId(kid.ok_or(TokenRefused::Malformed)?);
        let key = self.keys.get(kid, now).ok_or(TokenRefused::Key)?;
        let raw: RawClaims = decode(token, key, &self.validation).map_err(|error| refused(error.kind()))?.claims;
        // Anything that our issuer would have written differently was written by somebody else: repeated or reordered claims,
        // spaces, escapes, numbers with fractions.
        if raw.encoded().as_deref() != Some(payload) {
            return Err(TokenRefused::Malformed);
        }
        if raw.issuer() != self.issuer {
            return Err(TokenRefused::Issuer);
        }
        let verified = Verified { claims: raw.read()? };
        verified.check(certificate, audience, now)?;
        Ok(verified)
    }
}

fn refused(kind: &ErrorKind) -> TokenRefused {
    match kind {
        ErrorKind::InvalidSignature => TokenRefused::Signature,
        _ => TokenRefused::Malformed,
    }
}

fn dates(claims: &Claims, now: Timestamp) -> Result<(), TokenRefused> {
    let (issued_at, not_before, expires_at) = (claims.issued_at, claims.not_before, claims.expires_at);
    // The order makes the differences below lie between nought and the longest life.
    if issued_at > not_before || not_before >= expires_at || expires_at > issued_at.plus(TOKEN_LIFETIME) {
        return Err(TokenRefused::Lifetime);
    }
    if now.plus(LEEWAY) < not_before {
        return Err(TokenRefused::NotYet);
    }
    if now >= expires_at.plus(LEEWAY) {
        return Err(TokenRefused::Expired);
    }
    Ok(())
}
