//! Parts on named servers: one that is down takes down what depends on it and nothing else.

use crate::world::{World, block_on};
use aitrading_database_link::{LinkState, Role, SecretRef, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_database_service::{Databases, Servers, Settings};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_hub::Status;
use aitrading_model::{AccountId, TenantId};
use aitrading_store::CacheKey;
use aitrading_testkit::servers::{Door, Redis};
use std::{net::TcpListener, path::Path, time::Duration};

/// Patience on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn redis(server: &Redis, dir: &Path) -> ServerSettings {
    let password = dir.join("redis.password");
    Env::real().fs.write_atomic(&password, server.password().as_bytes()).unwrap();
    let tls = TlsFiles { ca: server.ca_file().to_owned(), client: None };
    let mut settings = ServerSettings::new("127.0.0.1", server.port(), Transport::Tls(tls));
    settings.user = "default".to_owned();
    settings.password = Some(SecretRef::File(password));
    settings.limits.deadline = Duration::from_secs(2);
    settings.limits.breaker.pause = Duration::from_millis(50);
    settings
}

/// A port of this machine on which nobody answers.
pub(crate) fn nobody() -> ServerSettings {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = ServerSettings::new("127.0.0.1", port, Transport::Plaintext);
    settings.limits.deadline = Duration::from_secs(1);
    settings
}

fn status(databases: &Databases, role: Role) -> Status {
    let name = format!("database.{role}");
    databases.parts().into_iter().find(|part| part.name == name).unwrap().status
}

/// Probes until a part is as expected.
async fn until(world: &World, databases: &Databases, role: Role, expected: Status) {
    let start = world.env.clock.mono_ns();
    loop {
        databases.probe().await.unwrap();
        if status(databases, role) == expected {
            return;
        }
        assert!(world.env.clock.mono_ns() - start < PATIENCE.as_nanos() as u64, "{:?}", databases.parts());
        world.env.clock.sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_server_that_goes_and_comes_back_degrades_its_part_alone() {
    let Some(server) = Redis::start(Door::Tls) else { return };
    let world = World::new();
    block_on(async {
        let servers = Servers { cache: Some(redis(&server, world.dir.path())), ..Servers::default() };
        let databases = world.open_all(Settings::default(), &servers).await.unwrap();
        until(&world, &databases, Role::Cache, Status::Up).await;
        let health = databases.backends().into_iter().find(|h| h.role == Role::Cache).unwrap();
        assert_eq!(health.backend, "redis");
        assert!(health.version.is_some() && health.latency_us.is_some() && health.pool.is_some(), "{health:?}");
        let key = CacheKey::new(TenantId(1), "test", "k");
        let shared = databases.platform().shared;
        shared.put(&key, b"v", PATIENCE).await.unwrap();
        server.kill();
        until(&world, &databases, Role::Cache, Status::Degraded).await;
        assert!(shared.get(&key).await.is_err(), "absence is not an answer");
        for role in [Role::Relational, Role::Ticks, Role::Patterns, Role::Graph, Role::Events] {
            assert_eq!(status(&databases, role), Status::Up, "{role}");
        }
        let missing = databases.stores().accounts.state(TenantId(1), AccountId(1)).await.unwrap();
        assert!(missing.is_none(), "the relational store still answers");
        server.restart();
        until(&world, &databases, Role::Cache, Status::Up).await;
        databases.close().await.unwrap();
    });
}

#[test]
fn ticks_on_a_server_that_is_not_there_are_refused_with_a_code_and_the_rest_works() {
    let world = World::new();
    block_on(async {
        let servers = Servers { ticks: Some(nobody()), ..Servers::default() };
        let databases = world.open_all(Settings::default(), &servers).await.unwrap();
        let refused = databases.stores().ticks.mark().await.unwrap_err();
        assert_eq!(refused.dna().code, "STORE_UNAVAILABLE", "{refused:?}");
        until(&world, &databases, Role::Ticks, Status::Degraded).await;
        assert_eq!(status(&databases, Role::Relational), Status::Up);
        databases.close().await.unwrap();
    });
}

#[test]
fn a_look_from_outside_names_what_does_not_answer_and_leaves_a_held_directory_alone() {
    let world = World::new();
    block_on(async {
        let servers = Servers { graph: Some(nobody()), patterns: Some(nobody()), ..Servers::default() };
        let look = async || {
            let (env, dir) = (&world.env, world.dir.path());
            Databases::examine(env, Settings::default(), &servers, &Secrets::default(), dir).await.unwrap()
        };
        let free = look().await;
        assert_eq!(free.iter().map(|h| h.role).collect::<Vec<_>>(), Role::ALL);
        let states: Vec<_> = free.iter().map(|h| h.state).collect();
        let (up, down) = (LinkState::Up, LinkState::Down);
        assert_eq!(states, [up, up, up, down, down, up], "{free:?}");
        for part in free.iter().filter(|h| h.state == down) {
            let note = part.note.as_deref().unwrap_or_default();
            for told in ["unproven against a live server", "STORE_UNAVAILABLE", "refused"] {
                assert!(note.contains(told), "{told} is not in: {note}");
            }
        }
        let database = world.open(Settings::default()).await.unwrap();
        let held = look().await;
        assert!(held[0].note.as_deref().unwrap().contains("running server"), "{held:?}");
        assert_eq!(held[0].state, LinkState::Unknown, "what was not looked at is not called well");
        database.close().await.unwrap();
    });
}

/// One server that cannot even be spoken to does not keep the look from the others.
#[test]
fn a_look_from_outside_goes_past_a_password_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let password = world.dir.path().join("open.password");
    world.env.fs.write_atomic(&password, b"secret").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    block_on(async {
        let exposed = || ServerSettings { password: Some(SecretRef::File(password.clone())), ..nobody() };
        let servers = Servers { cache: Some(exposed()), relational: Some(exposed()), ..Servers::default() };
        let (env, dir) = (&world.env, world.dir.path());
        let looked = Databases::examine(env, Settings::default(), &servers, &Secrets::default(), dir).await.unwrap();
        for part in looked {
            let named = matches!(part.role, Role::Cache | Role::Relational);
            assert_eq!(part.state, if named { LinkState::Down } else { LinkState::Up }, "{part:?}");
            let note = part.note.unwrap_or_default();
            assert_eq!(note.contains("LINK_CREDENTIALS") && note.contains("chmod 600"), named, "{note}");
        }
    });
}

#[test]
fn a_password_file_that_others_can_read_is_refused_before_anything_is_opened() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let password = world.dir.path().join("open.password");
    world.env.fs.write_atomic(&password, b"secret").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    block_on(async {
        let cache = ServerSettings { password: Some(SecretRef::File(password)), ..nobody() };
        let servers = Servers { cache: Some(cache), ..Servers::default() };
        let refused = world.open_all(Settings::default(), &servers).await.unwrap_err();
        assert_eq!(refused.dna().code, "LINK_CREDENTIALS", "{refused:?}");
    });
    assert!(!world.dir.path().join("main.db").exists());
}
