//! Keys, signatures, sealed envelopes, certificates and identities. It opens no socket and reads no file: bytes in, bytes out.
//!
//! One implementation per primitive: ring for HMAC, HKDF and AES-256-GCM, dalek for Ed25519 and X25519, `sha2` for SHA-256.
#![warn(missing_docs)]

pub mod aead;
mod error;
pub mod identity;
pub mod mac;
pub mod pki;
mod secret;
pub mod signing;
#[cfg(test)]
mod tests;
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

/// Compares two byte strings in a time that depends on their lengths alone.
#[must_use]
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    bool::from(subtle::ConstantTimeEq::ct_eq(a, b))
}
