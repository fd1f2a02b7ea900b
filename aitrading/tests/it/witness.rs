//! What a client sees of its server: subscription and audit log by heartbeat, and the server's key in its two pins.

use crate::world::{Client, World};
use aitrading_security::{
    aead::SealKey,
    pki::{Authority, Issued},
};
use serde_json::Value;
use std::{path::Path, time::Duration};

const LIMIT: Duration = Duration::from_secs(90);
const SPARE: &str = "server/keys/server-spare.key";

fn client(world: &World) -> Client {
    world.client(&["--symbol", "EURUSD", "--synthetic", "--count", "100000", "--speed", "10"])
}

/// The client's status once the audit log is in this state, which the first heartbeat tells.
async fn seen(world: &World, client: &Client, state: &str) -> Value {
    let told = async || Some(client.status()).filter(|status| status["audit"]["state"] == state);
    world.until(&format!("an audit log that is {state}"), LIMIT, told).await
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &into);
        } else {
            std::fs::copy(entry.path(), into).unwrap();
        }
    }
}

/// T43, T46: server and log come from the same old backup, so that nothing on the server's side can tell. Without the client's
/// memory nobody could.
#[tokio::test]
async fn a_server_that_was_set_back_is_noticed_by_its_client() {
    let world = World::new();
    world.init().await;
    let mut server = world.up().await;
    let mut largest = 0;
    for session in 0..3 {
        if session == 1 {
            server.stop(&world).await;
            copy(&world.path("server"), &world.path("backup"));
            server = world.up().await;
        }
        // Each session leaves something in the log, which a heartbeat of the next one shows as soon as it is signed.
        let client = client(&world);
        let size = |status: &Value| status["audit"]["size"].as_u64().unwrap_or_default();
        let grown = async || {
            let status = Some(client.status()).filter(|status| status["audit"]["state"] == "current");
            status.filter(|status| session == 0 || size(status) > largest)
        };
        let status = world.until("an audit log that has grown", LIMIT, grown).await;
        assert_eq!(status["subscription"]["state"], "active", "{status}");
        assert!(status["subscription"]["until"].is_string(), "{status}");
        assert_eq!(status["audit"]["alarms"], serde_json::json!({"rollback": 0, "fork": 0, "signature": 0}));
        // What it saw last is what the old log is held against.
        largest = size(&client.stop(&world).await);
    }
    server.stop(&world).await;
    std::fs::remove_dir_all(world.path("server")).unwrap();
    copy(&world.path("backup"), &world.path("server"));
    let server = world.up().await;
    let client = client(&world);
    let status = seen(&world, &client, "refused").await;
    assert_eq!(status["audit"]["alarms"]["rollback"], 1, "{status}");
    assert_eq!((&status["audit"]["size"], &status["audit"]["evidence"]), (&largest.into(), &true.into()), "{status}");
    client.stop(&world).await;
    assert!(world.read("client.log").contains("CHECKPOINT_ROLLBACK"));
    assert!(world.read("client/data/checkpoint-conflict").matches("/audit/critical\n").count() >= 2);
    server.stop(&world).await;
}

/// Gives the server another key of our own authority, as a thief of the authority's key could.
fn third_key(world: &World) {
    let read = |name: &str| world.env.fs.read(&world.path(&format!("server/keys/{name}")), 1 << 16).unwrap();
    let root: [u8; 32] = read("root.key").try_into().unwrap();
    let seal = SealKey::new(&root).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let key = seal.open("ca.key", 1, &read("ca.key.sealed")).unwrap();
    let authority = Authority::from_pem(&text(read("ca.pem")), &text(key.expose().clone())).unwrap();
    let issued: Issued = authority.issue_server(&world.env, &[], Duration::from_hours(24)).unwrap();
    let sealed = seal.seal(world.env.rng.as_ref(), "server.key", 1, issued.key_pem().expose().as_bytes()).unwrap();
    world.write("server/keys/server.pem", issued.chain_pem());
    world.env.fs.write_atomic(&world.path("server/keys/server.key.sealed"), &sealed).unwrap();
}

/// T08, T09: the spare is accepted by a client that was enrolled before, and a third key of the same authority is not.
#[tokio::test]
async fn an_enrolled_client_accepts_the_servers_spare_key_and_no_third_one() {
    let world = World::new();
    world.init().await;
    let settings = world.read("client/settings.toml");
    let pins = settings.lines().find_map(|line| line.strip_prefix("pins = ")).unwrap();
    assert_eq!(pins.split(',').count(), 2, "{pins}");
    assert_eq!(world.env.fs.metadata(&world.path(SPARE)).unwrap().unwrap().mode & 0o777, 0o600);
    // Moved offline, as the operator is told to: server and enrolment do without it.
    world.env.fs.rename(&world.path(SPARE), &world.path("stick.key")).unwrap();
    let certificate = world.read("server/keys/server.pem");
    let changed = world.run(&["init", "--data-dir", "server", "--use-spare", "stick.key"]).await;
    assert!(changed.succeeded().out.contains("server-spare.key"), "{changed:#?}");
    assert_ne!(world.read("server/keys/server.pem"), certificate);
    assert_ne!(world.read(SPARE), world.read("stick.key"), "the next spare is another one");
    let again = world.run(&["init", "--data-dir", "server", "--use-spare", "stick.key"]).await;
    again.refused(78, &["not the spare key of this directory"]);

    let server = world.up().await;
    let enrolled = client(&world);
    seen(&world, &enrolled, "current").await;
    enrolled.stop(&world).await;
    server.stop(&world).await;

    third_key(&world);
    let server = world.up().await;
    let arguments = ["client", "simulate", "--config", "client/settings.toml", "--symbol", "EURUSD", "--synthetic"];
    let mut command = world.command(&arguments);
    command.args(["--json-status", "--for", "2s"]);
    world.end(command).await.refused(78, &["PIN_MISMATCH", "not one of the pinned keys"]);
    server.stop(&world).await;
}

/// Directories from before there was a spare run on with one pin, and get a spare with the next client that is enrolled.
#[tokio::test]
async fn a_directory_without_a_spare_key_opens_and_gets_one_with_the_next_client() {
    let world = World::new();
    world.run(&["init", "--data-dir", "server", "--port-offset", &world.offset.to_string()]).await.succeeded();
    for name in [SPARE, "server/keys/server-spare.pin.sealed"] {
        world.env.fs.remove_file(&world.path(name)).unwrap();
    }
    world.up().await.kill().await;
    let enrolled = world.run(&["init", "--data-dir", "server", "--demo-client", "client"]).await;
    assert!(enrolled.succeeded().out.contains("server-spare.key"), "{enrolled:#?}");
    let settings = world.read("client/settings.toml");
    let pins = settings.lines().find_map(|line| line.strip_prefix("pins = ")).unwrap();
    assert_eq!(pins.split(',').count(), 2, "{pins}");
    let second = world.run(&["init", "--data-dir", "server", "--demo-client", "other"]).await;
    assert!(!second.succeeded().out.contains("server-spare.key"), "made once: {second:#?}");
}
