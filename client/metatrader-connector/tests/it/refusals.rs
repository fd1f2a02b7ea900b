//! What must not work, each with its own code.

use crate::{
    bridge::eventually,
    world::{World, history},
};
use aitrading_env::{Env, sim::ManualClock};
use aitrading_error::Coded;
use aitrading_metatrader_connector::{Connector, Status};
use aitrading_model::*;
use aitrading_security::signing::SigningKey;
use std::sync::Arc;

async fn last_error(world: &World, wanted: &str) -> Status {
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", history("EURUSD", 1, 1_000))]).await;
    let code = |status: &Status| status.last_error.as_ref().map(|error| error.code.clone());
    eventually(&world.env, wanted, || code(&connector.status()).as_deref() == Some(wanted)).await;
    let status = connector.stop().await;
    terminal.stop().await;
    status
}

async fn check_no_session(world: &World, code: &str) {
    let status = last_error(world, code).await;
    assert!(!status.connected && status.sent == 0);
    assert_eq!(world.bridge.books.lock().unwrap().hellos, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_key_is_not_spoken_to() {
    let mut world = World::new().await;
    world.settings.server.pins = vec![[1; 32]];
    check_no_session(&world, "PIN_MISMATCH").await;
    let mut world = World::new().await;
    world.settings.server.noise_key = [1; 32];
    check_no_session(&world, "HANDSHAKE_REFUSED").await;
    let mut world = World::new().await;
    world.settings.server.policy = "another".into();
    check_no_session(&world, "HANDSHAKE_REFUSED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_told_as_such() {
    let year_ago = Env::real().clock.wall_ns() - 365 * 86_400 * 1_000_000_000;
    let past = Env { clock: Arc::new(ManualClock::new(year_ago)), ..Env::real() };
    let world = World::with_certificate_of(&past).await;
    check_no_session(&world, "CERT_EXPIRED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_older_than_the_servers_record_executes_nothing() {
    let world = World::new().await;
    world.bridge.books.lock().unwrap().last_report_seq = 5;
    let status = last_error(&world, "LEDGER_BEHIND").await;
    assert_eq!(status.sent, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_signal_ends_the_session_and_moves_nothing() {
    let world = World::new().await;
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", history("EURUSD", 1, 1_000))]).await;
    eventually(&world.env, "the session", || connector.status().connected).await;
    let forged = Signal {
        tenant: TenantId(1),
        account: AccountId(70_001),
        device: DeviceId([7; 16]),
        fence: Fence(3),
        seq: 1,
        id: SignalId([1; 16]),
        previous: SignalId([0; 16]),
        trace: TraceId([1; 16]),
        kind: SignalKind::Open,
        order_type: OrderType::Market,
        symbol: "EURUSD".parse().unwrap(),
        side: Side::Buy,
        position: PositionTicket(0),
        lots_min: Volume::ONE,
        lots_max: Volume::ONE,
        price_min: Price::ZERO,
        price_max: Price::from_raw(i64::MAX),
        deviation: 0,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        issued_at: Timestamp(0),
        not_before: Timestamp(0),
        expires_at: Timestamp(i64::MAX),
        policy: PolicyHash([9; 32]),
    };
    world.bridge.signal(&forged, &SigningKey::from_seed(&[66; 32])).await;
    let error = || connector.status().last_error.map(|error| error.code);
    eventually(&world.env, "the alarm", || error().as_deref() == Some("HOSTILE_SIGNAL")).await;
    let status = connector.stop().await;
    assert!(status.signals.hostile >= 1 && status.signals.received == 0);
    assert!(terminal.account().positions.is_empty());
    terminal.stop().await;
    assert!(world.bridge.books.lock().unwrap().reports.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why() {
    let world = World::new().await;
    let running = world.connector().await;
    let start = async |settings| Connector::start(&world.env, settings, world.keys()).await.unwrap_err().dna().code;
    assert_eq!(start(&world.settings).await, "CLIENT_DATA_DIR_LOCKED");
    let mut taken = world.settings.clone();
    taken.data_dir = world.settings.data_dir.join("other");
    taken.terminal.listen = running.ea_address().unwrap();
    assert_eq!(start(&taken).await, "EA_LINK_BIND");
    let mut other = world.settings.clone();
    other.identity.account += 1;
    assert_eq!(start(&other).await, "CLIENT_IDENTITY");
    let mut no_ca = world.settings.clone();
    no_ca.server.ca_file = "/nowhere/ca.pem".into();
    assert_eq!(start(&no_ca).await, "CLIENT_AUTHORITY");
    running.stop().await;
}
