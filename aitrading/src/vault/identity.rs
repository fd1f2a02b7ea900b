//! What logins and tokens stand on: sealed under the directory's root key, and kept with the users that depend on it. Whoever
//! loses it locks every user out, so it lives and is backed up where they are.

use super::Seal;
use crate::exit::{Exit, Failure};
use aitrading_env::{Env, RngExt};
use aitrading_model::Timestamp;
use aitrading_security::{
    Secret, SecurityError,
    aead::SealKey,
    login::ServerSetup,
    signing::{SigningKey, VerifyingKey},
    token::{RetiredKey, TokenKeys},
};
use aitrading_store::MetaStore;
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Its name in the store of facts, and in the seal.
const NAME: &str = "identity-keys";
/// Apart from the envelopes of key files and of the configuration.
const SCHEMA: u32 = 3;
const VERSION: u8 = 1;

/// What logins and tokens stand on.
pub(crate) struct IdentityKeys {
    /// The secret half of every password record.
    pub(crate) setup: ServerSetup,
    /// The keys that sign tokens.
    pub(crate) tokens: TokenKeys,
    /// Under which devices' facts are hashed.
    pub(crate) salt: Secret<[u8; 32]>,
    seal: SealKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u8,
    setup: String,
    salt: String,
    active: String,
    next: Option<String>,
    retired: Vec<StoredRetired>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRetired {
    key: String,
    dead_at: Timestamp,
}

impl IdentityKeys {
    /// Those of this deployment; made at its first start, once for all processes.
    pub(crate) async fn open(env: &Env, keys: &Path, meta: &dyn MetaStore) -> Result<Self, Failure> {
        let seal = Seal::open(env, keys)?.key;
        let kept = match meta.get(NAME).await? {
            Some(kept) => kept,
            None => {
                let fresh = Self {
                    setup: ServerSetup::generate(env.rng.as_ref()).map_err(|e| Failure::coded(&e))?,
                    tokens: fresh_ring(env)?,
                    salt: Secret::new(env.rng.bytes()),
                    seal: Seal::open(env, keys)?.key,
                };
                // Of two processes that start at the same time, both go on with what the first one wrote.
                meta.put_if_absent(NAME, &fresh.sealed(env)?).await?
            }
        };
        let opened = seal.open(NAME, SCHEMA, &kept).map_err(|error| match error {
            SecurityError::UnknownKey => Failure::new(
                Exit::Config,
                "the keys of logins and tokens were sealed with another root.key; put back the root.key that belongs to this \
                 database [UNKNOWN_KEY]",
            ),
            other => Failure::coded(&other),
        })?;
        Self::read(opened.expose(), seal).ok_or_else(|| {
            Failure::new(
                Exit::Data,
                "the keys of logins and tokens cannot be read; use the release that wrote them, or restore a backup \
                 [IDENTITY_KEYS]",
            )
        })
    }

    fn sealed(&self, env: &Env) -> Result<Vec<u8>, Failure> {
        let text = |bytes: &[u8]| BASE64.encode(bytes);
        let retired = self.tokens.retired().iter();
        let stored = Stored {
            v: VERSION,
            setup: text(self.setup.to_bytes().expose()),
            salt: text(self.salt.expose()),
            active: text(&self.tokens.active().seed()[..]),
            next: self.tokens.next().map(|key| text(&key.seed()[..])),
            retired: retired
                .map(|old| StoredRetired { key: text(&old.key.to_bytes()), dead_at: old.dead_at })
                .collect(),
        };
        let plain = serde_json::to_vec(&stored).map(Secret::new);
        let plain = plain.map_err(|_| Failure::new(Exit::Internal, "keys without a JSON form"))?;
        Ok(self.seal.seal(env.rng.as_ref(), NAME, SCHEMA, plain.expose())?)
    }

