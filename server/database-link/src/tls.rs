//! TLS towards a database server: the configured authority alone, the server's name always checked.

#[cfg(test)]
mod tests;

use crate::{LinkError, Role, TlsFiles};
use aitrading_config::{Environment, Unseal};
use aitrading_env::{Clock, Env};
use rustls::{
    ClientConfig, RootCertStore, client::Resumption, crypto::ring, time_provider::TimeProvider, version::TLS12,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, path::Path, sync::Arc, time::Duration};

/// Bytes that a certificate file may have.
const PEM_BYTES_MAX: u64 = 256 * 1024;
/// Certificates that a file may hold.
const CERTIFICATES_MAX: usize = 64;

/// TLS settings of one server, in the forms that drivers take.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    ca_pem: Arc<[u8]>,
    client: Option<Arc<ClientPem>>,
}

struct ClientPem {
    certificate: Vec<u8>,
    key: SecretString,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`LinkError::TlsFile`], [`LinkError::TlsContent`], [`LinkError::Credentials`].
    pub fn read(
        env: &Env,
        role: Role,
        files: &TlsFiles,
        unseal: &dyn Unseal,
        variables: &Environment,
    ) -> Result<Self, LinkError> {
        let ca_pem = read(env, "the server's authority", &files.ca)?;
        let roots = roots(&ca_pem)?;
        let client = match &files.client {
            None => None,
            Some(client) => Some(ClientPem {
                certificate: read(env, "the client's certificate", &client.certificate)?,
                key: client
                    .key
                    // Sealed values are bound to this key.
                    .fetch(&format!("database.{role}.client_key"), variables, &*env.fs, unseal)
                    .map_err(|source| LinkError::Credentials { role, source })?,
            }),
        };
        let config = config(env, roots, client.as_ref())?;
        Ok(Self { config: Arc::new(config), ca_pem: ca_pem.into(), client: client.map(Arc::new) })
    }

    /// For drivers that take rustls settings.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// For drivers that take PEM: the authority's certificates.
    #[must_use]
    pub fn ca_pem(&self) -> &[u8] {
        &self.ca_pem
    }

    /// For drivers that take PEM: the client's certificates and key, if there are any.
    #[must_use]
    pub fn client_pem(&self) -> Option<(&[u8], &SecretString)> {
        self.client.as_deref().map(|client| (client.certificate.as_slice(), &client.key))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("client", &self.client.is_some()).finish_non_exhaustive()
    }
}

fn read(env: &Env, what: &'static str, path: &Path) -> Result<Vec<u8>, LinkError> {
    let unreadable = |source| LinkError::TlsFile { what, path: path.to_owned(), source };
    env.fs.read(path, PEM_BYTES_MAX).map_err(unreadable)
}

fn certificates(what: &'static str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let all: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).take(CERTIFICATES_MAX + 1).collect();
    let all = all.map_err(|e| content(what, e))?;
    if all.is_empty() || all.len() > CERTIFICATES_MAX {
        return Err(LinkError::TlsContent { what, source: None });
    }
    Ok(all)
}

fn roots(ca_pem: &[u8]) -> Result<RootCertStore, LinkError> {
    let what = "the server's authority";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(what, ca_pem)? {
        roots.add(certificate).map_err(|e| content(what, e))?;
    }
    Ok(roots)
}

fn config(env: &Env, roots: RootCertStore, client: Option<&ClientPem>) -> Result<ClientConfig, LinkError> {
    let builder = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), time(env))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| content("TLS 1.2 and 1.3", e))?
        // The standard verifier: chain, dates and the name that was dialled.
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let what = "the client's certificate and key";
            let chain = certificates(what, &client.certificate)?;
            let key = PrivateKeyDer::from_pem_slice(client.key.expose_secret().as_bytes());
            builder.with_client_auth_cert(chain, key.map_err(|e| content(what, e))?).map_err(|e| content(what, e))?
        }
    };
    // A resumed connection would skip the certificate's check.
    config.resumption = Resumption::disabled();
    // Without it a TLS 1.2 session could be spliced into another.
    config.require_ems = true;
    Ok(config)
}

fn content(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> LinkError {
    LinkError::TlsContent { what, source: Some(Box::new(source)) }
}

#[derive(Debug)]
struct EnvTime(Arc<dyn Clock>);

impl TimeProvider for EnvTime {
    fn current_time(&self) -> Option<UnixTime> {
        u64::try_from(self.0.wall_ns()).ok().map(|ns| UnixTime::since_unix_epoch(Duration::from_nanos(ns)))
    }
}

fn time(env: &Env) -> Arc<dyn TimeProvider> {
    Arc::new(EnvTime(Arc::clone(&env.clock)))
}
