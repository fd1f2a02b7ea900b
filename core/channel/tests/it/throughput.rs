//! Rates over TLS on loopback. Run by hand: `cargo test -p aitrading-channel --test it -- --ignored --nocapture rates`.

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

#[expect(clippy::print_stdout, reason = "the figure is what this is run for")]
async fn check_rate(len: usize, frames: u64, at_least: u64) {
    let env = Env::real();
    let world = World::with(env.clone(), ManualClock::new(0), &Limits::default());
    let (client, mut server) = over_tls(&env, &world).await;
    let start = env.clock.mono_ns();
    let sender = client.sender.clone();
    let sending = tokio::task::spawn(async move {
        let body = Bytes::from(vec![7; len]);
        for _ in 0..frames {
            sender.send(S1, 1, body.clone()).await.unwrap();
        }
    });
    let mut got = 0;
    while got < frames {
        if let Event::Frame { seq, .. } = server.receiver.recv().await.unwrap() {
            got = seq;
            server.sender.ack(S1, seq);
        }
    }
    sending.await.unwrap();
    let rate = frames * 1_000_000_000 / (env.clock.mono_ns() - start);
    println!("{len} bytes: {rate} frames/s");
    assert!(rate >= at_least, "{rate} frames/s of {len} bytes, wanted {at_least}");
    drop(client);
}

#[ignore = "measures the machine"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates() {
    check_rate(64, 200_000, 50_000).await;
    check_rate(10_000, 10_000, 1200).await;
}
