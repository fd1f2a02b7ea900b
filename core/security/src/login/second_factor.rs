//! The second factor: six digits that change every 30 seconds (RFC 6238), each good once, and recovery codes.
//!
//! The state is a value: who uses a code gets the next state, and has used it only when the store has swapped the one
//! for the other. Of 64 logins at the same moment with one code, one wins (T29).

use super::recovery::{self, CodeHash};
use super::{FactorRefused, LoginName, RECOVERY_CODES, RecoveryCodes, base32};
use crate::Secret;
use aitrading_env::{Rng, RngExt};
use aitrading_model::Timestamp;
use ring::hmac;
use std::fmt;
use subtle::{ConditionallySelectable, ConstantTimeEq};

const SECRET_LEN: usize = 20;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;
const STEP_NS: i64 = 30 * 1_000_000_000;
/// Steps before and after the present one that count too: clocks of telephones are not exact.
const WINDOW: u64 = 1;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
/// Bytes of what somebody typed that are looked at.
const TYPED_MAX: usize = 16;
const VERSION: u8 = 1;
const CONFIRMED: u8 = 1;

/// The second factor of one user, as a store keeps it (sealed: it holds the secret), changed by compare-and-set alone.
pub struct SecondFactor {
    secret: Secret<[u8; SECRET_LEN]>,
    salt: [u8; SALT_LEN],
    /// The newest step whose code was used; 0 when none was, which no code of our time can be.
    last_step: u64,
    confirmed: bool,
    recovery: Vec<CodeHash>,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecondFactor(confirmed: {}, recovery codes: {})", self.confirmed, self.recovery.len())
    }
}

impl SecondFactor {
    /// A new secret of 160 bits and ten recovery codes. It opens nothing until [`SecondFactor::confirm`].
    #[must_use]
    pub fn enrol(rng: &dyn Rng) -> (Self, RecoveryCodes) {
        let codes = RecoveryCodes::generate(rng);
        let salt = rng.bytes();
        let recovery = codes.hashes(&salt);
        (Self { secret: Secret::new(rng.bytes()), salt, last_step: 0, confirmed: false, recovery }, codes)
    }

