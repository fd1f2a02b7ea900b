//! Values of the configuration that only this directory's key can read: `sealed:TEXT`.

use super::Seal;
use crate::exit::{Exit, Failure};
use aitrading_config::Unseal;
use aitrading_env::Env;
use aitrading_security::{SecurityError, aead::SealKey};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD as BASE64};
use secrecy::SecretString;
use std::path::Path;

/// Apart from the envelopes of key files.
const SCHEMA: u32 = 2;
/// Longest secret: a PEM key fits.
const BYTES_MAX: usize = 16 * 1024;

/// Opens sealed values of the configuration.
#[derive(Debug)]
pub(crate) struct Sealed(SealKey);

impl Sealed {
    /// With the sealing key of the directory `keys`.
    pub(crate) fn open(env: &Env, keys: &Path) -> Result<Self, Failure> {
        Ok(Self(Seal::open(env, keys)?.key))
    }

    /// The text to write for the setting `key`.
    pub(crate) fn seal(&self, env: &Env, key: &str, secret: &str) -> Result<String, Failure> {
        if secret.is_empty() || secret.len() > BYTES_MAX {
            return Err(Failure::new(Exit::Data, "a secret has 1 to 16,384 bytes; give it on standard input"));
        }
        let envelope = self.0.seal(env.rng.as_ref(), key, SCHEMA, secret.as_bytes())?;
        Ok(format!("sealed:{}", BASE64.encode(envelope)))
    }
}

impl Unseal for Sealed {
    fn unseal(&self, key: &str, sealed: &str) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
        let envelope = BASE64.decode(sealed).map_err(|_| SecurityError::NotSealed)?;
        let opened = self.0.open(key, SCHEMA, &envelope)?;
        let text = std::str::from_utf8(opened.expose()).map_err(|_| SecurityError::NotSealed)?;
        Ok(SecretString::from(text.to_owned()))
    }
}
