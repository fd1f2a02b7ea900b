//! The databases behind the server, as their operator meets them: named in the configuration, looked at, brought up to date.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};
use aitrading_testkit::servers::{ClickHouse, Door, Postgres, USER};
use std::{path::Path, time::Duration};

/// A password of the rows' server, sealed for its setting.
fn sealed(world: &World, password: &str) -> String {
    let mut seal = std::process::Command::new(env!("CARGO_BIN_EXE_aitrading"));
    seal.args(["config", "seal", "database.relational.password", "--data-dir", "server"]);
    seal.current_dir(world.path("")).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = seal.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), password.as_bytes()).unwrap();
    let sealed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(sealed.starts_with("sealed:") && !sealed.contains(password), "{sealed}");
    sealed.trim().to_owned()
}

/// Names PostgreSQL for the rows, with a sealed password.
fn name_postgres(world: &World, server: &Postgres) {
    let sealed = sealed(world, server.password());
    let database = format!("database = \"{}\"\n", server.database());
    name(world, "relational.postgresql", server.port(), server.ca_file(), &sealed, &database);
}

/// Names ClickHouse for the ticks.
fn name_clickhouse(world: &World, server: &ClickHouse) {
    let password = world.path("clickhouse.password");
    world.env.fs.write_atomic(&password, server.password().as_bytes()).unwrap();
    let password = format!("file:{}", password.display());
    name(world, "ticks.clickhouse", server.port(), server.ca_file(), &password, "");
}

fn name(world: &World, section: &str, port: u16, ca: &Path, password: &str, more: &str) {
    let section = format!(
        "\n[database.{section}]\nhost = \"localhost\"\nport = {port}\nuser = \"{USER}\"\nca_file = \"{}\"\npassword = \"{password}\"\n{more}",
        ca.display()
    );
    world.write("server/aitrading.toml", &(world.read("server/aitrading.toml") + &section));
}

#[tokio::test]
async fn rows_on_postgresql_serve_the_whole_server() {
    let Some(postgres) = Postgres::start() else { return };
    let world = World::new();
    world.init_server("server").await;
    name_postgres(&world, &postgres);
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
    check_rotation(&world, &postgres).await;
    server.stop(&world).await;

    postgres.stop();
    let gone = world.run(&["up", "--data-dir", "server"]).await;
    gone.refused(69, &["the relational database at localhost", "cannot be used", "DATABASE_UNREACHABLE"]);
    world.run(&["db", "health", "--data-dir", "server"]).await.refused(1, &["not working: relational"]);
}

/// A sealed password that is rotated, in the server and in the configuration, is used by the server that runs.
async fn check_rotation(world: &World, postgres: &Postgres) {
    let until = async |status: &str| {
        let look = async || {
            let health = world.run(&["health", "--data-dir", "server", "--json"]).await;
            let health: serde_json::Value = serde_json::from_str(&health.out).ok()?;
            let parts =
                health["components"].as_array()?.iter().find(|c| c["name"] == "database-service")?["parts"].clone();
            let rows = parts.as_array()?.iter().find(|part| part["name"] == "database.relational")?["status"].clone();
            (rows == status).then_some(())
        };
        world.until(status, Duration::from_secs(60), look).await;
    };
    until("up").await;
    drop(postgres.sql(
        "alter role aitrading password 'fresh-word';
         select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'aitrading'",
    ));
    until("down").await;
    let old = world.read("server/aitrading.toml");
    // The sample has one of its own, in a comment before ours.
    let from = old.rfind("sealed:").unwrap();
    let to = from + old[from..].find('"').unwrap();
    let fresh = sealed(world, "fresh-word");
    world.write("server/aitrading.toml", &[&old[..from], &fresh, &old[to..]].concat());
    until("up").await;
}

#[tokio::test]
async fn t65_secrets_are_sealed_for_one_setting_only() {
    let world = World::new();
    world.init().await;
    let misspelt = ["config", "seal", "database.tick.password", "--data-dir", "server"];
    world.run(&misspelt).await.refused(2, &["database.PART.password"]);
}