    fn read(plain: &[u8], seal: SealKey) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(plain).ok().filter(|stored: &Stored| stored.v == VERSION)?;
        let bytes = |text: &str| BASE64.decode(text).ok();
        let seed = |text: &str| <[u8; 32]>::try_from(bytes(text)?).ok();
        let retired = |old: &StoredRetired| {
            Some(RetiredKey { key: VerifyingKey::from_bytes(&seed(&old.key)?).ok()?, dead_at: old.dead_at })
        };
        let next = match &stored.next {
            None => None,
            Some(text) => Some(SigningKey::from_seed(&seed(text)?)),
        };
        let active = SigningKey::from_seed(&seed(&stored.active)?);
        let retired = stored.retired.iter().map(retired).collect::<Option<_>>()?;
        Some(Self {
            setup: ServerSetup::from_bytes(&bytes(&stored.setup)?).ok()?,
            tokens: TokenKeys::new(active, next, retired).ok()?,
            salt: Secret::new(seed(&stored.salt)?),
            seal,
        })
    }
}

fn fresh_ring(env: &Env) -> Result<TokenKeys, Failure> {
    let [active, next] = std::array::from_fn(|_| SigningKey::generate(env));
    TokenKeys::new(active, Some(next), Vec::new()).map_err(|e| Failure::coded(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Vault;
    use aitrading_store::memory;

    async fn check_refused(keys: &Path, meta: &dyn MetaStore, code: &str) {
        let refused = IdentityKeys::open(&Env::real(), keys, meta).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains(code), "{refused}");
    }

    #[tokio::test]
    async fn they_are_made_once_and_stay() {
        let (env, dir) = (Env::real(), tempfile::tempdir().unwrap());
        Vault::create(&env, dir.path()).unwrap();
        let meta = memory::stores(|| 1).meta;
        let first = IdentityKeys::open(&env, dir.path(), &*meta).await.unwrap();
        let again = IdentityKeys::open(&env, dir.path(), &*meta).await.unwrap();
        assert_eq!(first.setup.to_bytes().expose(), again.setup.to_bytes().expose());
        assert_eq!(first.tokens.active().seed(), again.tokens.active().seed());
        assert_eq!(first.tokens.next().unwrap().seed(), again.tokens.next().unwrap().seed());
        assert_eq!(first.salt.expose(), again.salt.expose());
        // What is kept tells nothing.
        let kept = meta.get(NAME).await.unwrap().unwrap();
        let seed = first.tokens.active().seed();
        assert!(!kept.windows(32).any(|part| part == &seed[..]) && !kept.starts_with(b"{"));
    }

    #[tokio::test]
    async fn t65_another_root_key_or_another_value_is_refused_and_never_replaced() {
        let (env, dir, other) = (Env::real(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Vault::create(&env, dir.path()).unwrap();
        Vault::create(&env, other.path()).unwrap();
        let meta = memory::stores(|| 1).meta;
        IdentityKeys::open(&env, dir.path(), &*meta).await.unwrap();
        let kept = meta.get(NAME).await.unwrap().unwrap();
        check_refused(other.path(), &*meta, "UNKNOWN_KEY").await;
        let mut flipped = kept.clone();
        *flipped.last_mut().unwrap() ^= 1;
        meta.put(NAME, &flipped).await.unwrap();
        check_refused(dir.path(), &*meta, "").await;
        // A value of the configuration, sealed with the same key, is no ring.
        let seal = Seal::open(&env, dir.path()).unwrap().key;
        let foreign = seal.seal(env.rng.as_ref(), NAME, 2, b"{}").unwrap();
        meta.put(NAME, &foreign).await.unwrap();
        check_refused(dir.path(), &*meta, "").await;
        meta.put(NAME, &seal.seal(env.rng.as_ref(), NAME, SCHEMA, b"{}").unwrap()).await.unwrap();
        check_refused(dir.path(), &*meta, "IDENTITY_KEYS").await;
        assert!(meta.get(NAME).await.unwrap().is_some());
    }
}
