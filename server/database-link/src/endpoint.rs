//! Where a server is, and how it is spoken to.

#[cfg(test)]
mod tests;

use crate::{LinkError, Role, ServerSettings, Tls, Transport};
use aitrading_config::Unseal;
use aitrading_env::Env;
use rustls_pki_types::ServerName;
use std::net::{IpAddr, Ipv6Addr};

const LOCALHOST: &str = "localhost";

/// A server's resolved address. It cannot be built with plain text to another machine.
#[derive(Debug, Clone)]
pub struct Endpoint {
    host: String,
    port: u16,
    database: String,
    tls: Option<Tls>,
}

impl Endpoint {
    /// Checks the host and reads the certificates.
    ///
    /// # Errors
    /// [`LinkError::Plaintext`], [`LinkError::Host`], and whatever [`Tls::read`] refuses.
    pub fn resolve(
        env: &Env,
        role: Role,
        settings: &ServerSettings,
        unseal: &dyn Unseal,
        variables: &aitrading_config::Environment,
    ) -> Result<Self, LinkError> {
        let host = settings.host.clone();
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(LinkError::Host { host });
        }
        let tls = match &settings.transport {
            Transport::Plaintext if !is_loopback(&host) => return Err(LinkError::Plaintext { role, host }),
            Transport::Plaintext => None,
            Transport::Tls(files) => Some(Tls::read(env, role, files, unseal, variables)?),
        };
        Ok(Self { host, port: settings.port, database: settings.database.clone(), tls })
    }

    /// The name or address as configured: what the server's certificate has to show.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What to dial. In plain text `localhost` is 127.0.0.1, so that no resolver can send a password elsewhere.
    #[must_use]
    pub fn dial_host(&self) -> &str {
        if self.tls.is_none() && self.host.eq_ignore_ascii_case(LOCALHOST) { "127.0.0.1" } else { &self.host }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The database (or namespace, bucket, index prefix) on the server.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// TLS settings; `None` for plain text on this machine.
    #[must_use]
    pub const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.dial_host();
        if host.parse::<Ipv6Addr>().is_ok() {
            format!("[{host}]:{}", self.port)
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// `SCHEME://HOST:PORT`, with the first scheme for plain text and the second for TLS. Never with a password.
    #[must_use]
    pub fn url(&self, plain: &str, secure: &str) -> String {
        let scheme = if self.tls.is_some() { secure } else { plain };
        format!("{scheme}://{}", self.authority())
    }
}

/// Is this surely this machine? A name other than `localhost` may be anybody.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case(LOCALHOST) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
