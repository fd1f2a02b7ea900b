//! Keys in sealed files. One key file beside them opens them all: whoever can read that file has the keys, so its permissions
//! are checked at every start. Each blob is bound to its own name: none can stand in for another.

use crate::{DeviceKeys, KeyStore, KeyStoreError};
use aitrading_env::{Env, RngExt};
use aitrading_security::{
    NoiseKeyPair, Secret,
    aead::SealKey,
    pki::Issued,
    token::{RefreshHolder, RefreshSecret, refresh::FamilyKey},
};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const SEAL_KEY: &str = "seal.key";
const CERTIFICATE: &str = "device.sealed";
const NOISE: &str = "noise.sealed";
const EA: &str = "ea.sealed";
const LOGIN: &str = "login.sealed";
/// Room for the three texts of a login, so that none is left behind by growing.
const LOGIN_BYTES: usize = 512;
/// Format of the blobs' content.
const SCHEMA: u32 = 1;
/// Bytes that any of the files may have.
const FILE_BYTES: u64 = 64 * 1024;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
/// Between chain and key in the certificate's blob: PEM has no NUL.
const SEPARATOR: u8 = 0;

/// A directory of sealed files.
#[derive(Debug, Clone)]
pub struct SealedFiles {
    env: Env,
    dir: PathBuf,
}

impl SealedFiles {
    /// The store in `dir`, which may not exist yet.
    #[must_use]
    pub fn new(env: &Env, dir: &Path) -> Self {
        Self { env: env.clone(), dir: dir.to_owned() }
    }

    /// Writes a new store.
    ///
    /// # Errors
    /// [`KeyStoreError::Exists`] if there is one; failed file operations.
    pub fn create(&self, keys: &DeviceKeys) -> Result<(), KeyStoreError> {
        let path = self.dir.join(SEAL_KEY);
        let written = |source| KeyStoreError::Io { action: "written", path: path.clone(), source };
        self.env.fs.create_dir_all(&self.dir).map_err(written)?;
        if self.env.fs.metadata(&path).map_err(written)?.is_some() {
            return Err(KeyStoreError::Exists(self.dir.clone()));
        }
        let bytes = Zeroizing::new(self.env.rng.bytes::<32>());
        let seal = SealKey::new(&bytes).map_err(|_| KeyStoreError::SealKey(path.clone()))?;
        self.put_certificate(&seal, &keys.certificate)?;
        self.put(&seal, NOISE, &keys.noise.secret()[..])?;
        self.put(&seal, EA, &keys.ea_secret.expose()[..])?;
        // The key file comes last: a store without it counts as absent, so that a crash leaves none that is half made.
        self.env.fs.write_atomic(&path, &bytes[..]).map_err(written)
    }

    fn seal_key(&self) -> Result<SealKey, KeyStoreError> {
        let path = self.dir.join(SEAL_KEY);
        if self.env.fs.metadata(&path).map_err(read_error(&path))?.is_none() {
            return Err(KeyStoreError::Absent(self.dir.clone()));
        }
        let bytes = Zeroizing::new(self.read(&path)?);
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyStoreError::SealKey(path.clone()))?;
        SealKey::new(bytes).map_err(|_| KeyStoreError::SealKey(path))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, KeyStoreError> {
        let meta = self.env.fs.metadata(path).map_err(read_error(path))?;
        let meta = meta.ok_or_else(|| read_error(path)(std::io::ErrorKind::NotFound.into()))?;
        if meta.mode & OTHERS != 0 {
            return Err(KeyStoreError::Exposed { path: path.to_owned(), mode: meta.mode & 0o777 });
        }
        self.env.fs.read(path, FILE_BYTES).map_err(read_error(path))
    }

    fn get(&self, seal: &SealKey, name: &str) -> Result<Secret<Vec<u8>>, KeyStoreError> {
        let path = self.dir.join(name);
        let envelope = self.read(&path)?;
        seal.open(name, SCHEMA, &envelope).map_err(|source| KeyStoreError::Sealed { path, source })
    }

