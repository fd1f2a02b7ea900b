//! Ticks that a feed missed: fetched from the terminal's history over every hop there is, stored in their place, over a
//! `kill -9`.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(90);

async fn health(world: &World) -> String {
    world.run(&["health", "--data-dir", "server", "--json"]).await.succeeded().out.clone()
}

#[tokio::test]
async fn ticks_that_the_feed_missed_come_from_the_terminals_history() {
    let world = World::new();
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let server = world.up().await;
    let replay =
        ["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "max", "--missed", "20..45", "--missed", "90..121"];
    let mut client = world.client(&replay);
    client.until_feed_ends(&world).await;
    let settled = async || health(&world).await.contains("2 settled").then_some(());
    world.until("both holes to be settled", LIMIT, settled).await;
    // What was settled is durable, in the tick store or on its way there.
    server.kill().await;
    client.kill().await;
    let server = world.up().await;
    server.stop(&world).await;
    let compared = world.compare("server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    let kept = compared["stored"].as_u64().unwrap() + compared["rejected"].as_u64().unwrap();
    assert_eq!(kept, ROWS, "{compared}");
}
