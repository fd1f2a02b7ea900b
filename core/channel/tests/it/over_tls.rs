//! The session over TLS on a real socket.

use crate::support::{DAY, S1, World, peer};
use aitrading_channel::{ClientSettings, Event, Limits, Session, accept, connect, tls};
use aitrading_env::{Env, sim::ManualClock};
use aitrading_security::{
    identity::{AccountId, DeviceId, TenantId},
    pki::Authority,
};
use bytes::Bytes;
use tokio_websockets::ServerBuilder;

async fn over_tls(env: &Env, world: &World) -> (Session, Session) {
    let authority = Authority::generate(env, DAY).unwrap();
    let server = authority.issue_server(env, &[], DAY).unwrap();
    let device = authority.issue_device(env, TenantId(1), DeviceId([2; 16]), AccountId(3), DAY).unwrap();
    let ca = authority.certificate().unwrap();
    let config = tls::server_config(env, server.chain(), server.key(), &ca, true).unwrap();
    let listener = env.net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let settings = ClientSettings {
        addr: listener.local_addr().unwrap(),
        tls: tls::client_config(env, &ca, device.chain(), device.key(), &[server.pin().unwrap()]).unwrap(),
        ..world.client.clone()
    };
    let serve = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let tls = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await.unwrap();
        let exporter = tls.get_ref().1.export_keying_material([0; 32], tls::EXPORTER_LABEL, None).unwrap();
        let (_, socket) = ServerBuilder::new().accept(tls).await.unwrap();
        accept(env, &world.server, Box::new(socket.into_inner()), exporter, peer(), &world.table).await.unwrap()
    };
    let (client, server) = tokio::join!(connect(env, &settings, &world.resume), serve);
    (client.unwrap(), server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_over_tls_arrive_all_and_in_order() {
    const FRAMES: u64 = 5_000;
    let env = Env::real();
    let world = World::with(env.clone(), ManualClock::new(0), &Limits::default());
    let (client, mut server) = over_tls(&env, &world).await;
    let sender = client.sender.clone();
    let sending = tokio::task::spawn(async move {
        for n in 1..=FRAMES {
            let body = Bytes::from(vec![n.to_le_bytes()[0]; usize::try_from(n % 3_000).unwrap()]);
            assert_eq!(sender.send(S1, 1, body).await.unwrap(), n);
        }
    });
    let mut got = 0;
    while got < FRAMES {
        if let Event::Frame { seq, body, .. } = server.receiver.recv().await.unwrap() {
            assert_eq!((seq, body.len() as u64), (got + 1, seq % 3_000));
            assert!(body.iter().all(|b| *b == seq.to_le_bytes()[0]));
            got = seq;
            server.sender.ack(S1, seq);
        }
    }
    sending.await.unwrap();
    drop(client);
}
