//! What a device holds.

use crate::KeyStoreError;
use aitrading_env::{Env, RngExt};
use aitrading_security::{NoiseKeyPair, Secret, pki::Issued, signing::SigningKey};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes before the seed in a PKCS #8 Ed25519 key (RFC 8410), and their content.
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A device's keys, in memory. `Debug` names the public parts alone.
pub struct DeviceKeys {
    /// Certificate chain and private key for TLS. The same key signs reports, so the certificate names who signed.
    pub certificate: Issued,
    /// The certificate's key as a signing key.
    pub signing: SigningKey,
    /// Static key of the inner handshake.
    pub noise: NoiseKeyPair,
    /// Shared with the Expert Advisor; proves both to each other.
    pub ea_secret: Secret<[u8; 32]>,
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKeys").field("signing", &self.signing).finish_non_exhaustive()
    }
}

impl DeviceKeys {
    /// The keys of a newly enrolled device: its certificate, and fresh ones for everything else.
    ///
    /// # Errors
    /// [`KeyStoreError::NotEd25519`] if the certificate's key is of another kind.
    pub fn enrol(env: &Env, certificate: Issued) -> Result<Self, KeyStoreError> {
        let noise = NoiseKeyPair::generate(env);
        Self::assemble(certificate, noise, Secret::new(env.rng.bytes()))
    }

    /// The keys of a device that enrolled over the channel: the certificate, and the Noise key of that handshake, which is the one
    /// that the server knows.
    ///
    /// # Errors
    /// [`KeyStoreError::NotEd25519`] if the certificate's key is of another kind.
    pub fn enrolled(env: &Env, certificate: Issued, noise: NoiseKeyPair) -> Result<Self, KeyStoreError> {
        Self::assemble(certificate, noise, Secret::new(env.rng.bytes()))
    }

    pub(crate) fn assemble(
        certificate: Issued,
        noise: NoiseKeyPair,
        ea_secret: Secret<[u8; 32]>,
    ) -> Result<Self, KeyStoreError> {
        let signing = signing_key(&certificate)?;
        Ok(Self { certificate, signing, noise, ea_secret })
    }
}

/// The seed is the last 32 bytes of the key's PKCS #8 form.
fn signing_key(certificate: &Issued) -> Result<SigningKey, KeyStoreError> {
    let key = certificate.key();
    let seed = key.secret_der().strip_prefix(&PKCS8_ED25519).and_then(|rest| rest.first_chunk::<32>());
    let seed = Zeroizing::new(*seed.ok_or(KeyStoreError::NotEd25519)?);
    Ok(SigningKey::from_seed(&seed))
}
