//! X25519 (RFC 7748) and the static key pair of the channel's Noise handshake.

use crate::SecurityError;
use aitrading_env::{Env, RngExt};
use curve25519_dalek::MontgomeryPoint;
use std::fmt;
use zeroize::Zeroizing;

/// The public key of a secret one.
#[must_use]
pub fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    MontgomeryPoint::mul_base_clamped(*secret).to_bytes()
}

/// The shared secret of our secret key and the peer's public one.
///
/// # Errors
/// [`SecurityError::LowOrderPoint`] if it would be all zeros: then the peer's key has no say in it and anybody knows it.
pub fn shared_secret(secret: &[u8; 32], public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, SecurityError> {
    let shared = Zeroizing::new(MontgomeryPoint(*public).mul_clamped(*secret).to_bytes());
    if crate::equal_in_constant_time(&shared[..], &[0; 32]) { Err(SecurityError::LowOrderPoint) } else { Ok(shared) }
}

/// A static X25519 key pair. `Debug` shows nothing; the secret is overwritten when dropped.
#[derive(Clone)]
pub struct NoiseKeyPair {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl fmt::Debug for NoiseKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoiseKeyPair(redacted)")
    }
}

impl NoiseKeyPair {
    /// A new pair.
    #[must_use]
    pub fn generate(env: &Env) -> Self {
        Self::from_secret(env.rng.bytes())
    }

    /// The pair of a stored secret.
    #[must_use]
    pub fn from_secret(secret: [u8; 32]) -> Self {
        Self { public: public_key(&secret), secret: Zeroizing::new(secret) }
    }

    /// The secret half, for the handshake and for sealed storage alone.
    #[must_use]
    pub const fn secret(&self) -> &Zeroizing<[u8; 32]> {
        &self.secret
    }

    /// The public half, which the peer knows or learns.
    #[must_use]
    pub const fn public(&self) -> [u8; 32] {
        self.public
    }
}
