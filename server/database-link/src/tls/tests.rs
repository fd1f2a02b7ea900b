//! Who is let in: handshakes in memory, with certificates as a test server has them.
#![cfg(unix)]

use super::Tls;
use crate::{ClientFiles, LinkError, Role, TlsFiles};
use aitrading_config::{Environment, NoUnseal, SecretRef};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_testkit::servers::Certificates;
use rustls::{
    ClientConnection, ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, WantsVerifier, crypto::ring,
    server::WebPkiClientVerifier,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

struct Party {
    _folder: TempDir,
    certificates: Certificates,
}

fn party() -> Party {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::issue(folder.path());
    Party { _folder: folder, certificates }
}

impl Party {
    fn trusting(&self) -> TlsFiles {
        TlsFiles { ca: self.certificates.ca.clone(), client: None }
    }

    fn trusting_as_client(&self) -> TlsFiles {
        let key = SecretRef::File(self.certificates.client_key.clone());
        let client = Some(ClientFiles { certificate: self.certificates.client.clone(), key });
        TlsFiles { client, ..self.trusting() }
    }

    fn server(&self, wants_client: bool, versions: &[&'static rustls::SupportedProtocolVersion]) -> ServerConnection {
        let provider = Arc::new(ring::default_provider());
        let builder: ConfigBuilder<ServerConfig, WantsVerifier> =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(&self.certificates.ca).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_file(&self.certificates.server).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&self.certificates.server_key).unwrap();
        ServerConnection::new(Arc::new(builder.with_single_cert(chain, key).unwrap())).unwrap()
    }
}

fn read(files: &TlsFiles) -> Result<Tls, LinkError> {
    Tls::read(&Env::real(), Role::Cache, files, &NoUnseal, &Environment::new())
}

/// Both ends until neither has anything to say; the client's or the server's complaint.
fn handshake(files: &TlsFiles, name: &str, mut server: ServerConnection) -> Result<(), rustls::Error> {
    let config = read(files).unwrap().config();
    let mut client = ClientConnection::new(config, ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

#[test]
fn a_server_of_the_configured_authority_with_the_dialled_name_is_spoken_to() {
    let own = party();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for name in ["localhost", "127.0.0.1"] {
            handshake(&own.trusting(), name, own.server(false, &[version])).unwrap();
        }
    }
}

#[test]
fn another_authority_or_another_name_is_refused() {
    let (own, stranger) = (party(), party());
    let versions = rustls::ALL_VERSIONS;
    let cases = [
        ("a stranger's server", &own, &stranger, "localhost"),
        ("a server with another name", &own, &own, "db.example.org"),
        ("a server with another address", &own, &own, "127.0.0.2"),
    ];
    for (case, trusting, serving, name) in cases {
        let error = handshake(&trusting.trusting(), name, serving.server(false, versions)).unwrap_err();
        assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "{case}: {error}");
    }
}

#[test]
fn a_server_that_asks_for_our_certificate_gets_it() {
    let own = party();
    let server = || own.server(true, rustls::ALL_VERSIONS);
    handshake(&own.trusting_as_client(), "localhost", server()).unwrap();
    assert!(handshake(&own.trusting(), "localhost", server()).is_err(), "without one it lets nobody in");
}

#[test]
fn pem_is_handed_to_drivers_that_want_it() {
    let own = party();
    let tls = read(&own.trusting_as_client()).unwrap();
    assert!(tls.ca_pem().starts_with(b"-----BEGIN CERTIFICATE-----"));
    assert!(tls.client_pem().is_some_and(|(certificate, _)| certificate.starts_with(b"-----BEGIN CERTIFICATE-----")));
    let printed = format!("{tls:?}");
    assert!(!printed.contains("BEGIN") && !printed.contains("PRIVATE"), "{printed}");
}

#[test]
fn files_that_are_not_usable_are_named_with_a_code() {
    let (own, other) = (party(), party());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        Env::real().fs.write_atomic(&path, bytes).unwrap();
        path
    };
    let trusting = |ca: &Path| TlsFiles { ca: ca.to_owned(), client: None };
    let mut mixed = own.trusting_as_client();
    mixed.client.as_mut().unwrap().key = SecretRef::File(other.certificates.client_key.clone());
    let mut lost = own.trusting_as_client();
    lost.client.as_mut().unwrap().key = SecretRef::File(folder.path().join("absent"));
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (case, files, code) in [
        ("an absent file", trusting(&folder.path().join("absent")), "LINK_TLS_FILE"),
        ("a file that is too long", trusting(&write("long", &vec![b'\n'; 300_000])), "LINK_TLS_FILE"),
        ("an empty file", trusting(&write("empty", b"")), "LINK_TLS_CONTENT"),
        ("a broken certificate", trusting(&write("broken", broken)), "LINK_TLS_CONTENT"),
        ("a key where the authority should be", trusting(&own.certificates.client_key), "LINK_TLS_CONTENT"),
        ("a key of another certificate", mixed, "LINK_TLS_CONTENT"),
        ("an absent key", lost, "LINK_CREDENTIALS"),
    ] {
        assert_eq!(read(&files).unwrap_err().dna().code, code, "{case}");
    }
}
