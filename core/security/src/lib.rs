//! Keys, signatures, sealed envelopes, certificates and identities; logins and tokens; limits, lockouts, entitlements and roles.
//! It opens no socket and reads no file: bytes and time in, verdicts out.
//!
//! One implementation per primitive: ring for HMAC, HKDF and AES-256-GCM, dalek for Ed25519 and X25519, `sha2` for
//! SHA-256. `opaque-ke`, which proves passwords, stands on an older generation of these; nothing here reaches through
//! it to them.
#![warn(missing_docs)]

pub mod access;
pub mod aead;
pub mod entitlement;
mod error;
pub mod identity;
pub mod limits;
pub mod lockout;
pub mod login;
pub mod mac;
pub mod pki;
mod secret;
pub mod signing;
#[cfg(test)]
mod tests;
pub mod token;
pub mod x25519;

pub use error::SecurityError;
pub use identity::{Authenticator, PeerIdentity, Refused, SanAuthenticator, parse_identity};
pub use secret::Secret;
pub use x25519::NoiseKeyPair;

use sha2::Digest;

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// SHA-256 of bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all of them.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Compares two byte strings in a time that depends on their lengths alone.
#[must_use]
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    bool::from(subtle::ConstantTimeEq::ct_eq(a, b))
}
