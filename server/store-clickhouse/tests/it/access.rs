//! Who is spoken to, and what is said when nobody answers.

use crate::world::{History, MS, World, open};
use aitrading_database_link::{BreakerPolicy, LinkState, TlsFiles, Transport};
use aitrading_store::{JournalMark, StoreError, TickStore};
use aitrading_testkit::servers::{Certificates, Door, Proxy};
use std::time::{Duration, Instant};

#[test]
fn over_tls_only_the_configured_authority_is_believed() {
    let Some(world) = World::start(Door::Tls) else { return };
    let strangers = tempfile::tempdir().unwrap();
    let stranger = Certificates::issue(strangers.path());
    world.block_on(async {
        let mut history = History::new();
        let store = world.store();
        history.grow(&store, 20).await;
        history.check(&store, "over TLS").await;

        let mut settings = world.settings(world.server.address());
        settings.transport = Transport::Tls(TlsFiles { ca: stranger.ca, client: None });
        settings.limits.deadline = Duration::from_secs(5);
        let refused = open(&settings).unwrap().mark().await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
        let chain = aitrading_error::chain(&refused).to_string();
        assert!(chain.contains("certificate"), "{chain}");
    });
}

#[test]
fn a_wrong_password_is_refused_and_a_rotated_one_is_read_again() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        world.set_password("wrong");
        let store = world.store();
        let refused = store.mark().await.unwrap_err();
        assert!(matches!(refused, StoreError::Unauthorised { .. }), "{refused}");
        assert!(!format!("{refused:?}").contains("wrong"), "{refused:?}");
        let health = store.probe().await;
        assert!(health.note.is_some_and(|note| note.contains("refuses access")));

        world.set_password(world.server.password());
        assert_eq!(store.mark().await.unwrap(), JournalMark::START, "the same store, with the new password");
        assert!(store.probe().await.note.is_none());
    });
}

#[test]
fn an_absent_server_is_unavailable_within_the_deadline() {
    let Some(world) = World::start(Door::Password) else { return };
    world.server.stop();
    world.block_on(async {
        let mut settings = world.settings(world.server.address());
        settings.limits.deadline = Duration::from_secs(2);
        let begun = Instant::now();
        let refused = open(&settings).unwrap().mark().await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_server_that_answers_after_ten_seconds_is_not_waited_for() {
    let Some(world) = World::start(Door::Password) else { return };
    let proxy = Proxy::start(world.server.address());
    world.block_on(async {
        let mut settings = world.settings(proxy.address());
        settings.limits.deadline = Duration::from_secs(1);
        let store = open(&settings).unwrap();
        store.prepare().await.unwrap();
        proxy.set_delay(Duration::from_secs(10));
        let begun = Instant::now();
        let late = store.mark().await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert!(aitrading_error::chain(&late).to_string().contains("did not answer within 1000 ms"), "{late:?}");
        proxy.set_delay(Duration::ZERO);
        store.mark().await.unwrap();
    });
}

#[test]
fn a_server_that_keeps_failing_is_left_alone_and_taken_up_again() {
    let Some(world) = World::start(Door::Password) else { return };
    let proxy = Proxy::start(world.server.address());
    world.block_on(async {
        let mut settings = world.settings(proxy.address());
        settings.limits.breaker = BreakerPolicy { failures: 3, pause: MS(200), pause_max: MS(200) };
        settings.limits.retries = 0;
        let store = open(&settings).unwrap();
        let mut history = History::new();
        history.grow(&store, 5).await;
        proxy.cut();
        for _ in 0..4 {
            assert!(store.mark().await.is_err());
        }
        assert_eq!(store.health().state, LinkState::Down);
        let asked = proxy.accepted();
        assert!(store.mark().await.is_err());
        assert_eq!(proxy.accepted(), asked, "the server was asked while it was to be left alone");
        proxy.restore();
        let begun = Instant::now();
        while store.mark().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is never taken up again");
            tokio::task::yield_now().await;
        }
        assert_eq!(store.health().state, LinkState::Up);
        history.grow(&store, 5).await;
        history.check(&store, "after an outage").await;
    });
}
