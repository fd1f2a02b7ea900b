//! Recovery codes: ten random ones, each good once in place of the authenticator's code.
//!
//! They are kept as HMAC-SHA256 under a salt of the user. Argon2 would be the wrong tool: it makes guessing dear where
//! secrets are few, and here 2^80 are equally likely, while checking ten of them would cost the server 64 MiB ten times
//! for every try.

use super::base32;
use crate::{Secret, mac};
use aitrading_env::{Rng, RngExt};
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// How many a user gets.
pub const RECOVERY_CODES: usize = 10;
/// Symbols of a code, of five bits each: 80 bits.
const SYMBOLS: usize = 16;
const LABEL: &[u8] = b"aitrading/recovery-code/1\0";

pub(super) type CodeHash = [u8; 32];

/// The codes in the clear, to be shown once.
pub struct RecoveryCodes(Vec<Zeroizing<u128>>);

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes(redacted)")
    }
}

impl RecoveryCodes {
    pub(super) fn generate(rng: &dyn Rng) -> Self {
        let code = |_| {
            let bytes = Zeroizing::new(rng.bytes::<10>());
            Zeroizing::new(bytes.iter().fold(0u128, |sum, &b| sum << 8 | u128::from(b)))
        };
        Self((0..RECOVERY_CODES).map(code).collect())
    }

    /// Each in four groups of four symbols.
    #[must_use]
    pub fn texts(&self) -> Vec<Secret<String>> {
        self.0.iter().map(|code| base32::grouped(base32::crockford(**code, 16).iter().copied())).collect()
    }

    pub(super) fn hashes(&self, salt: &[u8]) -> Vec<CodeHash> {
        self.0.iter().map(|code| hash(salt, **code)).collect()
    }
}

fn hash(salt: &[u8], code: u128) -> CodeHash {
    let message = Zeroizing::new([LABEL, &code.to_be_bytes()].concat());
    mac::hmac_sha256(salt, &message)
}

/// The code that was typed; `None` if it is none.
pub(super) fn parse(typed: &str) -> Option<Zeroizing<u128>> {
    let values = base32::values(typed).filter(|values| values.len() == SYMBOLS)?;
    base32::number(&values).map(Zeroizing::new)
}

/// Where the code's hash stands. Every hash is compared, in constant time, wherever the right one is.
pub(super) fn position(hashes: &[CodeHash], salt: &[u8], code: u128) -> Option<usize> {
    let wanted = hash(salt, code);
    let mut at = 0u32;
    let mut found = Choice::from(0);
    for (n, known) in (0u32..).zip(hashes) {
        let same = known.ct_eq(&wanted);
        at.conditional_assign(&n, same);
        found |= same;
    }
    bool::from(found).then(|| usize::try_from(at).ok()).flatten()
}
