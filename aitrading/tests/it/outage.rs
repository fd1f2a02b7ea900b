//! The tick server is gone for a minute: ticks are acknowledged all the while, wait in the journal, and are all stored when it
//! is back.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};
use aitrading_testkit::servers::{ClickHouse, Door, USER};
use serde_json::Value;
use std::time::Duration;

const OUTAGE: Duration = Duration::from_secs(60);
/// What is behind has to be stored within this time of the server's return.
const DRAINED: Duration = Duration::from_secs(60);

/// The named part of the database service, as `aitrading health` tells it.
async fn part(world: &World, component: &str, name: &str) -> Value {
    let health = world.run(&["health", "--data-dir", "server", "--json"]).await.json();
    let components = health["components"].as_array().unwrap().clone();
    let component = components.into_iter().find(|c| c["name"] == component).unwrap();
    component["parts"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap().clone()
}

async fn until_part(world: &World, status: &str, limit: Duration) {
    let look = async || {
        let part = part(world, "database-service", "database.ticks").await;
        (part["status"] == status).then_some(())
    };
    world.until("the part of the tick server", limit, look).await;
}

/// A server whose ticks go to ClickHouse.
async fn named(clickhouse: &ClickHouse) -> World {
    let world = World::new();
    world.init().await;
    let password = world.path("clickhouse.password");
    world.env.fs.write_atomic(&password, clickhouse.password().as_bytes()).unwrap();
    let section = format!(
        "\n[database.ticks.clickhouse]\nhost = \"localhost\"\nport = {}\nuser = \"{USER}\"\nca_file = \"{}\"\npassword = \"file:{}\"\n",
        clickhouse.port(),
        clickhouse.ca_file().display(),
        password.display()
    );
    world.write("server/aitrading.toml", &(world.read("server/aitrading.toml") + &section));
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    world
}

/// Until the server has stored all that it has taken.
async fn until_drained(world: &World) {
    let drained = async || {
        let part = part(world, "data-bridge", "drain").await;
        (part["detail"] == "0 bytes behind, 0 failed tries").then_some(())
    };
    world.until("the drain", DRAINED, drained).await;
}

async fn check_all_is_stored(world: &World) {
    let compared = world.compare("server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    let kept = compared["stored"].as_u64().unwrap() + compared["rejected"].as_u64().unwrap();
    assert_eq!(kept, ROWS, "{compared}");
    assert_eq!(compared["disputed_reports"], 0, "{compared}");
}

/// One role that is down takes down what depends on it and nothing else, at a start too.
#[tokio::test]
async fn a_start_without_the_tick_server_costs_no_tick() {
    let Some(clickhouse) = ClickHouse::start(Door::Tls) else { return };
    let world = named(&clickhouse).await;
    clickhouse.stop();
    world.run(&["up", "--data-dir", "server"]).await.refused(69, &["the ticks database", "once with it"]);
    clickhouse.restart();
    let stream = ["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"];
    let server = world.up().await;
    let mut client = world.client(&stream);
    client.until_acknowledged(&world, ROWS / 3).await;
    client.stop(&world).await;
    server.stop(&world).await;

    clickhouse.stop();
    let server = world.up().await;
    until_part(&world, "degraded", DRAINED).await;
    let mut client = world.client(&stream);
    client.until_feed_ends(&world).await;
    let health = world.run(&["health", "--data-dir", "server", "--json"]).await;
    assert_eq!(health.succeeded().json()["ready"], true, "the rest works: {health:?}");
    assert_eq!(client.stop(&world).await["acknowledged"], ROWS);
    clickhouse.restart();
    until_drained(&world).await;
    until_part(&world, "up", DRAINED).await;
    server.stop(&world).await;
    check_all_is_stored(&world).await;
}

#[tokio::test]
async fn a_minute_without_the_tick_server_costs_no_tick() {
    let Some(clickhouse) = ClickHouse::start(Door::Tls) else { return };
    let world = named(&clickhouse).await;
    let server = world.up().await;
    until_part(&world, "up", DRAINED).await;
    let asked = world.run(&["db", "health", "--data-dir", "server", "--json"]).await;
    let asked = asked.succeeded().json();
    assert_eq!(
        (&asked["databases"][1]["backend"], &asked["databases"][1]["state"]),
        (&"clickhouse".into(), &"up".into())
    );

    let mut client = world.client(&["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"]);
    client.until_acknowledged(&world, ROWS / 10).await;
    let gone = world.env.clock.mono_ns();
    clickhouse.stop();
    // Not a tick of these waits for the store.
    client.until_feed_ends(&world).await;
    until_part(&world, "degraded", OUTAGE).await;
    let health = world.run(&["health", "--data-dir", "server", "--json"]).await;
    assert_eq!(health.succeeded().json()["ready"], true, "the rest works: {health:?}");
    let told = world.run(&["db", "health", "--data-dir", "server"]).await;
    told.refused(1, &["not working: ticks"]);
    let last = client.stop(&world).await;
    assert_eq!(last["acknowledged"], ROWS, "{last}");
    let passed = Duration::from_nanos(world.env.clock.mono_ns() - gone);
    world.env.clock.sleep(OUTAGE.saturating_sub(passed)).await;

    clickhouse.restart();
    until_drained(&world).await;
    server.stop(&world).await;
    check_all_is_stored(&world).await;
}
