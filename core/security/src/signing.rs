//! Ed25519 signatures over a domain string and a hash of the bytes, and the two-slot set of trusted keys.
//!
//! Verification is strict on both sides: small-order keys and malleable signatures are refused, so that all verifiers agree.

use crate::{SecurityError, sha256};
use aitrading_env::{Env, RngExt};
use ed25519_dalek::Signer;
use std::fmt;

/// Domain of signals.
pub const SIGNAL_DOMAIN: &str = "atp-signal-v1\0";
/// Domain of reports.
pub const REPORT_DOMAIN: &str = "atp-report-v1\0";

/// A detached signature.
pub type Signature = [u8; 64];

/// Names a public key: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// An Ed25519 key pair. `Debug` shows the key id alone; the secret is overwritten when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().id())
    }
}

impl SigningKey {
    /// A new key.
    #[must_use]
    pub fn generate(env: &Env) -> Self {
        let seed = zeroize::Zeroizing::new(env.rng.bytes::<32>());
        Self::from_seed(&seed)
    }

    /// The key that grows from a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for sealed storage alone.
    #[must_use]
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs `domain || SHA-256(bytes)`. `domain` ends in a NUL, as [`SIGNAL_DOMAIN`] does, so that no domain is the beginning of another.
    #[must_use]
    pub fn sign_detached(&self, domain: &str, bytes: &[u8]) -> Signature {
        self.0.sign(&message(domain, bytes)).to_bytes()
    }

    /// Signs the bytes as they are: for formats that define their own message (signed notes). Everything of ours uses
    /// [`SigningKey::sign_detached`].
    #[must_use]
    pub fn sign_raw(&self, message: &[u8]) -> Signature {
        self.0.sign(message).to_bytes()
    }
}

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id())
    }
}

impl VerifyingKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    /// [`SecurityError::BadKey`] if they are no point of the curve or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SecurityError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| SecurityError::BadKey("Ed25519 key"))?;
        if key.is_weak() { Err(SecurityError::BadKey("Ed25519 key")) } else { Ok(Self(key)) }
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, e, f, g, h, ..] = sha256(self.0.as_bytes());
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// Checks what [`SigningKey::sign_detached`] made.
    ///
    /// # Errors
    /// [`SecurityError::BadSignature`].
    pub fn verify_detached(&self, domain: &str, bytes: &[u8], signature: &Signature) -> Result<(), SecurityError> {
        self.verify_raw(&message(domain, bytes), signature)
    }

    /// Checks what [`SigningKey::sign_raw`] made.
    ///
    /// # Errors
    /// [`SecurityError::BadSignature`].
    pub fn verify_raw(&self, message: &[u8], signature: &Signature) -> Result<(), SecurityError> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).map_err(|_| SecurityError::BadSignature)
    }
}

/// The keys that a verifier trusts: the current one, and the next one while a rotation is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRing {
    /// In use.
    pub current: VerifyingKey,
    /// Published before it comes into use, so that rotation needs no release.
    pub next: Option<VerifyingKey>,
}

impl KeyRing {
    /// A ring with one key.
    #[must_use]
    pub const fn new(current: VerifyingKey) -> Self {
        Self { current, next: None }
    }

    /// The trusted key of that name.
    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&VerifyingKey> {
        std::iter::once(&self.current).chain(self.next.as_ref()).find(|key| key.id() == id)
    }

    /// Checks a signature by the key that the envelope names.
    ///
    /// # Errors
    /// [`SecurityError::UnknownKey`] or [`SecurityError::BadSignature`].
    pub fn verify(&self, id: KeyId, domain: &str, bytes: &[u8], signature: &Signature) -> Result<(), SecurityError> {
        self.get(id).ok_or(SecurityError::UnknownKey)?.verify_detached(domain, bytes, signature)
    }

    /// Makes the next key the current one and drops the old one; nothing happens while there is no next key.
    pub fn rotate(&mut self) {
        if let Some(next) = self.next.take() {
            self.current = next;
        }
    }
}

fn message(domain: &str, bytes: &[u8]) -> Vec<u8> {
    debug_assert!(domain.ends_with('\0'), "a domain ends in NUL");
    let mut message = Vec::with_capacity(domain.len() + 32);
    message.extend_from_slice(domain.as_bytes());
    message.extend_from_slice(&sha256(bytes));
    message
}
