//! The server's keys at rest: certificates in the clear, private keys under seal.
//!
//! Each private key is an AES-256-GCM envelope bound to its own name, so that no file can stand in for another. The sealing key
//! is `root.key`, mode 0600; keeping it elsewhere is a later choice of the operator.

pub(crate) mod identity;
pub(crate) mod operator;
pub(crate) mod sealed;
pub(crate) mod spare;

use crate::exit::{Exit, Failure};
use aitrading_env::{Env, RngExt};
use aitrading_model::Timestamp;
use aitrading_security::{
    NoiseKeyPair, SecurityError,
    aead::SealKey,
    pki::{Authority, Issued, validity},
    signing::SigningKey,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long before its end a certificate is worth a warning.
const WARN_BEFORE: Duration = DAY.saturating_mul(14);
const SCHEMA: u32 = 1;
const FILE_BYTES: u64 = 64 * 1024;
const DAY: Duration = Duration::from_hours(24);
/// The authority that everybody here trusts.
pub(crate) const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3_650);
/// The server's certificate; the server warns when it starts within [`WARN_BEFORE`] of its end, and does not start after it.
pub(crate) const SERVER_LIFE: Duration = DAY.saturating_mul(397);

/// The opened keys.
pub(crate) struct Vault {
    pub(crate) authority: Authority,
    pub(crate) server: Issued,
    /// The pin of the server's spare key; `None` in directories from before there was one.
    pub(crate) spare: Option<[u8; 32]>,
    pub(crate) noise: NoiseKeyPair,
    pub(crate) signals: SigningKey,
    pub(crate) next_signals: SigningKey,
    pub(crate) checkpoints: SigningKey,
    /// Names accounts and devices in the audit log.
    pub(crate) pseudonyms: [u8; 32],
}

impl Vault {
    /// The server's certificate must be valid now: clients would refuse it, each with a riddle of its own.
    pub(crate) fn check_dates(&self, env: &Env) -> Result<(), Failure> {
        let chain = self.server.chain();
        let leaf = chain.first().ok_or_else(|| Failure::new(Exit::Config, "the server has no certificate"))?;
        let (from, to) = validity(leaf)?;
        let now = env.clock.wall_ns() / 1_000_000_000;
        let shown = |seconds: i64| Timestamp(seconds.saturating_mul(1_000_000_000));
        if now < from || now > to {
            let text = format!(
                "CERT_EXPIRED: the server's certificate has expired or is not valid yet: it is valid from {} to {}, and the clock says {}; \
                 set the clock, or issue a new one with `aitrading init --renew --data-dir DIR`",
                shown(from),
                shown(to),
                shown(now)
            );
            return Err(Failure::new(Exit::Config, text));
        }
        if to.saturating_sub(now) < WARN_BEFORE.as_secs().cast_signed() {
            tracing::warn!(code = "CERT_EXPIRES", until = %shown(to), "the server's certificate ends soon; issue a new one with `aitrading init --renew`");
        }
        Ok(())
    }

    /// Did [`Vault::create`] come to its end in `dir`?
    pub(crate) fn is_whole(env: &Env, dir: &Path) -> Result<bool, Failure> {
        let last = spare::last(dir);
        env.fs.metadata(&last).map(|m| m.is_some()).map_err(|e| Failure::io("cannot look at", &last, &e))
    }

    /// Makes all keys in `dir`, in the place of what a killed try left there: sealed under a key that is gone, it opens no more.
    pub(crate) fn create(env: &Env, dir: &Path) -> Result<Self, Failure> {
        env.fs.create_dir_all(dir).map_err(|e| Failure::io("cannot create", dir, &e))?;
        for entry in env.fs.list(dir).map_err(|e| Failure::io("cannot look into", dir, &e))? {
            let path = dir.join(entry.name);
            env.fs.remove_file(&path).map_err(|e| Failure::io("cannot remove", &path, &e))?;
        }
        let root = env.rng.bytes::<32>();
        write(env, &dir.join("root.key"), &root)?;
        let seal = Seal { env, dir, key: SealKey::new(&root)? };
        let authority = Authority::generate(env, AUTHORITY_LIFE)?;
        let server = authority.issue_server(env, &[], SERVER_LIFE)?;
        let noise = NoiseKeyPair::generate(env);
        let [signals, next_signals, checkpoints] = std::array::from_fn(|_| SigningKey::generate(env));
        let pseudonyms = env.rng.bytes::<32>();
        write(env, &dir.join("ca.pem"), authority.certificate_pem().as_bytes())?;
        write(env, &dir.join("server.pem"), server.chain_pem().as_bytes())?;
        seal.put("ca.key", authority.key_pem().expose().as_bytes())?;
        seal.put("server.key", server.key_pem().expose().as_bytes())?;
        seal.put("noise.key", &noise.secret()[..])?;
        seal.put("signals.key", &signals.seed()[..])?;
        seal.put("signals-next.key", &next_signals.seed()[..])?;
        seal.put("checkpoints.key", &checkpoints.seed()[..])?;
        seal.put("pseudonyms.key", &pseudonyms)?;
        let spare = Some(spare::make(&seal, &authority)?);
        Ok(Self { authority, server, spare, noise, signals, next_signals, checkpoints, pseudonyms })
    }