    /// What an authenticator reads from a square of dots: `otpauth://totp/...`. `issuer` is shown beside the code.
    #[must_use]
    pub fn uri(&self, issuer: &str, login: &LoginName) -> Secret<String> {
        let (issuer, login) = (escaped(issuer), escaped(login.as_str()));
        let secret = Secret::new(base32::rfc4648(self.secret.expose()));
        let secret = secret.expose();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{login}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
        ))
    }

    /// The state after the first code, which proves that the authenticator works, and counts as used.
    ///
    /// # Errors
    /// [`FactorRefused::AlreadyConfirmed`], or as [`SecondFactor::use_code`].
    pub fn confirm(&self, code: &str, now: Timestamp) -> Result<Self, FactorRefused> {
        if self.confirmed {
            return Err(FactorRefused::AlreadyConfirmed);
        }
        Ok(Self { confirmed: true, ..self.consumed(code, now)? })
    }

    /// The state after `code` was used at `now`: its step and all before it are used up.
    ///
    /// # Errors
    /// [`FactorRefused::NotConfirmed`], [`FactorRefused::Malformed`], [`FactorRefused::Wrong`],
    /// [`FactorRefused::Used`],
    /// [`FactorRefused::Clock`] before 1970.
    pub fn use_code(&self, code: &str, now: Timestamp) -> Result<Self, FactorRefused> {
        if !self.confirmed {
            return Err(FactorRefused::NotConfirmed);
        }
        self.consumed(code, now)
    }

    /// The state after a recovery code was used, which is then gone.
    ///
    /// # Errors
    /// [`FactorRefused::NotConfirmed`], [`FactorRefused::Malformed`], [`FactorRefused::Wrong`] also for one that was
    /// used.
    pub fn use_recovery(&self, code: &str) -> Result<Self, FactorRefused> {
        if !self.confirmed {
            return Err(FactorRefused::NotConfirmed);
        }
        let code = recovery::parse(code).ok_or(FactorRefused::Malformed)?;
        let at = recovery::position(&self.recovery, &self.salt, *code).ok_or(FactorRefused::Wrong)?;
        let rest = self.recovery.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, hash)| *hash);
        Ok(Self { recovery: rest.collect(), ..self.copy() })
    }

    /// Ten new recovery codes, which replace what is left of the old ones.
    #[must_use]
    pub fn renew_recovery(&self, rng: &dyn Rng) -> (Self, RecoveryCodes) {
        let codes = RecoveryCodes::generate(rng);
        let salt = rng.bytes();
        (Self { salt, recovery: codes.hashes(&salt), ..self.copy() }, codes)
    }

    /// Has a first code proved that the authenticator works?
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// How many recovery codes are left; the user is to be told when few are.
    #[must_use]
    pub const fn recovery_left(&self) -> usize {
        self.recovery.len()
    }

    /// For the store, to be sealed: `version u8 | confirmed u8 | secret 20 | last step u64 | salt 16 | count u8 |
    /// hashes`.
    #[must_use]
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let mut out = Vec::with_capacity(2 + SECRET_LEN + 8 + SALT_LEN + 1 + HASH_LEN * RECOVERY_CODES);
        out.extend_from_slice(&[VERSION, if self.confirmed { CONFIRMED } else { 0 }]);
        out.extend_from_slice(self.secret.expose());
        out.extend_from_slice(&self.last_step.to_be_bytes());
        out.extend_from_slice(&self.salt);
        out.push(u8::try_from(self.recovery.len()).unwrap_or(u8::MAX));
        out.extend(self.recovery.iter().flatten());
        Secret::new(out)
    }

    /// From the store.
    ///
    /// # Errors
    /// [`FactorRefused::Damaged`] for anything that [`SecondFactor::to_bytes`] does not make.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FactorRefused> {
        Self::read(bytes).ok_or(FactorRefused::Damaged)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[version, confirmed], rest) = bytes.split_first_chunk()?;
        let (secret, rest) = rest.split_first_chunk()?;
        let (last_step, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (&count, hashes) = rest.split_first()?;
        let count = usize::from(count);
        let whole = version == VERSION && confirmed <= CONFIRMED && count <= RECOVERY_CODES;
        let (recovery, tail) = hashes.as_chunks::<HASH_LEN>();
        (whole && tail.is_empty() && recovery.len() == count).then(|| Self {
            secret: Secret::new(*secret),
            salt: *salt,
            last_step: u64::from_be_bytes(*last_step),
            confirmed: confirmed == CONFIRMED,
            recovery: recovery.to_vec(),
        })
    }

    fn copy(&self) -> Self {
        Self {
            secret: Secret::new(*self.secret.expose()),
            salt: self.salt,
            last_step: self.last_step,
            confirmed: self.confirmed,
            recovery: self.recovery.clone(),
        }
    }

    fn consumed(&self, code: &str, now: Timestamp) -> Result<Self, FactorRefused> {
        let code = digits(code).ok_or(FactorRefused::Malformed)?;
        let present = u64::try_from(now.0.div_euclid(STEP_NS)).map_err(|_| FactorRefused::Clock)?;
        let matched = self.matched(code, present).ok_or(FactorRefused::Wrong)?;
        if matched <= self.last_step {
            return Err(FactorRefused::Used);
        }
        Ok(Self { last_step: matched, ..self.copy() })
    }

    /// The newest step of the window that shows this code: were it the oldest, two steps that happen to show the same
    /// digits would make one code good twice. All steps are compared, in constant time.
    fn matched(&self, code: u32, present: u64) -> Option<u64> {
        let window = present.saturating_sub(WINDOW)..=present.saturating_add(WINDOW);
        let mut matched = 0u64;
        for step in window {
            matched.conditional_assign(&step, totp(self.secret.expose(), step, MODULUS).ct_eq(&code));
        }
        // Step 0 is the first half minute of 1970.
        (matched > 0).then_some(matched)
    }
}

/// The number that a code spells: six digits, with spaces anywhere.
fn digits(typed: &str) -> Option<u32> {
    if typed.len() > TYPED_MAX {
        return None;
    }
    let kept: Vec<u8> = typed.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let right = kept.len() == DIGITS && kept.iter().all(u8::is_ascii_digit);
    right.then(|| kept.iter().fold(0, |sum, b| sum * 10 + u32::from(b - b'0')))
}

/// RFC 4226 over the step of RFC 6238. SHA-1 is what authenticators speak; as a MAC under a secret key it is unbroken.
/// It is ring's, so that no second implementation comes in for fifteen lines.
pub(crate) fn totp(secret: &[u8], step: u64, modulus: u32) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
    let four = tag.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    (u32::from_be_bytes(four) & 0x7fff_ffff).checked_rem(modulus).unwrap_or(0)
}

/// Percent-encoding of all but the unreserved characters of RFC 3986.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
