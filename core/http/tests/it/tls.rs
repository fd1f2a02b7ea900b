//! Doors with TLS and client certificates.
#![expect(clippy::disallowed_methods, reason = "the answers are those of the test's own handler")]

use crate::world::{Running, advancing, check_serves, dial, echo, manual_env, plain, read_all};
use aitrading_env::{BoxStream, Env};
use aitrading_http::{DoorConfig, Handler, Request, Response, StatusCode, text};
use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{fmt::Write, io, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

/// An authority and what it has issued.
struct World {
    server: Arc<ServerConfig>,
    with_certificate: Arc<ClientConfig>,
    without: Arc<ClientConfig>,
    client: CertificateDer<'static>,
}

fn world() -> World {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |name: &str, usage| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &ca).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        (certificate.der().clone(), key)
    };
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build().unwrap();
    let (certificate, key) = issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let only_13 = &[&rustls::version::TLS13];
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(only_13).unwrap();
    let server = server.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key).unwrap();
    let client = || {
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(only_13).unwrap();
        builder.with_root_certificates(Arc::clone(&roots))
    };
    let (certificate, key) = issue("device", ExtendedKeyUsagePurpose::ClientAuth);
    let with_certificate = client().with_client_auth_cert(vec![certificate.clone()], key).unwrap();
    World {
        server: Arc::new(server),
        with_certificate: Arc::new(with_certificate),
        without: Arc::new(client().with_no_client_auth()),
        client: certificate,
    }
}

fn tls(world: &World) -> DoorConfig {
    DoorConfig { tls: Some(Arc::clone(&world.server)), ..plain() }
}

async fn connect(door: &Running, config: &Arc<ClientConfig>) -> io::Result<tokio_rustls::client::TlsStream<BoxStream>> {
    TlsConnector::from(Arc::clone(config)).connect("localhost".try_into().unwrap(), dial(door.addr).await).await
}

/// Tells what the door knows of its peer.
struct WhoAmI;

#[async_trait]
impl Handler for WhoAmI {
    async fn handle(&self, request: Request) -> Response {
        let tls = request.peer.tls.as_ref().unwrap();
        let mut out = String::new();
        for byte in tls.exporter.iter().chain(tls.certificates.iter().flatten()) {
            write!(out, "{byte:02x}").unwrap();
        }
        text(StatusCode::OK, out)
    }
}

#[tokio::test]
async fn the_handler_learns_certificate_and_exporter() {
    let world = world();
    let door = Running::start(&Env::real(), tls(&world), Arc::new(WhoAmI)).await.unwrap();
    let mut stream = connect(&door, &world.with_certificate).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let exporter = stream.get_ref().1.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[])).unwrap();
    let expected =
        exporter.iter().chain(world.client.iter()).fold(String::new(), |out, byte| format!("{out}{byte:02x}"));
    assert!(answer.ends_with(&expected), "{answer}");
}

#[tokio::test]
async fn without_a_certificate_nothing_is_served() {
    let world = world();
    let door = echo(&Env::real(), tls(&world)).await;
    // In TLS 1.3 the client learns of the refusal only after its own half of the handshake.
    let mut stream = connect(&door, &world.without).await.unwrap();
    drop(stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await);
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert!(answer.is_empty());
    let mut granted: BoxStream = Box::new(connect(&door, &world.with_certificate).await.unwrap());
    check_serves(&mut granted).await;
}

#[tokio::test]
async fn t53_dripped_handshakes_hold_up_nobody_and_are_reaped() {
    let (env, clock) = manual_env();
    let world = world();
    let door = echo(&env, tls(&world)).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = dial(door.addr).await;
        stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
        slow.push(stream);
    }
    // Time stands still: only if the slow ones block nothing does this one get through.
    let mut granted: BoxStream = Box::new(connect(&door, &world.with_certificate).await.unwrap());
    check_serves(&mut granted).await;
    for mut stream in slow {
        assert_eq!(advancing(&clock, read_all(&mut stream)).await, "");
    }
    let took = aitrading_env::Clock::mono_ns(&clock);
    assert!((5_000_000_000..10_000_000_000).contains(&took), "{took} ns");
}

#[tokio::test]
async fn t53_a_handshake_that_trickles_forever_is_reaped_by_the_total_not_by_the_pause() {
    let (env, clock) = manual_env();
    let world = world();
    let door = echo(&env, tls(&world)).await;
    let mut slow = dial(door.addr).await;
    // The beginning of a client hello of 512 bytes.
    slow.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await.unwrap();
    let mut seconds = 0;
    while slow.write_all(&[3]).await.is_ok() {
        let mut granted: BoxStream = Box::new(connect(&door, &world.with_certificate).await.unwrap());
        check_serves(&mut granted).await;
        clock.advance(std::time::Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 10, "still open after {seconds} s");
    }
    assert!(seconds >= 4, "cut after {seconds} s");
}

#[tokio::test]
async fn plain_http_at_a_tls_door_is_refused() {
    let world = world();
    let door = echo(&Env::real(), tls(&world)).await;
    let mut stream = dial(door.addr).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(!answer.windows(4).any(|w| w == b"HTTP"), "{answer:?}");
}
