//! User and password of a server, fetched anew for every connection so that a rotated password is used at once.

#[cfg(test)]
mod tests;

use crate::{LinkError, Role};
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
}

impl Default for Secrets {
    fn default() -> Self {
        Self { variables: Arc::default(), unseal: Arc::new(NoUnseal) }
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
    user: String,
    reference: Option<SecretRef>,
    secrets: Secrets,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    password: Option<SecretString>,
    generation: u64,
}

impl CredentialSource {
    /// A source for `user`. `reference` is where the password is.
    #[must_use]
    pub fn new(env: &Env, role: Role, user: &str, reference: Option<SecretRef>, secrets: Secrets) -> Self {
        // Sealed values are bound to this key.
        let key = format!("database.{role}.password");
        let (fs, user) = (Arc::clone(&env.fs), user.to_owned());
        Self { fs, role, key, user, reference, secrets, seen: Mutex::default() }
    }

    /// Fetches the credentials as they are now. Call it for every new connection. Reads one small file.
    ///
    /// # Errors
    /// [`LinkError::Credentials`]: a password that cannot be had is never replaced by an earlier one or by none.
    pub fn current(&self) -> Result<Credentials, LinkError> {
        let fetch = |reference: &SecretRef| {
            reference.fetch(&self.key, &self.secrets.variables, &*self.fs, &*self.secrets.unseal)
        };
        let password = self.reference.as_ref().map(fetch).transpose();
        let password = password.map_err(|source| LinkError::Credentials { role: self.role, source })?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.generation == 0 || text(&seen.password) != text(&password) {
            seen.password.clone_from(&password);
            seen.generation = seen.generation.saturating_add(1);
        }
        Ok(Credentials { user: self.user.clone(), password, generation: seen.generation })
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
            .field("from", &self.reference)
            .finish_non_exhaustive()
    }
}
