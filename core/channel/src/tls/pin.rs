//! The pin on the server's key: checked after the chain, in the same handshake.

use super::settings;
use crate::ChannelError;
use aitrading_security::{equal_in_constant_time, pki::spki_pin};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerIncompatible, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// The chain is valid, the key is not pinned.
#[derive(Debug, thiserror::Error)]
#[error("the server's key is not pinned")]
pub(super) struct NotPinned;

/// The keys that are trusted, at least one.
#[derive(Debug)]
struct Pins(Vec<[u8; 32]>);

impl Pins {
    fn new(pins: &[[u8; 32]]) -> Result<Self, ChannelError> {
        if pins.is_empty() {
            let what = "no pin is configured; name the SHA-256 of the server's public key, and of its spare";
            return Err(ChannelError::TlsSettings { what, source: None });
        }
        Ok(Self(pins.to_vec()))
    }

    fn check(&self, leaf: &CertificateDer<'_>) -> Result<(), Error> {
        // All pins are compared whatever the first says: the time tells nothing.
        let hit = |own: [u8; 32]| self.0.iter().fold(false, |hit, pin| hit | equal_in_constant_time(&own, pin));
        if spki_pin(leaf).is_ok_and(hit) {
            Ok(())
        } else {
            Err(CertificateError::Other(OtherError(Arc::new(NotPinned))).into())
        }
    }
}

#[derive(Debug)]
pub(super) struct PinnedVerifier {
    chain: Arc<WebPkiServerVerifier>,
    pins: Pins,
}

impl PinnedVerifier {
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        pins: &[[u8; 32]],
    ) -> Result<Self, ChannelError> {
        let pins = Pins::new(pins)?;
        let chain = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|e| settings("the server authority is not usable", e))?;
        Ok(Self { chain, pins })
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chain.verify_server_cert(leaf, intermediates, name, ocsp, now)?;
        self.pins.check(leaf).map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // TLS 1.2 is not offered; this is the second lock on that door.
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Trusts a key alone: for a client that is about to enrol and knows no authority yet. Names and dates of the certificate say
/// nothing then that the pin does not say better; that the server holds the key is proved by the handshake's signature.
#[derive(Debug)]
pub(super) struct PinOnlyVerifier {
    pins: Pins,
    provider: Arc<CryptoProvider>,
}

impl PinOnlyVerifier {
    pub(super) fn new(provider: Arc<CryptoProvider>, pins: &[[u8; 32]]) -> Result<Self, ChannelError> {
        Ok(Self { pins: Pins::new(pins)?, provider })
    }
}

impl ServerCertVerifier for PinOnlyVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.pins.check(leaf).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
