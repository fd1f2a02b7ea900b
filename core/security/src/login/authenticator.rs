//! The other half of the second factor: what an authenticator shows. For programs that stand in for one; a person uses a telephone.

use super::{FactorRefused, base32::RFC4648, second_factor::totp};
use crate::Secret;
use aitrading_model::Timestamp;
use std::fmt;

const STEP_NS: i64 = 30 * 1_000_000_000;
/// Bytes of a secret.
const SECRET: usize = 20;

/// An authenticator that was shown one square of dots.
pub struct Authenticator(Secret<[u8; SECRET]>);

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(redacted)")
    }
}

impl Authenticator {
    /// From the text of [`super::SecondFactor::uri`].
    ///
    /// # Errors
    /// [`FactorRefused::Malformed`] if it holds no secret of 160 bits in base 32.
    pub fn from_uri(uri: &str) -> Result<Self, FactorRefused> {
        let query = uri.strip_prefix("otpauth://totp/").and_then(|rest| rest.split_once('?'));
        let (_, query) = query.ok_or(FactorRefused::Malformed)?;
        let digits =
            query.split('&').find_map(|field| field.strip_prefix("secret=")).ok_or(FactorRefused::Malformed)?;
        decode(digits).map(Self).ok_or(FactorRefused::Malformed)
    }

    /// The six digits that it shows at `now`.
    ///
    /// # Errors
    /// [`FactorRefused::Clock`] before 1970.
    pub fn code(&self, now: Timestamp) -> Result<Secret<String>, FactorRefused> {
        let step = u64::try_from(now.0.div_euclid(STEP_NS)).map_err(|_| FactorRefused::Clock)?;
        Ok(Secret::new(format!("{:06}", totp(self.0.expose(), step, 1_000_000))))
    }
}

/// Base 32 of RFC 4648 without padding; 20 bytes are 32 digits, so no bit is left over.
fn decode(digits: &str) -> Option<Secret<[u8; SECRET]>> {
    if digits.len() != SECRET * 8 / 5 {
        return None;
    }
    let mut out = Secret::new([0; SECRET]);
    for (eight, five) in digits.as_bytes().chunks(8).zip(out.0.chunks_mut(5)) {
        let mut value = 0_u64;
        for digit in eight {
            let at = RFC4648.iter().position(|known| known == digit)?;
            value = value << 5 | u64::try_from(at).ok()?;
        }
        five.iter_mut().zip(value.to_be_bytes().get(3..)?).for_each(|(to, from)| *to = *from);
    }
    Some(out)
}
