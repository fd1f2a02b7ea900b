//! Refresh secrets, their hashes, and the key that tags them. None of the three can be compared with `==`: there is a method that
//! takes the same time for every answer.

use super::{FamilyId, RefreshRefused};
use crate::{Secret, equal_in_constant_time, mac, sha256};
use aitrading_env::{Rng, RngExt as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;

/// What a secret's text begins with, so that one that lies around can be recognised.
const PREFIX: &str = "atr1_";
const KEY_PREFIX: &str = "atf1_";
const DOMAIN: &[u8] = b"atp-refresh-v1\0";
/// Family 16, generation 8, random 32.
const BODY: usize = 56;
const SECRET: usize = 88;

/// A refresh secret: `family 16 | generation u64 | random 32 | tag 32`, the tag being HMAC-SHA256 of the rest under the key of the
/// family.
///
/// Two secrets cannot be compared:
/// ```compile_fail
/// fn same(a: &aitrading_security::token::RefreshSecret, b: &aitrading_security::token::RefreshSecret) -> bool { a == b }
/// ```
#[derive(Debug)]
pub struct RefreshSecret(Secret<[u8; SECRET]>);

impl Clone for RefreshSecret {
    fn clone(&self) -> Self {
        Self(Secret::new(*self.0.expose()))
    }
}

impl RefreshSecret {
    /// From its text.
    ///
    /// # Errors
    /// [`RefreshRefused::Malformed`] for everything but the one spelling.
    pub fn parse(text: &str) -> Result<Self, RefreshRefused> {
        decoded(text, PREFIX).map(Self).ok_or(RefreshRefused::Malformed)
    }

    /// Its text, for its client alone.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        encoded(PREFIX, self.0.expose())
    }

    /// The family that it says it belongs to: where to look for it.
    #[must_use]
    pub fn family(&self) -> FamilyId {
        let (family, _) = self.0.expose().split_first_chunk().unwrap_or((&[0; 16], &[]));
        FamilyId(*family)
    }

    /// The how-manieth of its family it says it is.
    pub(super) fn generation(&self) -> u64 {
        let after = self.0.expose().split_at(16).1;
        after.first_chunk().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes))
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(sha256(self.0.expose()))
    }
}

/// SHA-256 of a [`RefreshSecret`].
#[derive(Clone)]
pub struct SecretHash([u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(redacted)")
    }
}

impl SecretHash {
    /// As it was handed in.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be handed in or stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Are they the same? Takes the same time for every answer.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        equal_in_constant_time(&self.0, &other.0)
    }
}

/// The key of a family: it tags secrets, so that each can be recognised for ever. It opens nothing.
#[derive(Debug)]
pub struct FamilyKey(Secret<[u8; 32]>);

impl Clone for FamilyKey {
    fn clone(&self) -> Self {
        Self(Secret::new(*self.0.expose()))
    }
}

impl FamilyKey {
    pub(super) fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(rng.bytes()))
    }

    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// From its text.
    ///
    /// # Errors
    /// [`RefreshRefused::Malformed`].
    pub fn parse(text: &str) -> Result<Self, RefreshRefused> {
        decoded(text, KEY_PREFIX).map(Self).ok_or(RefreshRefused::Malformed)
    }

    /// Its text, for its client alone.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        encoded(KEY_PREFIX, self.0.expose())
    }

    /// A new secret of that family and generation.
    pub(super) fn secret(&self, family: FamilyId, generation: u64, rng: &dyn Rng) -> RefreshSecret {
        let random = zeroize::Zeroizing::new(rng.bytes::<32>());
        let parts = family.0.into_iter().chain(generation.to_be_bytes()).chain(*random);
        let mut bytes = [0; SECRET];
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        let (body, tag) = bytes.split_at_mut(BODY);
        tag.copy_from_slice(&mac::hmac_sha256(self.0.expose(), &tagged(body)));
        RefreshSecret(Secret::new(bytes))
    }

    /// Did this key tag it? Takes the same time for every answer.
    pub(super) fn made(&self, secret: &RefreshSecret) -> bool {
        let (body, tag) = secret.0.expose().split_at(BODY);
        mac::hmac_sha256_verify(self.0.expose(), &tagged(body), tag)
    }
}

fn tagged(body: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    zeroize::Zeroizing::new([DOMAIN, body].concat())
}

fn encoded(prefix: &str, bytes: &[u8]) -> Secret<String> {
    let mut text = prefix.to_owned();
    // Room for all of it: growing would leave a part of the secret behind in memory.
    text.reserve_exact(bytes.len().saturating_mul(2));
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    Secret::new(text)
}

fn decoded<const N: usize>(text: &str, prefix: &str) -> Option<Secret<[u8; N]>> {
    let digits = text.strip_prefix(prefix)?;
    let mut bytes = Secret::new([0; N]);
    // A buffer of exactly the right size, and an engine that refuses padding and stray bits: one secret, one text.
    let length = URL_SAFE_NO_PAD.decode_slice(digits, bytes.0.as_mut_slice()).ok()?;
    (length == N).then_some(bytes)
}
