//! T08, T10 to T12, T15: the TLS layer over a real socket, with a small server of the test's own.

use crate::support::{DAY, NOW_NS, S1, World, body, error_code, next_frame, peer};
use aitrading_channel::{ChannelError, ClientSettings, Limits, Session, accept, connect, tls};
use aitrading_env::{BoxListener, BoxStream, Env, sim::ManualClock};
use aitrading_security::{
    Authenticator, NoiseKeyPair, SanAuthenticator,
    identity::{AccountId, DeviceId, TenantId},
    pki::{Authority, Issued},
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use std::{sync::Arc, time::Duration};
use tokio::io::AsyncReadExt;

/// An authority, a server's certificate, and a world around them.
struct Site {
    world: World,
    authority: Authority,
    server: Issued,
    device: Issued,
}

impl Site {
    fn new() -> Self {
        let world = World::new(&Limits::default());
        let env = &world.env;
        let authority = Authority::generate(env, 90 * DAY).unwrap();
        let server = authority.issue_server(env, &["bridge.example"], DAY).unwrap();
        let device = issue(&authority, env);
        Self { world, authority, server, device }
    }

    fn ca(&self) -> CertificateDer<'static> {
        self.authority.certificate().unwrap()
    }

    fn server_config(&self) -> Arc<ServerConfig> {
        tls::server_config(&self.world.env, self.server.chain(), self.server.key(), &self.ca(), true).unwrap()
    }

    fn client_config(&self, own: &Issued, pins: &[[u8; 32]]) -> Arc<ClientConfig> {
        tls::client_config(&self.world.env, &self.ca(), own.chain(), own.key(), pins).unwrap()
    }

    /// Connects with these settings to a server with those: what each side got.
    async fn run(
        &self,
        server: Arc<ServerConfig>,
        client: Arc<ClientConfig>,
        name: &str,
    ) -> (Result<Session, ChannelError>, Result<Session, ChannelError>) {
        let listener = self.world.env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let settings = ClientSettings { addr, server_name: name.into(), tls: client, ..self.world.client.clone() };
        tokio::join!(connect(&self.world.env, &settings, &self.world.resume), self.serve(listener, server))
    }

    /// What core/http does: TLS, identity, upgrade, channel.
    async fn serve(&self, listener: BoxListener, config: Arc<ServerConfig>) -> Result<Session, ChannelError> {
        let (tcp, _) = listener.accept().await.unwrap();
        let tls = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await.map_err(tls::handshake_error)?;
        let connection = tls.get_ref().1;
        let chain = connection.peer_certificates().ok_or_else(tls::no_client_certificate)?;
        let peer = SanAuthenticator.authenticate(chain).map_err(|e| ChannelError::OwnCertRefused(Box::new(e)))?;
        let exporter = connection.export_keying_material([0; 32], tls::EXPORTER_LABEL, None).unwrap();
        assert_eq!(connection.alpn_protocol(), Some(tls::ALPN));
        let (request, socket) =
            tokio_websockets::ServerBuilder::new().accept(tls).await.map_err(|_| ChannelError::Truncated)?;
        assert_eq!(request.uri().path(), aitrading_channel::PATH);
        let io: BoxStream = Box::new(socket.into_inner());
        accept(&self.world.env, &self.world.server, io, exporter, peer, &self.world.table).await
    }
}

fn issue(authority: &Authority, env: &Env) -> Issued {
    authority.issue_device(env, TenantId(1), DeviceId([2; 16]), AccountId(3), DAY).unwrap()
}

