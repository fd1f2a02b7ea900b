//! User and password of a server, fetched anew for every connection so that a rotated password is used at once.

#[cfg(test)]
mod tests;

use crate::{LinkError, Role, ServerSettings};
use aitrading_config::{Environment, NoUnseal, SecretRef, Unseal};
use aitrading_env::{Env, Fs};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// What secrets are fetched with. The default has no variables and opens no sealed values: files alone.
#[derive(Clone)]
pub struct Secrets {
    /// The process's environment as the binary handed it over.
    pub variables: Arc<Environment>,
    /// Opens sealed values.
    pub unseal: Arc<dyn Unseal>,
    /// Looks into the configuration again: a sealed password is written there, and rotated there.
    pub written: Arc<dyn Written>,
}

/// What the configuration says now, which may be something else than when this process started.
pub trait Written: Send + Sync {
    /// The server that it names for a part; `None` if it names none, or cannot be read as it is now.
    fn server(&self, role: Role) -> Option<ServerSettings>;
}

/// For processes without a file to look into again: what was written at the start stays.
#[derive(Debug, Clone, Copy)]
pub struct NotAgain;

impl Written for NotAgain {
    fn server(&self, _role: Role) -> Option<ServerSettings> {
        None
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self { variables: Arc::default(), unseal: Arc::new(NoUnseal), written: Arc::new(NotAgain) }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// What one connection logs in with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password, if the server wants one.
    pub password: Option<SecretString>,
    /// Rises whenever the password turned out to be another: connections of an earlier one are due for replacement.
    pub generation: u64,
}

/// Where credentials come from.
pub struct CredentialSource {
    fs: Arc<dyn Fs>,
    role: Role,
    key: String,
    server: ServerSettings,
    secrets: Secrets,
    /// Where the password was at the last look.
    place: Mutex<Option<SecretRef>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    password: Option<SecretString>,
    generation: u64,
}

impl CredentialSource {
    /// A source for the user that `server` names.
    #[must_use]
    pub fn new(env: &Env, role: Role, server: &ServerSettings, secrets: Secrets) -> Self {
        // Sealed values are bound to this key.
        let key = format!("database.{role}.password");
        let (server, place) = (server.clone(), Mutex::new(server.password.clone()));
        Self { fs: Arc::clone(&env.fs), role, key, server, secrets, place, seen: Mutex::default() }
    }

    /// Fetches the credentials as they are now. Call it for every new connection. Reads one small file.
    ///
    /// # Errors
    /// [`LinkError::Credentials`]: a password that cannot be had is never replaced by an earlier one or by none.
    pub fn current(&self) -> Result<Credentials, LinkError> {
        let fetch = |reference: &SecretRef| {
            reference.fetch(&self.key, &self.secrets.variables, &*self.fs, &*self.secrets.unseal)
        };
        let password = self.reference().as_ref().map(fetch).transpose();
        let password = password.map_err(|source| LinkError::Credentials { role: self.role, source })?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.generation == 0 || text(&seen.password) != text(&password) {
            seen.password.clone_from(&password);
            seen.generation = seen.generation.saturating_add(1);
        }
        Ok(Credentials { user: self.server.user.clone(), password, generation: seen.generation })
    }

    /// Where the password is. A file or a variable is a place that is looked at anew; a sealed password stands in the
    /// configuration itself, so that is looked at. A password for another server or user is none of this one's, and a
    /// configuration that is being written keeps nobody from the server.
    fn reference(&self) -> Option<SecretRef> {
        let known = &self.server;
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(known.password, Some(SecretRef::Sealed(_)))
            && let Some(now) = self.secrets.written.server(self.role)
            && (&now.host, now.port, &now.user) == (&known.host, known.port, &known.user)
        {
            *place = now.password;
        }
        place.clone()
    }
}

/// Borrowed: no second copy of a password is left in memory.
fn text(secret: &Option<SecretString>) -> Option<&str> {
    secret.as_ref().map(ExposeSecret::expose_secret)
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSource")
            .field("role", &self.role)
            .field("from", &self.server.password)
            .finish_non_exhaustive()
    }
}
