//! HMAC-SHA256 and HKDF-SHA256.

use crate::SecurityError;
use ring::{hkdf, hmac};

/// HMAC-SHA256 of `message` under `key`.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    out
}

/// Is `tag` the whole HMAC-SHA256 of `message`? Compares in constant time; truncated tags are refused.
#[must_use]
pub fn hmac_sha256_verify(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), message, tag).is_ok()
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA256 (RFC 5869): fills `out` from `input`, `salt` and `info`.
///
/// # Errors
/// [`SecurityError::TooMuchOutput`] beyond 255 blocks of 32 bytes.
pub fn hkdf_sha256(input: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), SecurityError> {
    let length = Length(out.len());
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(input)
        .expand(&[info], length)
        .and_then(|okm| okm.fill(out))
        .map_err(|_| SecurityError::TooMuchOutput)
}
