//! The databases behind the server, as their operator meets them: named in the configuration, looked at, brought up to date.

use crate::world::World;
use aitrading_testkit::servers::{Postgres, USER};
use std::path::Path;

/// A configuration whose rows lie on `server`, with a sealed password.
async fn named(world: &World, server: &Postgres) {
    world.init().await;
    let mut seal = std::process::Command::new(env!("CARGO_BIN_EXE_aitrading"));
    seal.args(["config", "seal", "database.relational.password", "--data-dir", "server"]);
    seal.current_dir(world.path("")).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = seal.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), server.password().as_bytes()).unwrap();
    let sealed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(sealed.starts_with("sealed:") && !sealed.contains(server.password()), "{sealed}");
    let ca: &Path = server.ca_file();
    let section = format!(
        "\n[database.relational.postgresql]\nhost = \"localhost\"\nport = {}\ndatabase = \"{}\"\nuser = \"{USER}\"\nca_file = \"{}\"\npassword = \"{}\"\n",
        server.port(),
        server.database(),
        ca.display(),
        sealed.trim()
    );
    world.write("server/aitrading.toml", &(world.read("server/aitrading.toml") + &section));
}

#[tokio::test]
async fn rows_on_postgresql_serve_the_whole_server() {
    let Some(postgres) = Postgres::start() else { return };
    let world = World::new();
    named(&world, &postgres).await;
    let before = world.run(&["db", "status", "--data-dir", "server"]).await;
    before.refused(1, &["pending", "db migrate"]);
    assert!(before.out.contains("postgresql"), "{before:#?}");
    world.run(&["db", "migrate", "--data-dir", "server"]).await.succeeded();
    world.run(&["db", "status", "--data-dir", "server", "--json"]).await.succeeded();
    let asked = world.run(&["db", "health", "--data-dir", "server", "--json"]).await;
    let rows = &asked.succeeded().json()["databases"][0];
    assert_eq!((&rows["backend"], &rows["state"]), (&"postgresql".into(), &"up".into()), "{rows}");

    // A client is enrolled in PostgreSQL, streams, and is traded for.
    world.run(&["init", "--data-dir", "server", "--demo-client", "laptop"]).await.succeeded();
    let devices = postgres.sql("SELECT count(*) FROM devices");
    assert!(devices.contains('1'), "{devices}");
    let server = world.up().await;
    let held = world.run(&["db", "health", "--data-dir", "server"]).await;
    assert!(held.succeeded().out.contains("held by a running server"), "{held:#?}");
    let refused = world.run(&["db", "migrate", "--data-dir", "server"]).await;
    assert_eq!(refused.code, Some(75), "{refused:#?}");
    server.stop(&world).await;

    postgres.stop();
    let gone = world.run(&["up", "--data-dir", "server"]).await;
    gone.refused(69, &["the relational database at localhost", "cannot be used", "DATABASE_UNREACHABLE"]);
    world.run(&["db", "health", "--data-dir", "server"]).await.refused(1, &["not working: relational"]);
}

#[tokio::test]
async fn secrets_are_sealed_for_one_setting_only() {
    let world = World::new();
    world.init().await;
    let misspelt = ["config", "seal", "database.tick.password", "--data-dir", "server"];
    world.run(&misspelt).await.refused(2, &["database.PART.password"]);
}
