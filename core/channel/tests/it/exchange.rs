//! Exchanges over TLS on a real socket: whom a client believes that has no more than a pin, or a certificate of ours.

use crate::support::{DAY, error_code};
use aitrading_channel::{
    ChannelError,
    exchange::{self, ExchangeLimits, Host, Target},
    tls,
};
use aitrading_env::Env;
use aitrading_security::{
    NoiseKeyPair,
    identity::{AccountId, DeviceId, TenantId},
    login::EnrolmentCode,
    pki::Authority,
};
use std::sync::Arc;
use tokio_websockets::ServerBuilder;

struct World {
    env: Env,
    authority: Authority,
    host: Host,
    code: EnrolmentCode,
    client: NoiseKeyPair,
}

fn world() -> World {
    let env = Env::real();
    let host = Host {
        env: env.clone(),
        noise_static: NoiseKeyPair::generate(&env),
        limits: ExchangeLimits::default(),
        work: Arc::new(tokio::sync::Semaphore::new(1)),
    };
    let authority = Authority::generate(&env, DAY).unwrap();
    let (code, client) = (EnrolmentCode::generate(env.rng.as_ref()), NoiseKeyPair::generate(&env));
    World { env, authority, host, code, client }
}

impl World {
    /// One enrolment over TLS with the pins that `pins` makes of the server's. What the server has served, and the client's end.
    async fn enrolment(&self, pins: impl FnOnce([u8; 32]) -> Vec<[u8; 32]>) -> (bool, Result<Vec<u8>, ChannelError>) {
        let env = &self.env;
        let server = self.authority.issue_server(env, &[], DAY).unwrap();
        let ca = self.authority.certificate().unwrap();
        let config = tls::server_config(env, server.chain(), server.key(), &ca, false).unwrap();
        let listener = env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let target = Target {
            addr: listener.local_addr().unwrap(),
            // The certificate does not name this; the pin is all that counts before there is an authority.
            server_name: "somewhere.example".into(),
            tls: tls::enrolment_config(env, &pins(server.pin().unwrap())).unwrap(),
            limits: ExchangeLimits::default(),
        };
        let serve = async {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(tls) = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await else { return false };
            let exporter = tls.get_ref().1.export_keying_material([0; 32], tls::EXPORTER_LABEL, Some(&[])).unwrap();
            let (request, socket) = ServerBuilder::new().accept(tls).await.unwrap();
            assert_eq!(request.uri().path(), exchange::ENROL_PATH);
            let line: (aitrading_env::BoxStream, _) = (Box::new(socket.into_inner()), exporter);
            let psk = async { Some(self.code.psk()) };
            let (mut answering, id) = exchange::serve_enrolment(&self.host, line, |_| psk).await.unwrap();
            assert_eq!(id, self.code.id());
            let question = answering.question().await.unwrap();
            answering.answer(&[&question[..], b"!"].concat()).await.unwrap();
            true
        };
        let ask = async {
            let mut asking = exchange::enrol(env, &target, &self.client, &self.code).await?;
            let answer = asking.ask(b"in").await?;
            asking.close().await;
            Ok(answer.to_vec())
        };
        tokio::join!(serve, ask)
    }
}

#[tokio::test]
async fn a_pin_is_enough_to_enrol() {
    let (served, answer) = world().enrolment(|own| vec![[7; 32], own]).await;
    assert!(served);
    assert_eq!(answer.unwrap(), b"in!");
}

#[tokio::test]
async fn t08_an_enrolment_with_another_pin_sends_nothing() {
    let (served, answer) = world().enrolment(|_| vec![[7; 32]]).await;
    assert!(!served, "not a byte beyond the handshake");
    assert_eq!(error_code(&answer.unwrap_err()), "PIN_MISMATCH");
}

#[test]
fn an_enrolment_without_a_pin_is_no_setting() {
    assert_eq!(error_code(&tls::enrolment_config(&Env::real(), &[]).unwrap_err()), "TLS_SETTINGS");
}

#[tokio::test]
async fn a_login_over_tls_knows_both_ends() {
    let world = world();
    let env = &world.env;
    let server = world.authority.issue_server(env, &[], DAY).unwrap();
    let device = world.authority.issue_device(env, TenantId(1), DeviceId([2; 16]), AccountId(3), DAY).unwrap();
    let ca = world.authority.certificate().unwrap();
    let config = tls::server_config(env, server.chain(), server.key(), &ca, false).unwrap();
    let listener = env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let target = Target {
        addr: listener.local_addr().unwrap(),
        server_name: "localhost".into(),
        tls: tls::client_config(env, &ca, device.chain(), device.key(), &[server.pin().unwrap()]).unwrap(),
        limits: ExchangeLimits::default(),
    };
    let serve = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let tls = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await.unwrap();
        assert_eq!(tls.get_ref().1.peer_certificates().unwrap(), device.chain());
        let exporter = tls.get_ref().1.export_keying_material([0; 32], tls::EXPORTER_LABEL, Some(&[])).unwrap();
        let (request, socket) = ServerBuilder::new().accept(tls).await.unwrap();
        assert_eq!(request.uri().path(), exchange::LOGIN_PATH);
        exchange::serve_login(&world.host, (Box::new(socket.into_inner()), exporter)).await.unwrap()
    };
    let key = world.host.noise_static.public();
    let (asking, answering) = tokio::join!(exchange::login(env, &target, &world.client, &key), serve);
    let asking = asking.unwrap();
    assert_eq!((asking.hash(), asking.peer_key()), (answering.hash(), key));
    assert_eq!(answering.peer_key(), world.client.public());
}
