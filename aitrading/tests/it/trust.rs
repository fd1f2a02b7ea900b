//! Certificates and pins that do not fit: both sides say what is wrong, and nothing is sent.

use crate::world::{BRIDGE, World};
use aitrading_env::{
    Env,
    sim::{ManualClock, SeededRng},
};
use aitrading_keystore::{KeyStore, SealedFiles};
use aitrading_model::{AccountId, DeviceId, TenantId};
use aitrading_security::{
    aead::SealKey,
    pki::{Authority, Issued},
};
use std::{sync::Arc, time::Duration};

const DAY: Duration = Duration::from_hours(24);
const ACCOUNT: AccountId = AccountId(70_001);
const TENANT: TenantId = TenantId(1);
/// Keys or certificates are not usable, as the client's help has it; a server that is merely away is another code.
const NOT_TRUSTED: i32 = 78;

/// The deployment's authority, opened with the key that lies beside it.
fn authority(world: &World) -> Authority {
    let read = |name: &str| world.env.fs.read(&world.path(&format!("server/keys/{name}")), 1 << 16).unwrap();
    let root: [u8; 32] = read("root.key").try_into().unwrap();
    let key = SealKey::new(&root).unwrap().open("ca.key", 1, &read("ca.key.sealed")).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Authority::from_pem(&text(read("ca.pem")), &text(key.expose().clone())).unwrap()
}

/// A world whose clock stands so many days from now.
fn at_days(world: &World, days: i64) -> Env {
    let wall = world.env.clock.wall_ns() + days * 86_400_000_000_000;
    Env { clock: Arc::new(ManualClock::new(wall)), rng: Arc::new(SeededRng::new(world.draw(1 << 40))), ..Env::real() }
}

fn device(world: &World) -> DeviceId {
    let settings = world.read("client/settings.toml");
    let line = settings.lines().find_map(|l| l.strip_prefix("device = ")).unwrap();
    let digits = line.trim_matches('"');
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    DeviceId(std::array::from_fn(byte))
}

fn seal(world: &World, certificate: &Issued) {
    SealedFiles::new(&world.env, &world.path("client/keystore")).renew(certificate).unwrap();
}

/// Lets the client try for two seconds. The first of `words` is the code that its last status names.
async fn attempt(world: &World, words: &[&str]) {
    let arguments = ["client", "simulate", "--config", "client/settings.toml", "--symbol", "EURUSD", "--synthetic"];
    let mut command = world.command(&arguments);
    command.args(["--json-status", "--for", "2s"]);
    let tried = world.end(command).await;
    tried.refused(NOT_TRUSTED, words);
    let last: serde_json::Value = serde_json::from_str(tried.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["connected"], &last["acknowledged"]), (&false.into(), &0.into()), "{last}");
    assert_eq!(last["last_error"]["code"], words[0], "{last}");
}

async fn check(prepare: impl FnOnce(&World), words: &[&str]) {
    let world = World::new();
    world.init().await;
    prepare(&world);
    let server = world.up().await;
    attempt(&world, words).await;
    assert!(world.is_ready().await, "the server is still healthy");
    let log = server.stop(&world).await;
    assert!(!log.contains(" ERROR "), "{log}");
}

#[tokio::test]
async fn a_pin_that_does_not_fit_ends_every_attempt() {
    let wrong = |world: &World| {
        let settings = world.read("client/settings.toml");
        let pin = settings.lines().find_map(|l| l.strip_prefix("pins = ")).unwrap();
        world.edit("client/settings.toml", pin, &format!("[\"{}\"]", "0".repeat(64)));
    };
    check(wrong, &["PIN_MISMATCH", "not one of the pinned keys", "update the pins"]).await;
}

#[tokio::test]
async fn an_expired_client_certificate_is_refused_by_its_date() {
    let expired = |world: &World| {
        let past = at_days(world, -10);
        seal(world, &authority(world).issue_device(&past, TENANT, device(world), ACCOUNT, DAY).unwrap());
    };
    check(expired, &["CERT_EXPIRED", "expired", "renew it"]).await;
}

#[tokio::test]
async fn a_client_certificate_that_is_not_valid_yet_is_refused() {
    let early = |world: &World| {
        let future = at_days(world, 10);
        seal(world, &authority(world).issue_device(&future, TENANT, device(world), ACCOUNT, DAY).unwrap());
    };
    check(early, &["CERT_EXPIRED", "not yet valid", "clocks"]).await;
}

#[tokio::test]
async fn an_unknown_device_of_our_own_authority_is_refused() {
    let stranger = |world: &World| {
        let other = DeviceId([7; 16]);
        world.edit("client/settings.toml", &device(world).to_string(), &other.to_string());
        seal(world, &authority(world).issue_device(&world.env, TENANT, other, ACCOUNT, DAY).unwrap());
    };
    let world = World::new();
    world.init().await;
    stranger(&world);
    let server = world.up().await;
    // Its identity is consistent in itself, but the server does not know it.
    let arguments = ["client", "simulate", "--config", "client/settings.toml", "--symbol", "EURUSD", "--synthetic"];
    let mut command = world.command(&arguments);
    command.args(["--json-status", "--for", "3s"]);
    let tried = world.end(command).await;
    let last = tried.out.lines().last().unwrap_or_else(|| panic!("no status: {tried:#?}"));
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["acknowledged"], 0, "ticks of a device that nobody enrolled: {tried:#?}");
    assert!(last["last_error"]["code"].is_string(), "{last}");
    assert!(world.is_ready().await);
    server.stop(&world).await;
}

#[tokio::test]
async fn another_noise_key_is_refused() {
    let wrong = |world: &World| {
        let settings = world.read("client/settings.toml");
        let key = settings.lines().find_map(|l| l.strip_prefix("noise_key = ")).unwrap();
        world.edit("client/settings.toml", key, &format!("\"{}\"", "1".repeat(64)));
    };
    check(wrong, &["HANDSHAKE_REFUSED", "check the pinned Noise key"]).await;
}

#[tokio::test]
async fn an_expired_server_certificate_is_told_by_both_sides() {
    let world = World::new();
    world.init().await;
    let authority = authority(&world);
    let expired = authority.issue_server(&at_days(&world, -10), &[], DAY).unwrap();
    let root: [u8; 32] = world.env.fs.read(&world.path("server/keys/root.key"), 64).unwrap().try_into().unwrap();
    let seal = SealKey::new(&root).unwrap();
    let key = seal.seal(world.env.rng.as_ref(), "server.key", 1, expired.key_pem().expose().as_bytes()).unwrap();
    world.write("server/keys/server.pem", expired.chain_pem());
    world.env.fs.write_atomic(&world.path("server/keys/server.key.sealed"), &key).unwrap();
    let mut server = world.spawn_up("server", &[], &[]);
    let limit = Duration::from_secs(90);
    let told = async || {
        let log = world.read("server.log");
        let named = log.contains("expired");
        (named || !server.is_alive() || world.is_ready().await).then_some((named, log))
    };
    let (named, log) = world.until("the server's word on its certificate", limit, told).await;
    let health = world.get("/health/ready").await.map(|(_, body)| body).unwrap_or_default();
    assert!(named || health.contains("expired"), "neither log nor health tell: {log}\n{health}");
    let open = async || {
        let connected = world.env.net.connect(world.address(BRIDGE)).await.is_ok();
        (connected || !server.is_alive()).then_some(connected)
    };
    if world.until("the bridge's door, or the server's end", limit, open).await {
        attempt(&world, &["CERT_EXPIRED", "expired", "renew it"]).await;
    }
}