#[tokio::test]
async fn a_session_opens_over_tls_by_any_of_the_servers_names() {
    for name in ["localhost", "127.0.0.1", "::1", "bridge.example"] {
        let site = Site::new();
        let client = site.client_config(&site.device, &[[0; 32], site.server.pin().unwrap()]);
        let (client, server) = site.run(site.server_config(), client, name).await;
        let (client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!(server.peer, Some(peer()));
        client.sender.send(S1, 9, body(1)).await.unwrap();
        assert_eq!(next_frame(&mut server).await, (1, body(1)));
    }
}

/// T08. Without the pin the handshake with a mis-issued but valid certificate would succeed; with the pin checked after the
/// handshake the server would have seen the HTTP request.
#[tokio::test]
async fn t08_a_valid_certificate_with_another_key_is_refused_before_any_http() {
    let site = Site::new();
    let spare = site.authority.issue_server(&site.world.env, &[], DAY).unwrap();
    let misissued = tls::server_config(&site.world.env, spare.chain(), spare.key(), &site.ca(), true).unwrap();
    let pins = [site.server.pin().unwrap()];
    let (client, server) = site.run(Arc::clone(&misissued), site.client_config(&site.device, &pins), "localhost").await;
    assert_eq!(error_code(&client.unwrap_err()), "PIN_MISMATCH");
    assert!(matches!(server, Err(ChannelError::OwnCertRefused(_))), "the handshake itself failed");
    let both = [site.server.pin().unwrap(), spare.pin().unwrap()];
    let (client, _server) = site.run(misissued, site.client_config(&site.device, &both), "localhost").await;
    client.unwrap();
}

/// The chain is checked before the pin: a pinned key does not excuse a foreign authority.
#[tokio::test]
async fn a_pinned_key_under_another_authority_is_refused() {
    let (site, other) = (Site::new(), Site::new());
    let foreign = Authority::generate(&Env::real(), DAY).unwrap();
    let client = tls::client_config(
        &site.world.env,
        &foreign.certificate().unwrap(),
        other.device.chain(),
        other.device.key(),
        &[site.server.pin().unwrap()],
    );
    let (client, _) = site.run(site.server_config(), client.unwrap(), "localhost").await;
    assert_eq!(error_code(&client.unwrap_err()), "CERT_REFUSED");
}

#[tokio::test]
async fn settings_without_a_pin_are_refused() {
    let site = Site::new();
    let made = tls::client_config(&site.world.env, &site.ca(), site.device.chain(), site.device.key(), &[]);
    assert_eq!(error_code(&made.unwrap_err()), "TLS_SETTINGS");
}

#[tokio::test]
async fn a_server_whose_name_or_date_is_wrong_is_refused() {
    let site = Site::new();
    let pins = [site.server.pin().unwrap()];
    let (client, _) = site.run(site.server_config(), site.client_config(&site.device, &pins), "other.example").await;
    assert_eq!(error_code(&client.unwrap_err()), "CERT_REFUSED");
    site.world.clock.advance(DAY + Duration::from_secs(1));
    let fresh = issue(&site.authority, &site.world.env);
    let (client, _) = site.run(site.server_config(), site.client_config(&fresh, &pins), "localhost").await;
    let error = client.unwrap_err();
    assert!(matches!(error, ChannelError::PeerCertExpired(_)), "{error}");
    assert_eq!(error_code(&error), "CERT_EXPIRED");
}

/// Connects with a plain TLS client: what its first read says, and what the server says.
async fn raw_client(site: &Site, config: ClientConfig) -> (Result<(), ChannelError>, ChannelError) {
    let listener = site.world.env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let client = async {
        let tcp = site.world.env.net.connect(addr).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = "localhost".try_into().unwrap();
        let mut tls = connector.connect(name, tcp).await.map_err(tls::handshake_error)?;
        // In TLS 1.3 the refusal arrives here, not above.
        let read = tls.read(&mut [0; 16]).await;
        read.map(|_| ()).map_err(tls::handshake_error)
    };
    let (client, server) = tokio::join!(client, site.serve(listener, site.server_config()));
    (client, server.unwrap_err())
}

fn roots(site: &Site) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(site.ca()).unwrap();
    roots
}

fn plain(site: &Site, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    let time = Arc::new(FixedTime(NOW_NS));
    ClientConfig::builder_with_details(Arc::new(ring::default_provider()), time)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots(site))
        .with_no_client_auth()
}

