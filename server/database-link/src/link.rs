//! One server: its address, its credentials, and the guard in front of it.

#[cfg(test)]
mod tests;

use crate::{
    BackendHealth, CredentialSource, Credentials, Endpoint, Guard, LinkError, PoolBounds, Repeat, Role, Secrets,
    ServerSettings,
};
use aitrading_env::Env;
use aitrading_store::StoreError;
use std::{future::Future, time::Duration};

/// What an adapter needs to speak to its server. Opening it connects to nothing.
#[derive(Debug)]
pub struct Link {
    endpoint: Endpoint,
    credentials: CredentialSource,
    guard: Guard,
    pool: PoolBounds,
}

impl Link {
    /// Checks the address, reads the certificates and fetches the password once, so that what is missing is told at the
    /// start and not by the first call.
    ///
    /// # Errors
    /// [`LinkError`]: everything but `Deadline` and `Paused`.
    pub fn open(
        env: &Env,
        role: Role,
        backend: &'static str,
        settings: &ServerSettings,
        secrets: &Secrets,
    ) -> Result<Self, LinkError> {
        let endpoint = Endpoint::resolve(env, role, settings, &*secrets.unseal, &secrets.variables)?;
        let credentials = CredentialSource::new(env, role, settings, secrets.clone());
        credentials.current()?;
        let guard = Guard::new(env, role, backend, settings.limits);
        Ok(Self { endpoint, credentials, guard, pool: settings.pool })
    }

    /// Where the server is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// User and password as they are now. Call it for every new connection: a rotated password then takes effect.
    ///
    /// # Errors
    /// [`LinkError::Credentials`].
    pub fn credentials(&self) -> Result<Credentials, LinkError> {
        self.credentials.current()
    }

    /// The guard that every call goes through.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Bounds of the pool.
    #[must_use]
    pub const fn pool(&self) -> PoolBounds {
        self.pool
    }

    /// How long opening a connection may take.
    #[must_use]
    pub const fn connect_limit(&self) -> Duration {
        self.guard.limits().connect
    }

    /// [`Guard::call`].
    ///
    /// # Errors
    /// As there.
    pub async fn call<T, F, A>(&self, doing: &'static str, repeat: Repeat, attempt: F) -> Result<T, StoreError>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        self.guard.call(doing, repeat, attempt).await
    }

    /// [`Guard::health`].
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        self.guard.health()
    }
}
