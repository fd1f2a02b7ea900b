//! `kill -9` at a random moment under load: the directory starts again, the audit verifies, nothing acknowledged is lost and
//! nothing is there twice. The long loop is `cargo xtask crash`.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};

#[tokio::test]
async fn killed_processes_start_again_and_lose_nothing() {
    let world = World::new();
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let replay =
        ["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000", "--faults", "lost=50,before=50,after=50"];
    let mut server = world.up().await;
    let mut client = world.client(&replay);
    let mut acknowledged = 0;
    for cycle in 0..2 {
        let moment = acknowledged + 100 + world.draw(800);
        client.until_acknowledged(&world, moment).await;
        server.kill().await;
        acknowledged = acknowledged.max(client.acknowledged());
        if cycle == 1 {
            client.kill().await;
            client = world.client(&replay);
        }
        let report = world.audit("server").await;
        assert_eq!(report["verdict"], "clean", "after a kill at {moment}: {report}");
        server = world.up().await;
    }
    client.until_feed_ends(&world).await;
    let last = client.stop(&world).await;
    server.stop(&world).await;
    assert_eq!(last["acknowledged"], ROWS, "{last}");
    let compared = world.compare("server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    let kept = compared["stored"].as_u64().unwrap() + compared["rejected"].as_u64().unwrap();
    assert_eq!(kept, ROWS, "{compared}");
    assert!(compared["orders"].as_u64().unwrap() > 0, "{compared}");
    assert!(compared["executions_per_signal_max"].as_u64().unwrap() <= 1, "{compared}");
    world.audit("server").await;
}

#[tokio::test]
async fn a_server_killed_while_it_starts_starts_again() {
    let world = World::new();
    world.init().await;
    for _ in 0..3 {
        let server = world.spawn_up("server", &[], &[]);
        // From the first instruction to well after ready: any of it may be the last.
        world.env.clock.sleep(std::time::Duration::from_millis(world.draw(500))).await;
        server.kill().await;
    }
    world.up().await.stop(&world).await;
    world.audit("server").await;
}

#[tokio::test]
async fn an_init_killed_half_way_can_be_repeated() {
    let world = World::new();
    for _ in 0..3 {
        let mut child = world.command(&["init", "--data-dir", "server"]).spawn().unwrap();
        world.env.clock.sleep(std::time::Duration::from_millis(world.draw(40))).await;
        child.kill().await.unwrap();
    }
    let again = world.run(&["init", "--data-dir", "server"]).await;
    assert!(again.code == Some(0) || again.err.contains("prepared already"), "{again:?}");
    let offset = world.offset.to_string();
    world.up_with("server", &["--port-offset", &offset], &[]).await.stop(&world).await;
}

#[tokio::test]
async fn a_killed_demo_leaves_no_clients_behind_and_goes_on_at_once() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let offset = world.offset.to_string();
    let arguments = ["demo", "--headless", "--ticks", "ticks.csv", "--symbol", SYMBOL, "--data-dir", "desk"];
    let mut command = world.command(&arguments);
    command.args(["--port-offset", &offset]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut first = command.spawn().unwrap();
    let ready = async || world.is_ready().await.then_some(());
    world.until("the demo to be ready", std::time::Duration::from_secs(90), ready).await;
    // From the first connection to the middle of the ticks.
    world.env.clock.sleep(std::time::Duration::from_millis(world.draw(1_000))).await;
    first.kill().await.unwrap();
    let mut command = world.command(&arguments);
    command.args(["--port-offset", &offset]);
    world.end(command).await.succeeded();
    let compared = world.compare("desk", "desk/clients/terminal-1", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    assert!(compared["executions_per_signal_max"].as_u64().unwrap() <= 1, "{compared}");
    world.audit("desk").await;
}
