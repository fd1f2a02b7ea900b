//! What the operator says about one server: raw as written, resolved as used.

#[cfg(test)]
mod tests;

use crate::{BreakerPolicy, endpoint::is_loopback};
use aitrading_config::{Collector, SecretRef};
use rustls_pki_types::ServerName;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

const TEXT_MAX: usize = 128;
/// The longest pause of a breaker, in pauses.
const PAUSES_MAX: u32 = 30;

/// One server's settings as written in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name or address of the server. Required.
    pub host: Option<String>,
    /// Port; by default the one that the kind of server is known by.
    pub port: Option<u16>,
    /// Database, namespace or index prefix on the server.
    pub database: String,
    /// User to log in as.
    pub user: String,
    /// Where the password is: `file:PATH`, `env:NAME` or `sealed:TEXT`.
    pub password: Option<String>,
    /// Plain text; for a server on this machine alone.
    pub plaintext: bool,
    /// PEM file with the authority of the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// PEM file with our certificate, where the server wants one.
    pub certificate_file: Option<PathBuf>,
    /// Where the key of that certificate is, as PEM.
    pub client_key: Option<String>,
    /// No call is waited for longer, repetitions included.
    pub deadline_ms: u32,
    /// No connection is waited for longer.
    pub connect_ms: u32,
    /// Repetitions of a call that may be repeated.
    pub retries: u32,
    /// Connections kept open.
    pub pool_min: u32,
    /// Most connections.
    pub pool_max: u32,
    /// Failures in a row after which the server is left alone for a while.
    pub breaker_failures: u32,
    /// How long at first; twice as long after each failed attempt, at most thirty times.
    pub breaker_pause_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            database: "aitrading".to_owned(),
            user: "aitrading".to_owned(),
            password: None,
            plaintext: false,
            ca_file: None,
            certificate_file: None,
            client_key: None,
            deadline_ms: 5_000,
            connect_ms: 3_000,
            retries: 2,
            pool_min: 1,
            pool_max: 8,
            breaker_failures: 5,
            breaker_pause_ms: 1_000,
        }
    }
}

/// Files of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM of the authority.
    pub ca: PathBuf,
    /// Our own certificate, where the server wants one.
    pub client: Option<ClientFiles>,
}

/// Our certificate towards a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// PEM of the certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// Where the key's PEM is.
    pub key: SecretRef,
}

/// How a server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Unencrypted; refused for other machines.
    Plaintext,
    /// TLS, the server's name checked against the named authority.
    Tls(TlsFiles),
}

/// Bounds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a call with its repetitions.
    pub deadline: Duration,
    /// For opening a connection.
    pub connect: Duration,
    /// Repetitions of a call that may be repeated.
    pub retries: u32,
    /// When the server is left alone.
    pub breaker: BreakerPolicy,
}

/// Bounds of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolBounds {
    /// Connections kept open.
    pub min: u32,
    /// Most connections.
    pub max: u32,
}

/// One server's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database on the server.
    pub database: String,
    /// User.
    pub user: String,
    /// Where the password is.
    pub password: Option<SecretRef>,
    /// TLS or not.
    pub transport: Transport,
    /// Bounds of calls.
    pub limits: Limits,
    /// Bounds of the pool.
    pub pool: PoolBounds,
}

impl ServerSettings {
    /// A server with the default bounds, names and no password. Whether plain text is allowed is judged when the link is
    /// opened.
    #[must_use]
    pub fn new(host: &str, port: u16, transport: Transport) -> Self {
        let raw = Settings::default();
        let (limits, pool) = (raw.limits(), PoolBounds { min: raw.pool_min, max: raw.pool_max });
        let (database, user) = (raw.database, raw.user);
        Self { host: host.to_owned(), port, database, user, password: None, transport, limits, pool }
    }
}

impl Settings {
    /// Checks every value, in the section that the caller has opened. `port` is the usual one of this kind of server.
    pub fn resolve(self, port: u16, collector: &mut Collector<'_>) -> Option<ServerSettings> {
        let numbers = self.numbers_are_good(collector);
        let names = [text(collector, "database", &self.database), text(collector, "user", &self.user)];
        let host = self.host(collector);
        let transport = self.transport(collector);
        let password = match &self.password {
            Some(written) => collector.secret("password", written).map(Some),
            None => self.may_go_without_password(collector).then_some(None),
        };
        if !numbers || names.iter().any(Option::is_none) {
            return None;
        }
        Some(ServerSettings {
            host: host?,
            port: self.port.unwrap_or(port),
            limits: self.limits(),
            pool: PoolBounds { min: self.pool_min, max: self.pool_max },
            database: self.database,
            user: self.user,
            password: password?,
            transport: transport?,
        })
    }