#[derive(Debug)]
struct FixedTime(i64);

impl rustls::time_provider::TimeProvider for FixedTime {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let since = Duration::from_nanos(u64::try_from(self.0).unwrap());
        Some(rustls::pki_types::UnixTime::since_unix_epoch(since))
    }
}

/// T11. With the certificate optional, the server would go on to the upgrade.
#[tokio::test]
async fn t11_a_client_without_a_certificate_is_refused_at_its_first_read() {
    let site = Site::new();
    let (client, server) = raw_client(&site, plain(&site, &[&rustls::version::TLS13])).await;
    assert_eq!(error_code(&client.unwrap_err()), "TLS_NO_CERT");
    assert_eq!(error_code(&server), "TLS_NO_CERT");
}

/// T10. Two locks: the list of versions, and a provider without a suite of the old version. Either alone refuses.
#[tokio::test]
async fn t10_tls_1_2_is_refused() {
    let site = Site::new();
    let (client, server) = raw_client(&site, plain(&site, &[&rustls::version::TLS12])).await;
    assert_eq!(error_code(&client.unwrap_err()), "TLS_REFUSED");
    assert_eq!(error_code(&server), "TLS_REFUSED");
}

/// T10, the other way round: our client does not speak to a server of the old version.
#[tokio::test]
async fn t10_a_tls_1_2_server_is_refused() {
    let site = Site::new();
    let old = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(site.server.chain(), site.server.key())
        .unwrap();
    let pins = [site.server.pin().unwrap()];
    let (client, _) = site.run(Arc::new(old), site.client_config(&site.device, &pins), "localhost").await;
    assert_eq!(error_code(&client.unwrap_err()), "TLS_REFUSED");
}

/// T15. With tickets the next connection could skip the certificate checks.
#[tokio::test]
async fn t15_the_server_gives_no_tickets_and_keeps_no_sessions() {
    let site = Site::new();
    let config = site.server_config();
    assert_eq!((config.send_tls13_tickets, config.max_early_data_size), (0, 0));
    assert!(!config.session_storage.can_cache());
    let listener = site.world.env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let client = async {
        let tcp = site.world.env.net.connect(addr).await.unwrap();
        let greedy =
            ClientConfig::builder_with_details(Arc::new(ring::default_provider()), Arc::new(FixedTime(NOW_NS)))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .unwrap()
                .with_root_certificates(roots(&site))
                .with_client_auth_cert(site.device.chain(), site.device.key())
                .unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(greedy));
        let mut tls = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
        assert_eq!(tls.read(&mut [0; 16]).await.unwrap(), 0);
        tls.get_ref().1.tls13_tickets_received()
    };
    let server = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut tls).await.unwrap();
    };
    assert_eq!(tokio::join!(client, server).0, 0);
}

