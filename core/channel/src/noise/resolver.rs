//! Gives the Noise library our primitives: one implementation of each per binary, and randomness from the environment.

use aitrading_env::{Env, Rng};
use aitrading_security::{aead::AeadKey, x25519};
use sha2::{Digest, Sha256};
use snow::{
    Error,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::CryptoResolver,
    types::{Cipher, Dh, Hash, Random},
};
use std::sync::Arc;
use zeroize::Zeroizing;

const KEY: usize = 32;
const TAG: usize = 16;

/// X25519, AES-256-GCM and SHA-256; nothing else can be chosen.
pub(crate) struct Resolver {
    rng: Arc<dyn Rng>,
}

impl Resolver {
    pub(crate) fn new(env: &Env) -> Self {
        Self { rng: Arc::clone(&env.rng) }
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(EnvRandom(Arc::clone(&self.rng))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(X25519::default()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::SHA256).then(|| Box::new(Sha(Sha256::new())) as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::AESGCM).then(|| Box::new(AesGcm(None)) as Box<dyn Cipher>)
    }
}

struct EnvRandom(Arc<dyn Rng>);

impl Random for EnvRandom {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.0.fill(dest);
        Ok(())
    }
}

#[derive(Default)]
struct X25519 {
    secret: Zeroizing<[u8; KEY]>,
    public: [u8; KEY],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        KEY
    }

    fn priv_len(&self) -> usize {
        KEY
    }

    fn set(&mut self, privkey: &[u8]) {
        // A key of another length leaves the all-zero secret, whose public half nobody expects: the handshake fails.
        self.secret = Zeroizing::new(privkey.try_into().unwrap_or_default());
        self.public = x25519::public_key(&self.secret);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut secret = Zeroizing::new([0; KEY]);
        rng.try_fill_bytes(&mut secret[..])?;
        self.set(&secret[..]);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret[..]
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = pubkey.first_chunk::<KEY>().ok_or(Error::Dh)?;
        // Refuses the all-zero secret of a low-order key, which the Noise framework leaves to the implementation.
        let shared = x25519::shared_secret(&self.secret, public).map_err(|_| Error::Dh)?;
        *out.first_chunk_mut::<KEY>().ok_or(Error::Dh)? = *shared;
        Ok(())
    }
}

struct AesGcm(Option<AeadKey>);

/// Noise: 32 zero bits, then the counter, big-endian.
fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(tail) = nonce.last_chunk_mut::<8>() {
        *tail = counter.to_be_bytes();
    }
    nonce
}

impl AesGcm {
    fn try_encrypt(&self, counter: u64, aad: &[u8], plain: &[u8], out: &mut [u8]) -> Option<usize> {
        let (text, rest) = out.split_at_mut_checked(plain.len())?;
        let tag_out = rest.first_chunk_mut::<TAG>()?;
        text.copy_from_slice(plain);
        *tag_out = self.0.as_ref()?.seal(nonce(counter), aad, text).ok()?;
        Some(plain.len() + TAG)
    }
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; KEY]) {
        self.0 = AeadKey::new(key).ok();
    }

    fn encrypt(&self, counter: u64, aad: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        self.try_encrypt(counter, aad, plain, out).unwrap_or_else(|| {
            // The trait knows no error. Zeros reveal nothing, and callers refuse a message of length 0.
            out.fill(0);
            0
        })
    }

    fn decrypt(&self, counter: u64, aad: &[u8], message: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (text, tag) = message.split_last_chunk::<TAG>().ok_or(Error::Decrypt)?;
        let out = out.get_mut(..text.len()).ok_or(Error::Decrypt)?;
        out.copy_from_slice(text);
        let opened = self.0.as_ref().is_some_and(|key| key.open(nonce(counter), aad, out, tag).is_ok());
        if opened {
            Ok(text.len())
        } else {
            out.fill(0);
            Err(Error::Decrypt)
        }
    }
}

struct Sha(Sha256);

impl Hash for Sha {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let hash = std::mem::take(&mut self.0).finalize();
        for (to, from) in out.iter_mut().zip(hash) {
            *to = from;
        }
    }
}