    fn limits(&self) -> Limits {
        let pause = Duration::from_millis(self.breaker_pause_ms.into());
        Limits {
            deadline: Duration::from_millis(self.deadline_ms.into()),
            connect: Duration::from_millis(self.connect_ms.into()),
            retries: self.retries,
            breaker: BreakerPolicy {
                failures: self.breaker_failures,
                pause,
                pause_max: pause.saturating_mul(PAUSES_MAX),
            },
        }
    }

    fn numbers_are_good(&self, collector: &mut Collector<'_>) -> bool {
        let good = [
            collector.within("deadline_ms", self.deadline_ms, 10..=600_000).is_some(),
            collector.within("connect_ms", self.connect_ms, 10..=60_000).is_some(),
            collector.within("retries", self.retries, 0..=10).is_some(),
            collector.within("pool_max", self.pool_max, 1..=1_000).is_some(),
            collector.within("pool_min", self.pool_min, 0..=self.pool_max.max(1)).is_some(),
            collector.within("breaker_failures", self.breaker_failures, 1..=1_000).is_some(),
            collector.within("breaker_pause_ms", self.breaker_pause_ms, 10..=60_000).is_some(),
            collector.within("port", self.port.unwrap_or(1), 1..=u16::MAX).is_some(),
        ];
        good.iter().all(|good| *good)
    }

    fn host(&self, collector: &mut Collector<'_>) -> Option<String> {
        let form = "a name like db.example.org or an address like 10.0.0.5";
        let host = collector.required("host", self.host.as_deref(), &format!("write {form}"))?;
        if ServerName::try_from(host).is_err() {
            collector.refuse("host", host, "it is neither a name nor an address", format!("write {form}"));
            return None;
        }
        Some(host.to_owned())
    }

    fn transport(&self, collector: &mut Collector<'_>) -> Option<Transport> {
        let files = [("ca_file", self.ca_file.is_some()), ("certificate_file", self.certificate_file.is_some())];
        if self.plaintext {
            let elsewhere = self.host.as_deref().filter(|host| !is_loopback(host));
            if let Some(host) = elsewhere {
                let cure = format!("name the authority of {host} in ca_file and take plaintext out");
                collector.refuse("plaintext", true, "plain text is for a server on this machine alone", cure);
            }
            let extra = files.iter().find(|(_, given)| *given);
            if let Some((key, _)) = extra {
                collector.refuse(key, "(given)", "plain text has no certificates", "take this key or plaintext out");
            }
            return (elsewhere.is_none() && extra.is_none()).then_some(Transport::Plaintext);
        }
        let cure = "name the PEM file with the authority of the server's certificate; for a server on this machine \
                    plaintext = true will do";
        let ca = collector.required("ca_file", self.ca_file.clone(), cure);
        let client = match (&self.certificate_file, &self.client_key) {
            (None, None) => Some(None),
            (Some(certificate), Some(key)) => {
                let key = collector.secret("client_key", key);
                key.map(|key| Some(ClientFiles { certificate: certificate.clone(), key }))
            }
            (given, _) => {
                let key = if given.is_some() { "client_key" } else { "certificate_file" };
                collector.required::<()>(key, None, "certificate_file and client_key go together: write both or none");
                None
            }
        };
        Some(Transport::Tls(TlsFiles { ca: ca?, client: client? }))
    }

    /// On a network, who comes without a password or a certificate is let in by an open server only.
    fn may_go_without_password(&self, collector: &mut Collector<'_>) -> bool {
        let here = self.host.as_deref().is_none_or(is_loopback);
        let good = here || self.certificate_file.is_some();
        if !good {
            let cure = "write file:PATH, env:NAME or sealed:TEXT, or give certificate_file and client_key";
            collector.required::<()>("password", None, cure);
        }
        good
    }
}

fn text<'a>(collector: &mut Collector<'_>, key: &str, value: &'a str) -> Option<&'a str> {
    let good = !value.is_empty() && value.len() <= TEXT_MAX && !value.chars().any(char::is_control);
    if !good {
        let cure = format!("write 1 to {TEXT_MAX} characters without control characters");
        collector.refuse(key, value, "it is no name", cure);
    }
    good.then_some(value)
}