/// What is wrong with a client's certificate.
fn bad_certificates(site: &Site) -> Vec<(&'static str, Issued)> {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose as Eku, Issuer, KeyPair, PKCS_ED25519, SanType};
    let env = &site.world.env;
    let (day, hour) = (DAY, Duration::from_secs(3600));
    let foreign = Authority::generate(env, day).unwrap();
    let at = |offset: i64, authority: &Authority, validity: Duration| {
        let env = Env { clock: Arc::new(ManualClock::new(NOW_NS + offset * 1_000_000_000)), ..env.clone() };
        authority.issue_device(&env, TenantId(1), DeviceId([2; 16]), AccountId(3), validity).unwrap()
    };
    let made = |uri: Option<&str>, usage: Option<Eku>, ca: bool| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = uri.into_iter().map(|uri| SanType::URI(uri.try_into().unwrap())).collect();
        params.extended_key_usages = usage.into_iter().collect();
        if ca {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let signer = KeyPair::from_pem(site.authority.key_pem().expose()).unwrap();
        let issuer = Issuer::from_ca_cert_der(&site.ca(), signer).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Issued::from_pem(&certificate.pem(), &key.serialize_pem()).unwrap()
    };
    let good = format!("spiffe://aitrading/tenant/1/device/{}/account/3", "02".repeat(16));
    vec![
        ("expired", at(-90_000, &site.authority, day)),
        ("just expired", at(-3602, &site.authority, hour)),
        ("not yet valid", at(7200, &site.authority, day)),
        ("another authority", issue(&foreign, env)),
        ("a server's", site.authority.issue_server(env, &[], day).unwrap()),
        ("for servers only", made(Some(&good), Some(Eku::ServerAuth), false)),
        ("for code signing", made(Some(&good), Some(Eku::CodeSigning), false)),
        ("without purpose", made(Some(&good), None, false)),
        ("an authority's", made(Some(&good), Some(Eku::ClientAuth), true)),
        ("without identity", made(None, Some(Eku::ClientAuth), false)),
        ("of another trust domain", made(Some("spiffe://evil/tenant/1/service/x"), Some(Eku::ClientAuth), false)),
        ("with a crooked identity", made(Some("spiffe://aitrading/tenant/01/service/x"), Some(Eku::ClientAuth), false)),
    ]
}

/// T12. Each is refused, and the client is told so in words of its own; the good one in the same place passes.
#[tokio::test]
async fn t12_twelve_bad_client_certificates_are_refused() {
    let site = Site::new();
    let pins = [site.server.pin().unwrap()];
    let cases = bad_certificates(&site);
    assert_eq!(cases.len(), 12);
    for (what, own) in cases {
        let (client, server) = site.run(site.server_config(), site.client_config(&own, &pins), "localhost").await;
        let (client, server) = (error_code(&client.unwrap_err()), error_code(&server.unwrap_err()));
        assert!(["CERT_EXPIRED", "CERT_REFUSED", "CONNECT_FAILED"].contains(&client), "{what}: client {client}");
        assert!(["CERT_EXPIRED", "CERT_REFUSED"].contains(&server), "{what}: server {server}");
    }
    let (client, server) = site.run(site.server_config(), site.client_config(&site.device, &pins), "localhost").await;
    client.unwrap();
    server.unwrap();
}

#[tokio::test]
async fn the_wrong_noise_key_or_policy_is_refused() {
    let site = Site::new();
    let pins = [site.server.pin().unwrap()];
    let wrong_key = NoiseKeyPair::generate(&site.world.env).public();
    let wrong: [fn(&mut ClientSettings, [u8; 32]); 2] =
        [|s, key| s.server_noise_key = key, |s, _| s.policy_id = b"policy-2".to_vec()];
    for change in wrong {
        let listener = site.world.env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let mut settings = ClientSettings {
            addr: listener.local_addr().unwrap(),
            tls: site.client_config(&site.device, &pins),
            ..site.world.client.clone()
        };
        change(&mut settings, wrong_key);
        let (client, server) = tokio::join!(
            connect(&site.world.env, &settings, &site.world.resume),
            site.serve(listener, site.server_config())
        );
        assert_eq!(error_code(&client.unwrap_err()), "HANDSHAKE_REFUSED");
        assert_eq!(error_code(&server.unwrap_err()), "HANDSHAKE_REFUSED");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failed_connection() {
    let site = Site::new();
    let listener = site.world.env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let settings = ClientSettings { addr, ..site.world.client.clone() };
    let error = connect(&site.world.env, &settings, &site.world.resume).await.unwrap_err();
    assert_eq!(error_code(&error), "CONNECT_FAILED");
}

#[test]
fn a_key_that_does_not_belong_to_its_certificate_is_refused() {
    let site = Site::new();
    let key: PrivateKeyDer<'static> = site.server.key();
    let made = tls::server_config(&site.world.env, site.device.chain(), key, &site.ca(), true);
    assert_eq!(error_code(&made.unwrap_err()), "TLS_SETTINGS");
}
