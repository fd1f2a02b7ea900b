//! The stored form of a family: JSON with a version, in which every field is known.

use super::{FamilyId, FamilyKey, Login, RefreshFamily, SecretHash};
use crate::{
    Secret,
    token::{
        TokenFault,
        hex::{hex, unhex},
    },
};
use aitrading_model::Timestamp;

const VERSION: u8 = 1;
/// Longest stored form, in bytes.
const STORED_MAX: usize = 2_048;
const BAD: TokenFault = TokenFault::BadState("refresh family");

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u8,
    id: FamilyId,
    login: Login,
    device_key: String,
    key: String,
    generation: u64,
    current: String,
    previous: Option<String>,
    opened_at: Timestamp,
    rotated_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl RefreshFamily {
    /// The form for a store.
    ///
    /// # Errors
    /// [`TokenFault::BadState`]; no family is known that cannot be written.
    pub fn encode(&self) -> Result<Secret<String>, TokenFault> {
        let stored = Stored {
            v: VERSION,
            id: self.id,
            login: self.login,
            device_key: hex(&self.device_key),
            key: hex(self.key.bytes()),
            generation: self.generation,
            current: hex(self.current.bytes()),
            previous: self.previous.as_ref().map(|hash| hex(hash.bytes())),
            opened_at: self.opened_at,
            rotated_at: self.rotated_at,
            revoked_at: self.revoked_at,
        };
        serde_json::to_string(&stored).map(Secret::new).map_err(|_| BAD)
    }

    /// From the form of a store.
    ///
    /// # Errors
    /// [`TokenFault::BadState`] for another version, unknown or missing fields, or anything else.
    pub fn decode(text: &str) -> Result<Self, TokenFault> {
        if text.len() > STORED_MAX {
            return Err(BAD);
        }
        let stored: Stored = serde_json::from_str(text).map_err(|_| BAD)?;
        let bytes = |text: &str| unhex::<32>(text.as_bytes()).ok_or(BAD);
        if stored.v != VERSION {
            return Err(BAD);
        }
        Ok(Self {
            id: stored.id,
            login: stored.login,
            device_key: bytes(&stored.device_key)?,
            key: FamilyKey::new(bytes(&stored.key)?),
            generation: stored.generation,
            current: SecretHash::new(bytes(&stored.current)?),
            previous: stored.previous.as_deref().map(bytes).transpose()?.map(SecretHash::new),
            opened_at: stored.opened_at,
            rotated_at: stored.rotated_at,
            revoked_at: stored.revoked_at,
        })
    }
}
