//! From `init` to the end: readiness, health in both forms, signals, drain, restart.

use crate::{tick_files, world::World};

#[tokio::test]
async fn a_prepared_directory_runs_answers_and_drains_on_sigterm() {
    let world = World::new();
    world.init().await;
    let server = world.up().await;
    let health = world.run(&["health", "--data-dir", "server", "--json"]).await;
    let shown = health.succeeded().json();
    assert_eq!(shown["ready"], true, "{shown}");
    let table = world.run(&["health", "--port-offset", &world.offset.to_string()]).await;
    table.succeeded();
    for word in ["COMPONENT", "api-gateway", "data-bridge", "trading-engine", "database-service", "\nready"] {
        assert!(table.out.contains(word), "{word:?} is missing: {}", table.out);
    }
    let log = server.stop(&world).await;
    assert!(log.contains("drained in ") && log.contains("SIGTERM"), "{log}");
    let gone = world.run(&["health", "--data-dir", "server"]).await;
    gone.refused(69, &["UNREACHABLE", "is `aitrading up` running"]);
    world.audit("server").await;
}

#[tokio::test]
async fn sigint_drains_too_and_the_directory_starts_again() {
    let world = World::new();
    world.init().await;
    for _ in 0..2 {
        let mut server = world.up().await;
        server.signal("-INT").await;
        assert_eq!(server.ended(&world).await.code(), Some(0), "{}", server.log(&world));
        assert!(server.log(&world).contains("SIGINT"), "{}", server.log(&world));
    }
    world.audit("server").await;
}

#[tokio::test]
async fn sigterm_under_load_loses_nothing_that_was_acknowledged() {
    let world = World::new();
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(tick_files::ROWS));
    let server = world.up().await;
    let replay = ["--symbol", tick_files::SYMBOL, "--ticks", "ticks.csv", "--speed", "10000"];
    let mut client = world.client(&replay);
    client.until_acknowledged(&world, 300).await;
    server.stop(&world).await;
    let before = client.acknowledged();
    let server = world.up().await;
    client.until_feed_ends(&world).await;
    let last = client.stop(&world).await;
    server.stop(&world).await;
    assert!(last["acknowledged"].as_u64().unwrap() >= before, "{last}");
    assert_eq!(last["acknowledged"], tick_files::ROWS, "{last}");
    let compared = world.compare("server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    world.audit("server").await;
}

#[tokio::test]
async fn every_command_explains_itself_with_an_example() {
    let world = World::new();
    let commands: [&[&str]; 12] = [
        &["demo"],
        &["init"],
        &["up"],
        &["health"],
        &["config", "check"],
        &["audit", "verify"],
        &["import", "ticks"],
        &["import", "bars"],
        &["export", "ticks"],
        &["export", "bars"],
        &["backup"],
        &["restore"],
    ];
    for command in commands {
        let arguments: Vec<_> = command.iter().chain(&["--help"]).collect();
        let help = world.run(&arguments).await;
        assert!(help.succeeded().out.contains("Example"), "{command:?}: {}", help.out);
    }
    let version = world.run(&["version", "--json"]).await.succeeded().json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"), "{version}");
    world.run(&["version"]).await.succeeded();
    world.run(&["fly"]).await.refused(2, &["unrecognized subcommand"]);
}

#[tokio::test]
async fn a_renewed_certificate_keeps_the_key_that_clients_know() {
    let world = World::new();
    world.run(&["init", "--renew", "--data-dir", "nowhere"]).await.refused(78, &["not prepared yet"]);
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(tick_files::ROWS));
    let before = world.read("server/keys/server.pem");
    world.run(&["init", "--renew", "--data-dir", "server"]).await.succeeded();
    assert_ne!(world.read("server/keys/server.pem"), before);
    let server = world.up().await;
    let mut client = world.client(&["--symbol", tick_files::SYMBOL, "--ticks", "ticks.csv", "--speed", "10000"]);
    client.until_acknowledged(&world, 300).await;
    client.stop(&world).await;
    server.stop(&world).await;
}

#[tokio::test]
async fn keys_are_never_made_anew_over_a_server_that_lost_its_configuration() {
    let world = World::new();
    world.init_at("desk").await;
    world.up_with("desk", &[], &[]).await.stop(&world).await;
    let (key, config) =
        (world.env.fs.read(&world.path("desk/keys/root.key"), 64).unwrap(), world.read("desk/aitrading.toml"));
    world.env.fs.remove_file(&world.path("desk/aitrading.toml")).unwrap();
    let offset = world.offset.to_string();
    for command in
        [&["init", "--data-dir", "desk"][..], &["demo", "--headless", "--data-dir", "desk", "--port-offset", &offset]]
    {
        world.run(command).await.refused(78, &["CONFIG_MISSING", "put it back"]);
        assert_eq!(world.env.fs.read(&world.path("desk/keys/root.key"), 64).unwrap(), key);
    }
    world.write("desk/aitrading.toml", &config);
    world.up_with("desk", &[], &[]).await.stop(&world).await;
}

#[tokio::test]
async fn a_preparation_that_was_killed_is_taken_up() {
    let world = World::new();
    let offset = world.offset.to_string();
    world.run(&["init", "--data-dir", "desk", "--port-offset", &offset]).await.succeeded();
    let fs = world.env.fs.as_ref();
    let key = fs.read(&world.path("desk/keys/root.key"), 64).unwrap();
    // Killed before the configuration: whole keys stay.
    fs.remove_file(&world.path("desk/aitrading.toml")).unwrap();
    world.run(&["init", "--data-dir", "desk", "--port-offset", &offset]).await.succeeded();
    assert_eq!(fs.read(&world.path("desk/keys/root.key"), 64).unwrap(), key);
    // Killed among the keys: what is there opens with nothing, and is replaced.
    fs.remove_file(&world.path("desk/aitrading.toml")).unwrap();
    fs.remove_file(&world.path("desk/keys/server-spare.pin.sealed")).unwrap();
    world.run(&["init", "--data-dir", "desk", "--port-offset", &offset]).await.succeeded();
    assert_ne!(fs.read(&world.path("desk/keys/root.key"), 64).unwrap(), key);
    world.up_with("desk", &[], &[]).await.stop(&world).await;
}
