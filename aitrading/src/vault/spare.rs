//! The server's spare key. Clients pin it beside the one in use, so that the server can change to it without locking anybody
//! out. It lies in the clear in a file of its own: sealed under `root.key` it would be lost together with what it replaces.

use super::{SERVER_LIFE, Seal, Vault, read, write};
use crate::exit::{Exit, Failure};
use aitrading_env::Env;
use aitrading_security::pki::Authority;
use std::path::{Path, PathBuf};

/// The private key in PEM, mode 0600; the operator moves it away.
const KEY: &str = "server-spare.key";
/// What stays: the pin, sealed so that nobody can put another in its place.
const PIN: &str = "server-spare.pin";

/// Where the spare key is written.
pub(crate) fn path(keys: &Path) -> PathBuf {
    keys.join(KEY)
}

/// What is written last of all keys.
pub(super) fn last(keys: &Path) -> PathBuf {
    keys.join(format!("{PIN}.sealed"))
}

/// The pin of the spare; `None` in directories from before there was one.
pub(super) fn pin(seal: &Seal<'_>) -> Result<Option<[u8; 32]>, Failure> {
    let path = seal.path(PIN);
    let found = seal.env.fs.metadata(&path).map_err(|e| Failure::io("cannot look at", &path, &e))?;
    found.map(|_| seal.seed(PIN)).transpose()
}

/// Makes a spare key; its pin comes last, for a pin without its key would be a promise that nobody can keep.
pub(super) fn make(seal: &Seal<'_>, authority: &Authority) -> Result<[u8; 32], Failure> {
    // The certificate is thrown away: one is issued when the key comes into use.
    let spare = authority.issue_server(seal.env, &[], SERVER_LIFE)?;
    write(seal.env, &path(seal.dir), spare.key_pem().expose().as_bytes())?;
    let pin = spare.pin()?;
    seal.put(PIN, &pin)?;
    Ok(pin)
}

impl Vault {
    /// Says at start where the spare key stands: it protects nothing while it lies beside what it is to replace.
    pub(crate) fn look_for_spare(&self, env: &Env, dir: &Path) -> Result<(), Failure> {
        let path = path(dir);
        let found = env.fs.metadata(&path).map_err(|e| Failure::io("cannot look at", &path, &e))?;
        if self.spare.is_none() {
            tracing::info!(
                "the server has no spare key yet: clients pin one key; the next `aitrading init --demo-client` makes it"
            );
        } else if found.is_some() {
            tracing::info!(path = %path.display(), "the server's spare key lies beside the one in use; move it to a medium that is kept offline");
        }
        Ok(())
    }

    /// Gives a directory from before there was a spare key its own. Returns whether there was none.
    pub(crate) fn ensure_spare(&mut self, env: &Env, dir: &Path) -> Result<bool, Failure> {
        if self.spare.is_some() {
            return Ok(false);
        }
        self.spare = Some(make(&Seal::open(env, dir)?, &self.authority)?);
        Ok(true)
    }

    /// Puts the spare key into use: issues a certificate for it, and makes the next spare. A crash on the way is mended by
    /// doing it again.
    pub(crate) fn use_spare(env: &Env, dir: &Path, key: &Path) -> Result<(), Failure> {
        let vault = Self::open(env, dir)?;
        let pem = String::from_utf8(read(env, key)?)
            .map_err(|_| Failure::new(Exit::Config, format!("{} is no private key in PEM", key.display())))?;
        let issued = vault.authority.reissue_server(env, &pem, &[], SERVER_LIFE)?;
        if vault.spare != Some(issued.pin()?) {
            let text = format!(
                "{} is not the spare key of this directory: no enrolled client would accept the server with it; take the \
                 server-spare.key that `aitrading init` wrote here",
                key.display()
            );
            return Err(Failure::new(Exit::Config, text));
        }
        let seal = Seal::open(env, dir)?;
        seal.put("server.key", issued.key_pem().expose().as_bytes())?;
        write(env, &dir.join("server.pem"), issued.chain_pem().as_bytes())?;
        make(&seal, &vault.authority).map(drop)
    }
}