    fn get_key(&self, seal: &SealKey, name: &str) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
        let bytes = self.get(seal, name)?;
        let key: &[u8; 32] =
            bytes.expose().as_slice().try_into().map_err(|_| KeyStoreError::Content(self.dir.join(name)))?;
        Ok(Zeroizing::new(*key))
    }

    fn put(&self, seal: &SealKey, name: &str, bytes: &[u8]) -> Result<(), KeyStoreError> {
        let path = self.dir.join(name);
        let envelope = seal
            .seal(self.env.rng.as_ref(), name, SCHEMA, bytes)
            .map_err(|source| KeyStoreError::Sealed { path: path.clone(), source })?;
        let written = |source| KeyStoreError::Io { action: "written", path: path.clone(), source };
        self.env.fs.write_atomic(&path, &envelope).map_err(written)
    }

    fn put_certificate(&self, seal: &SealKey, certificate: &Issued) -> Result<(), KeyStoreError> {
        let mut bytes = Zeroizing::new(certificate.chain_pem().as_bytes().to_vec());
        bytes.push(SEPARATOR);
        bytes.extend_from_slice(certificate.key_pem().expose().as_bytes());
        self.put(seal, CERTIFICATE, &bytes)
    }

    fn get_certificate(&self, seal: &SealKey) -> Result<Issued, KeyStoreError> {
        let bytes = self.get(seal, CERTIFICATE)?;
        let text = std::str::from_utf8(bytes.expose()).ok().and_then(|text| text.split_once(char::from(SEPARATOR)));
        text.and_then(|(chain, key)| Issued::from_pem(chain, key).ok())
            .ok_or_else(|| KeyStoreError::Content(self.dir.join(CERTIFICATE)))
    }

    fn check_directory(&self) -> Result<(), KeyStoreError> {
        let meta = self.env.fs.metadata(&self.dir).map_err(read_error(&self.dir))?;
        let meta = meta.filter(|m| m.is_dir).ok_or_else(|| KeyStoreError::Absent(self.dir.clone()))?;
        // Whoever can write the directory can put his own files into it.
        if meta.mode & 0o022 != 0 {
            return Err(KeyStoreError::Exposed { path: self.dir.clone(), mode: meta.mode & 0o777 });
        }
        Ok(())
    }
}

impl KeyStore for SealedFiles {
    fn open(&self) -> Result<DeviceKeys, KeyStoreError> {
        self.check_directory()?;
        let seal = self.seal_key()?;
        let certificate = self.get_certificate(&seal)?;
        let noise = NoiseKeyPair::from_secret(*self.get_key(&seal, NOISE)?);
        let ea_secret = Secret::new(*self.get_key(&seal, EA)?);
        DeviceKeys::assemble(certificate, noise, ea_secret)
    }

    fn renew(&self, certificate: &Issued) -> Result<(), KeyStoreError> {
        self.check_directory()?;
        self.put_certificate(&self.seal_key()?, certificate)
    }

    fn login(&self) -> Result<Option<RefreshHolder>, KeyStoreError> {
        self.check_directory()?;
        let seal = self.seal_key()?;
        let path = self.dir.join(LOGIN);
        if self.env.fs.metadata(&path).map_err(read_error(&path))?.is_none() {
            return Ok(None);
        }
        let bytes = self.get(&seal, LOGIN)?;
        match std::str::from_utf8(bytes.expose()) {
            Ok("") => Ok(None),
            Ok(text) => holder(text).map(Some).ok_or(KeyStoreError::Content(path)),
            Err(_) => Err(KeyStoreError::Content(path)),
        }
    }

    fn keep_login(&self, holder: Option<&RefreshHolder>) -> Result<(), KeyStoreError> {
        self.check_directory()?;
        let seal = self.seal_key()?;
        let Some(holder) = holder else { return self.put(&seal, LOGIN, b"") };
        let (key, present, successor) = holder.state();
        let mut text = Zeroizing::new(String::with_capacity(LOGIN_BYTES));
        text.push_str(key.text().expose());
        for secret in [Some(present), successor].into_iter().flatten() {
            text.push('\n');
            text.push_str(secret.text().expose());
        }
        self.put(&seal, LOGIN, text.as_bytes())
    }
}

/// The key of the family, the present secret, and its successor if there is one: a line each.
fn holder(text: &str) -> Option<RefreshHolder> {
    let mut lines = text.split('\n');
    let key = FamilyKey::parse(lines.next()?).ok()?;
    let present = RefreshSecret::parse(lines.next()?).ok()?;
    let successor = lines.next().map(RefreshSecret::parse).transpose().ok()?;
    if lines.next().is_some() { None } else { RefreshHolder::restore(key, present, successor).ok() }
}

fn read_error(path: &Path) -> impl Fn(std::io::Error) -> KeyStoreError {
    move |source| KeyStoreError::Io { action: "read", path: path.to_owned(), source }
}
