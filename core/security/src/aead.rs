//! AES-256-GCM, and the sealed envelope for secrets at rest.
//!
//! Envelope: `magic(4) | version u8 | key_id(8) | nonce(12) | ciphertext | tag(16)`. The associated data holds the header, the
//! path that the blob belongs to and its schema version, so that one blob cannot stand in for another.

use crate::{Secret, SecurityError, sha256};
use aitrading_env::{Rng, RngExt};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use std::fmt;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;
/// Bytes of a tag.
pub const TAG_LEN: usize = 16;

const MAGIC: &[u8; 4] = b"ATSE";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 4 + 1 + 8;

/// An AES-256-GCM key, ready for use.
#[derive(Clone)]
pub struct AeadKey(LessSafeKey);

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadKey(redacted)")
    }
}

impl AeadKey {
    /// From 32 bytes.
    ///
    /// # Errors
    /// [`SecurityError::BadKey`] on any other length.
    pub fn new(key: &[u8]) -> Result<Self, SecurityError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SecurityError::BadKey("AES-256-GCM key"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts `text` in place and returns the tag. A nonce must never be used twice under one key.
    ///
    /// # Errors
    /// [`SecurityError::SealBroken`] if `text` is longer than the cipher allows.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8]) -> Result<[u8; TAG_LEN], SecurityError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag =
            self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), text).map_err(|_| SecurityError::SealBroken)?;
        tag.as_ref().try_into().map_err(|_| SecurityError::SealBroken)
    }

    /// Decrypts `text` in place. After an error its content means nothing.
    ///
    /// # Errors
    /// [`SecurityError::SealBroken`] if the tag does not fit.
    pub fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), SecurityError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .open_in_place_separate_tag(nonce, Aad::from(aad), Tag::from(*tag), text, 0..)
            .map(|_| ())
            .map_err(|_| SecurityError::SealBroken)
    }
}

/// A key for sealed envelopes, known by the first 8 bytes of a hash of it.
#[derive(Debug, Clone)]
pub struct SealKey {
    id: [u8; 8],
    key: AeadKey,
}

impl SealKey {
    /// From 32 bytes.
    ///
    /// # Errors
    /// Never for 32 bytes; the signature follows the primitive's.
    pub fn new(key: &[u8; KEY_LEN]) -> Result<Self, SecurityError> {
        let mut input = b"atp-seal-key-id\0".to_vec();
        input.extend_from_slice(key);
        let digest = sha256(&Secret::new(input).expose()[..]);
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Ok(Self { id: [a, b, c, d, e, f, g, h], key: AeadKey::new(key)? })
    }

    /// The name under which envelopes mention this key.
    #[must_use]
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    /// Seals `plaintext` for `path` and `schema`.
    ///
    /// # Errors
    /// [`SecurityError::SealBroken`] if the text is longer than the cipher allows (64 GiB).
    pub fn seal(&self, rng: &dyn Rng, path: &str, schema: u32, plaintext: &[u8]) -> Result<Vec<u8>, SecurityError> {
        let nonce: [u8; NONCE_LEN] = rng.bytes();
        let mut out = Vec::with_capacity(HEADER_LEN + NONCE_LEN + plaintext.len() + TAG_LEN);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&self.id);
        let aad = associated(&out, path, schema);
        out.extend_from_slice(&nonce);
        let mut text = Secret::new(plaintext.to_vec());
        let tag = self.key.seal(nonce, &aad, &mut text.0)?;
        out.extend_from_slice(text.expose());
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Opens what [`SealKey::seal`] made for the same `path` and `schema`.
    ///
    /// # Errors
    /// [`SecurityError::NotSealed`] for foreign or short bytes, [`SecurityError::UnknownKey`] if another key sealed it,
    /// [`SecurityError::SealBroken`] if anything was altered.
    pub fn open(&self, path: &str, schema: u32, envelope: &[u8]) -> Result<Secret<Vec<u8>>, SecurityError> {
        if sealed_by(envelope)? != self.id {
            return Err(SecurityError::UnknownKey);
        }
        let (header, rest) = envelope.split_at_checked(HEADER_LEN).ok_or(SecurityError::NotSealed)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SecurityError::NotSealed)?;
        let (text, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(SecurityError::NotSealed)?;
        let mut text = Secret::new(text.to_vec());
        self.key.open(*nonce, &associated(header, path, schema), &mut text.0, tag)?;
        Ok(text)
    }
}

/// The id of the key that sealed `envelope`.
///
/// # Errors
/// [`SecurityError::NotSealed`] for foreign or short bytes.
pub fn sealed_by(envelope: &[u8]) -> Result<[u8; 8], SecurityError> {
    let rest = envelope.strip_prefix(MAGIC).ok_or(SecurityError::NotSealed)?;
    match rest.split_first() {
        Some((&VERSION, rest)) => rest.first_chunk::<8>().copied().ok_or(SecurityError::NotSealed),
        _ => Err(SecurityError::NotSealed),
    }
}

fn associated(header: &[u8], path: &str, schema: u32) -> Vec<u8> {
    let mut aad = header.to_vec();
    aad.extend_from_slice(&schema.to_be_bytes());
    // Last, so that no length is needed to keep the parts apart.
    aad.extend_from_slice(path.as_bytes());
    aad
}
