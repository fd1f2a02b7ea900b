//! Servers that are frozen, gone, or do not let us in.

use crate::world::{
    Ahead, IMPATIENT, LIMITS, ONE, Stopwatch, check_next, event, eventually, open, password_file, publish, run,
    settings, subscribe, topic, write_password,
};
use aitrading_database_link::{LinkState, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_env::Env;
use aitrading_error::{Coded, chain};
use aitrading_store::EventBus;
use aitrading_store_nats::NatsEvents;
use aitrading_testkit::servers::{Certificates, Door, Nats, Proxy};
use std::{sync::Arc, time::Duration};

/// Far more than the impatient deadline.
const SOON: Duration = Duration::from_secs(5);

async fn codes(bus: &NatsEvents) -> [Option<&'static str>; 3] {
    let begun = Stopwatch::start();
    let published = bus.publish(event(1_000_000)).await.err().map(|error| error.dna().code);
    let subscribed = bus.subscribe(ONE, &topic("a"), "b").await.err().map(|error| error.dna().code);
    let probed = bus.probe().await.err().map(|error| error.dna().code);
    assert!(begun.elapsed() < SOON, "three calls took {:?}", begun.elapsed());
    [published, subscribed, probed]
}

const UNAVAILABLE: [Option<&str>; 3] = [Some("STORE_UNAVAILABLE"); 3];

#[test]
fn nobody_is_held_beyond_the_deadline_by_a_server_that_is_not_there() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    run(async {
        let (before, late) = (open(&settings), open(&settings));
        eventually(|| before.publish(event(1))).await;
        server.kill();
        assert_eq!(codes(&before).await, UNAVAILABLE, "one that was connected");
        assert_eq!(codes(&late).await, UNAVAILABLE, "one that never was");
        assert_eq!(before.health().state, LinkState::Down);
        server.restart();
        for bus in [&before, &late] {
            assert!(!eventually(|| bus.publish(event(1))).await);
        }
    });
}

#[test]
fn nobody_is_held_beyond_the_deadline_by_a_frozen_server_or_a_slow_line() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let proxy = Proxy::start(server.address());
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, proxy.address()) };
    run(async {
        let bus = open(&settings);
        let mut stream = subscribe_eventually(&bus).await;
        server.pause();
        assert_eq!(codes(&bus).await, UNAVAILABLE);
        server.resume();
        eventually(|| bus.publish(event(2))).await;
        proxy.set_delay(Duration::from_secs(10));
        assert_eq!(codes(&bus).await, UNAVAILABLE);
        proxy.set_delay(Duration::ZERO);
        eventually(|| bus.publish(event(3))).await;
        let mut ids = Vec::new();
        while ids.last() != Some(&event(3).id) {
            let delivery = crate::world::next(&mut stream).await;
            ids.push(delivery.event.id);
        }
        assert!(ids.contains(&event(2).id), "{ids:?}");
    });
}

async fn subscribe_eventually(bus: &NatsEvents) -> Box<dyn aitrading_store::EventStream> {
    eventually(|| async { bus.subscribe(ONE, &topic("signals.issued"), "reader").await }).await
}

#[test]
fn a_wrong_password_is_told_as_such() {
    let Some(server) = Nats::start(Door::Password) else { return };
    let mut wrong = settings(&server, server.address());
    wrong.password = Some(password_file(&server, "wrong"));
    let mut nobody = wrong.clone();
    nobody.password = None;
    for settings in [wrong, nobody] {
        run(async { assert_eq!(codes(&open(&settings)).await, [Some("STORE_UNAUTHORISED"); 3]) });
    }
}

#[test]
fn a_server_of_another_authority_or_without_tls_is_not_spoken_to() {
    let Some(server) = Nats::start(Door::Tls) else { return };
    let stranger = Certificates::issue(&server.folder().join("stranger"));
    let mut settings = settings(&server, server.address());
    settings.limits = IMPATIENT;
    settings.transport = Transport::Tls(TlsFiles { ca: stranger.ca, client: None });
    let error = run(async { open(&settings).probe().await.unwrap_err() });
    assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
    let causes = chain(&error).to_string();
    assert!(causes.contains("invalid peer certificate"), "{causes}");

    let Some(plain) = Nats::start(Door::Open) else { return };
    settings.port = plain.port();
    run(async { assert_eq!(codes(&open(&settings)).await, UNAVAILABLE) });
}

#[test]
fn a_rotated_password_is_used_without_a_restart() {
    let Some(server) = Nats::start(Door::Password) else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    let path = server.folder().join("password");
    let clock = Ahead::new();
    let env = Env { clock: Arc::<Ahead>::clone(&clock), ..Env::real() };
    run(async {
        let bus = NatsEvents::open(&env, &settings, &Secrets::default(), LIMITS).unwrap();
        eventually(|| bus.publish(event(1))).await;
        write_password(&path, "wrong");
        assert!(bus.publish(event(2)).await.unwrap(), "not looked at yet");
        clock.advance(Duration::from_secs(6));
        let refused = async {
            while bus.publish(event(3)).await.err().map(|error| error.dna().code) != Some("STORE_UNAUTHORISED") {
                clock.advance(Duration::from_secs(6));
            }
        };
        env.timeout(crate::world::PATIENCE, refused).await.expect("the server refuses the new password");
        write_password(&path, server.password());
        eventually(|| bus.publish(event(4))).await;
    });
}

#[test]
fn streams_end_with_the_bus() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        publish(&bus, 0..1).await;
        check_next(&mut stream, 0..1).await;
        drop(bus);
        assert_eq!(stream.next().await.unwrap(), None);
    });
}