/// A desk that has traded embedded outgrows it: everything is moved, and it trades on from there.
#[tokio::test]
async fn a_desk_moves_to_servers_and_trades_on() {
    let (Some(postgres), Some(clickhouse)) = (Postgres::start(), ClickHouse::start(Door::Tls)) else { return };
    let world = World::new();
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let stream = ["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"];
    let server = world.up().await;
    let mut client = world.client(&stream);
    client.until_acknowledged(&world, ROWS / 3).await;
    client.stop(&world).await;
    server.stop(&world).await;
    let before = world.run(&["migrate-store", "--data-dir", "server"]).await;
    before.refused(78, &["no server to move to", "[database.relational.postgresql]"]);

    name_postgres(&world, &postgres);
    name_clickhouse(&world, &clickhouse);
    world
        .run(&["up", "--data-dir", "server"])
        .await
        .refused(78, &["was not moved", "migrate-store", "DATABASE_NOT_MOVED"]);
    let moved = world.run(&["migrate-store", "--data-dir", "server", "--json"]).await;
    let moved = moved.succeeded().json();
    let parts: Vec<_> = moved["moved"].as_array().unwrap().iter().map(|part| part["role"].clone()).collect();
    assert_eq!(parts, ["relational", "ticks"], "{moved}");
    let again = world
        .run(&["migrate-store", "--data-dir", "server", "--from", "embedded", "--to", "clickhouse,postgres"])
        .await;
    assert_eq!(again.succeeded().out.matches("was there already").count(), 2, "{again:#?}");

    let server = world.up().await;
    let held = world.run(&["migrate-store", "--data-dir", "server"]).await;
    held.refused(75, &["stop the server"]);
    let mut client = world.client(&stream);
    client.until_feed_ends(&world).await;
    let last = client.stop(&world).await;
    assert_eq!(last["acknowledged"], ROWS, "{last}");
    server.stop(&world).await;
    let compared = world.compare("server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    assert_eq!(compared["stored"].as_u64().unwrap() + compared["rejected"].as_u64().unwrap(), ROWS, "{compared}");
    assert_eq!(compared["disputed_reports"], 0, "{compared}");

    let asked = world.run(&["sql", "--data-dir", "server", "SELECT count(*) FROM ticks"]).await;
    asked.refused(65, &["ClickHouse server", "[database.ticks.clickhouse]", "its own client", "SQL_KEPT_ELSEWHERE"]);

    clickhouse.stop();
    // As after an import: what others stored has to be seen first.
    world.env.fs.remove_file(&world.path("server/journal/store-seen")).unwrap();
    let gone = world.run(&["up", "--data-dir", "server"]).await;
    gone.refused(69, &["the ticks database at localhost", "cannot be used"]);
    // A configuration that forgets a server does not bring the old rows back.
    let config = world.read("server/aitrading.toml");
    world.write("server/aitrading.toml", &config.replace("[database.relational.postgresql]", "[forgotten]"));
    world.run(&["up", "--data-dir", "server"]).await.refused(78, &[]);
    let cut = config.find("\n[database.relational.postgresql]").unwrap();
    world.write("server/aitrading.toml", &config[..cut]);
    world.run(&["up", "--data-dir", "server"]).await.refused(78, &["was moved to localhost", "DATABASE_MOVED"]);
    let back = world.run(&["migrate-store", "--data-dir", "server", "--back"]).await;
    assert_eq!(back.succeeded().out.matches("counts again").count(), 2, "{back:#?}");
}

/// Who begins anew on a server says so, and then the server starts and takes what comes.
#[tokio::test]
async fn a_desk_that_leaves_its_ticks_behind_begins_anew() {
    let Some(clickhouse) = ClickHouse::start(Door::Tls) else { return };
    let world = World::new();
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let stream = ["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"];
    let server = world.up().await;
    let mut client = world.client(&stream);
    client.until_acknowledged(&world, ROWS / 3).await;
    client.stop(&world).await;
    server.stop(&world).await;
    name_clickhouse(&world, &clickhouse);
    world.run(&["up", "--data-dir", "server"]).await.refused(78, &["DATABASE_NOT_MOVED", "--leave-behind"]);
    let left = world.run(&["migrate-store", "--data-dir", "server", "--leave-behind"]).await;
    assert!(left.succeeded().out.contains("begins anew at localhost"), "{left:#?}");
    let server = world.up().await;
    let mut client = world.client(&stream);
    client.until_feed_ends(&world).await;
    assert_eq!(client.stop(&world).await["acknowledged"], ROWS);
    server.stop(&world).await;
}

/// Told before anything is moved, and so even where the server is not there.
#[tokio::test]
async fn who_moves_ticks_that_will_be_forgotten_is_told_before() {
    let world = World::new();
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let server = world.up().await;
    let mut client = world.client(&["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "1000000"]);
    client.until_feed_ends(&world).await;
    client.stop(&world).await;
    server.stop(&world).await;
    let config = world.read("server/aitrading.toml");
    let named = "[database.ticks.clickhouse]\nhost = \"localhost\"\nport = 1\nplaintext = true\n";
    let move_it = async |kept: &str| {
        world.write("server/aitrading.toml", &format!("{config}\n[database.ticks]\n{kept}\n{named}"));
        let moved = world.run(&["migrate-store", "--data-dir", "server"]).await;
        assert_ne!(moved.code, Some(0), "nobody answers there: {moved:#?}");
        moved.err
    };
    let told = move_it("retention_days = 30\nbars_retention_days = 36525").await;
    for word in ["warning: database.ticks.retention_days = 30", "all ticks from before", "before that start"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(!told.contains("bars_retention_days"), "bars are kept long enough: {told}");
    assert!(!move_it("").await.contains("warning"), "nothing is forgotten");
}
