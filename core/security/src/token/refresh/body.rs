//! The body of a refresh request: one JSON object, in one spelling of its values.

use super::{RefreshRefused, RefreshSecret, SecretHash};
use crate::{
    Secret,
    token::hex::{hex, unhex},
};

/// Longest body, in bytes.
const BODY_MAX: usize = 512;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    secret: &'a str,
    successor: &'a str,
}

/// What a client sends to refresh: `{"secret":"atr1_...","successor":"<64 hexadecimal digits>"}`.
#[derive(Debug)]
pub struct RefreshBody {
    /// The secret that is presented.
    pub secret: RefreshSecret,
    /// The hash of its successor.
    pub successor: SecretHash,
}

impl RefreshBody {
    /// The body.
    ///
    /// # Errors
    /// [`RefreshRefused::Malformed`]; no body is known that cannot be written.
    pub fn encode(&self) -> Result<Secret<String>, RefreshRefused> {
        let (secret, successor) = (self.secret.text(), hex(self.successor.bytes()));
        let raw = Raw { secret: secret.expose(), successor: &successor };
        serde_json::to_string(&raw).map(Secret::new).map_err(|_| RefreshRefused::Malformed)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`RefreshRefused::Malformed`] for anything else, repeated and unknown fields included.
    pub fn decode(body: &[u8]) -> Result<Self, RefreshRefused> {
        if body.len() > BODY_MAX {
            return Err(RefreshRefused::Malformed);
        }
        let raw: Raw<'_> = serde_json::from_slice(body).map_err(|_| RefreshRefused::Malformed)?;
        let successor = unhex(raw.successor.as_bytes()).ok_or(RefreshRefused::Malformed)?;
        Ok(Self { secret: RefreshSecret::parse(raw.secret)?, successor: SecretHash::new(successor) })
    }
}
