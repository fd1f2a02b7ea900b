//! TLS 1.3 settings: ring alone, X25519 alone, AES-GCM alone, no resumption of any kind (resuming would skip the certificate
//! checks), dates by the environment's clock.

mod pin;
mod verdict;

pub use verdict::{handshake_error, no_client_certificate};

use crate::ChannelError;
use aitrading_env::{Clock, Env};
use pin::{PinOnlyVerifier, PinnedVerifier};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    time_provider::TimeProvider,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::{sync::Arc, time::Duration};

/// Label of the TLS exporter value that binds the inner session to its TLS connection; its context is empty.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
/// The one application protocol offered and accepted.
pub const ALPN: &[u8] = b"http/1.1";

/// Makes ring the process's TLS provider. Call it first in `main`: a library that asks for the default provider panics
/// otherwise. Calling it again changes nothing.
pub fn install_provider() {
    // An error means that one is installed already; every configuration made here names its provider itself.
    drop(ring::default_provider().install_default());
}

/// A server's settings. With `require_client_cert`, clients without a certificate of `client_ca` are refused; otherwise one is
/// asked for and verified if given.
///
/// # Errors
/// [`ChannelError::TlsSettings`] if certificate, key or authority are not usable.
pub fn server_config(
    env: &Env,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    client_ca: &CertificateDer<'_>,
    require_client_cert: bool,
) -> Result<Arc<ServerConfig>, ChannelError> {
    let provider = provider();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(client_ca)?, Arc::clone(&provider));
    let verifier = if require_client_cert { verifier } else { verifier.allow_unauthenticated() };
    let verifier = verifier.build().map_err(|e| settings("the client authority is not usable", e))?;
    let mut config = ServerConfig::builder_with_details(provider, time(env))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| settings("TLS 1.3 is not available", e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|e| settings("the server's certificate and key are not usable or do not belong together", e))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.ignore_client_order = true;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// A client's settings: the server must present a certificate of `ca` whose public key is one of `pins`
/// (`aitrading_security::pki::spki_pin`). Keep two: the key in use and an offline spare.
///
/// # Errors
/// [`ChannelError::TlsSettings`] if anything is not usable or there is no pin.
pub fn client_config(
    env: &Env,
    ca: &CertificateDer<'_>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pins: &[[u8; 32]],
) -> Result<Arc<ClientConfig>, ChannelError> {
    let verifier = PinnedVerifier::new(roots(ca)?, provider(), pins)?;
    let mut config = ClientConfig::builder_with_details(provider(), time(env))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| settings("TLS 1.3 is not available", e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain, key)
        .map_err(|e| settings("the client's certificate and key are not usable or do not belong together", e))?;
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// The settings of a client that has no certificate yet, and knows of the server no more than the pin of its key, which whoever
/// invited it has told it. The key counts, whatever else the certificate says.
///
/// # Errors
/// [`ChannelError::TlsSettings`] if there is no pin.
pub fn enrolment_config(env: &Env, pins: &[[u8; 32]]) -> Result<Arc<ClientConfig>, ChannelError> {
    let verifier = PinOnlyVerifier::new(provider(), pins)?;
    let mut config = ClientConfig::builder_with_details(provider(), time(env))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| settings("TLS 1.3 is not available", e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

fn settings(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> ChannelError {
    ChannelError::TlsSettings { what, source: Some(Box::new(source)) }
}

fn roots(authority: &CertificateDer<'_>) -> Result<Arc<RootCertStore>, ChannelError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned()).map_err(|e| settings("the authority's certificate is not usable", e))?;
    Ok(Arc::new(roots))
}

/// ring with one suite family, AES-256 first, and one group.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_AES_256_GCM_SHA384, ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![ring::kx_group::X25519],
        ..ring::default_provider()
    })
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