    /// Gives the server a new certificate for the key that it has: clients notice nothing.
    pub(crate) fn renew(env: &Env, dir: &Path) -> Result<(), Failure> {
        let vault = Self::open(env, dir)?;
        let key = Seal::open(env, dir)?.text("server.key")?;
        let issued = vault.authority.reissue_server(env, &key, &[], SERVER_LIFE)?;
        write(env, &dir.join("server.pem"), issued.chain_pem().as_bytes())
    }

    /// Opens the keys that [`Vault::create`] made.
    pub(crate) fn open(env: &Env, dir: &Path) -> Result<Self, Failure> {
        let seal = Seal::open(env, dir)?;
        Ok(Self {
            authority: Authority::from_pem(&seal.plain("ca.pem")?, &seal.text("ca.key")?)?,
            server: Issued::from_pem(&seal.plain("server.pem")?, &seal.text("server.key")?)?,
            spare: spare::pin(&seal)?,
            noise: NoiseKeyPair::from_secret(seal.seed("noise.key")?),
            signals: SigningKey::from_seed(&seal.seed("signals.key")?),
            next_signals: SigningKey::from_seed(&seal.seed("signals-next.key")?),
            checkpoints: SigningKey::from_seed(&seal.seed("checkpoints.key")?),
            pseudonyms: seal.seed("pseudonyms.key")?,
        })
    }
}

struct Seal<'a> {
    env: &'a Env,
    dir: &'a Path,
    key: SealKey,
}

impl<'a> Seal<'a> {
    /// With the directory's own sealing key, which nobody else may be able to read.
    fn open(env: &'a Env, dir: &'a Path) -> Result<Self, Failure> {
        let path = dir.join("root.key");
        let found = env.fs.metadata(&path).map_err(|e| Failure::io("cannot look at", &path, &e))?;
        if let Some(meta) = found.filter(|m| m.mode & 0o077 != 0) {
            let text = format!(
                "{} can be read by others (mode {:o}); run `chmod 600` on it, and if others had access make new keys",
                path.display(),
                meta.mode
            );
            return Err(Failure::new(Exit::Config, text));
        }
        let root = read(env, &path)?;
        let root: [u8; 32] = root.try_into().map_err(|_| SecurityError::BadKey("root key"))?;
        Ok(Self { env, dir, key: SealKey::new(&root)? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.sealed"))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let sealed = self.key.seal(self.env.rng.as_ref(), name, SCHEMA, bytes)?;
        write(self.env, &self.path(name), &sealed)
    }

    fn get(&self, name: &str) -> Result<aitrading_security::Secret<Vec<u8>>, Failure> {
        let path = self.path(name);
        let opened = self.key.open(name, SCHEMA, &read(self.env, &path)?);
        opened.map_err(|e| {
            let told = match e {
                SecurityError::UnknownKey => {
                    "it was sealed with another root.key; put back the root.key that belongs to it [UNKNOWN_KEY]"
                        .to_owned()
                }
                ref other => Failure::coded(other).to_string(),
            };
            Failure { message: format!("{}: {told}", path.display()), ..Failure::coded(&e) }
        })
    }

    fn text(&self, name: &str) -> Result<String, Failure> {
        let bytes = self.get(name)?;
        Ok(String::from_utf8(bytes.expose().clone()).map_err(|_| SecurityError::NotSealed)?)
    }

    fn seed(&self, name: &str) -> Result<[u8; 32], Failure> {
        let bytes = self.get(name)?;
        Ok(bytes.expose().as_slice().try_into().map_err(|_| SecurityError::BadKey("stored key"))?)
    }

    fn plain(&self, name: &str) -> Result<String, Failure> {
        let bytes = read(self.env, &self.dir.join(name))?;
        let bad = |_| SecurityError::BadCertificate { what: "stored certificate", source: None };
        Ok(String::from_utf8(bytes).map_err(bad)?)
    }
}

fn read(env: &Env, path: &Path) -> Result<Vec<u8>, Failure> {
    env.fs.read(path, FILE_BYTES).map_err(|e| Failure::io("cannot read", path, &e))
}

fn write(env: &Env, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    env.fs.write_atomic(path, bytes).map_err(|e| Failure::io("cannot write", path, &e))
}
