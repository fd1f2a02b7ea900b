//! Bad input: each kind with its exit code and a text that names cause and cure, and nothing left behind.

use crate::world::{BRIDGE, GATEWAY, OBSERVER, World};
use std::net::TcpListener;

#[tokio::test]
async fn a_port_in_use_is_named_with_the_cure() {
    let world = World::new();
    world.init().await;
    for port in [GATEWAY, BRIDGE, OBSERVER] {
        let address = world.address(port);
        let taken = TcpListener::bind(address).unwrap();
        let address = address.to_string();
        let words = [address.as_str(), "in use", "--port-offset", "PORT_IN_USE"];
        world.run(&["up", "--data-dir", "server"]).await.refused(69, &words);
        drop(taken);
    }
    let offset = world.offset.to_string();
    let taken = TcpListener::bind(world.address(BRIDGE)).unwrap();
    let demo = world.run(&["demo", "--headless", "--for", "1s", "--port-offset", &offset]).await;
    demo.refused(69, &["in use", "--port-offset"]);
    drop(taken);
    // Nothing was harmed on the way.
    world.up().await.stop(&world).await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_refused() {
    let world = World::new();
    world.write("file", "a file in the way");
    // Permissions mean nothing to root, a file in the way does.
    for directory in ["file", "file/below"] {
        let words = [directory, "cannot be written", "choose a directory"];
        world.run(&["init", "--data-dir", directory]).await.refused(73, &words);
        world.run(&["demo", "--headless", "--data-dir", directory]).await.refused(73, &words);
        world.run(&["up", "--data-dir", directory]).await.refused(73, &[directory, "choose a directory"]);
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused() {
    let world = World::new();
    world.init().await;
    let server = world.up().await;
    let words = ["another process is using", "server", "stop it"];
    let elsewhere = (world.offset + 20).to_string();
    world.run(&["up", "--data-dir", "server", "--port-offset", &elsewhere]).await.refused(75, &words);
    world.run(&["demo", "--headless", "--data-dir", "server", "--port-offset", &elsewhere]).await.refused(75, &words);
    world.run(&["init", "--data-dir", "server", "--demo-client", "another"]).await.refused(75, &words);
    assert!(world.is_ready().await, "the first one goes on");
    server.stop(&world).await;
}

#[tokio::test]
async fn a_second_client_on_the_same_directory_is_refused() {
    let world = World::new();
    world.init().await;
    let mut first = world.client(&["--symbol", "EURUSD", "--synthetic"]);
    let limit = std::time::Duration::from_secs(90);
    let runs = async || (first.status()["terminal"] == true).then_some(());
    world.until("the first client", limit, runs).await;
    let arguments = ["client", "simulate", "--config", "client/settings.toml", "--symbol", "EURUSD", "--synthetic"];
    world.run(&arguments).await.refused(75, &["another"]);
    assert!(first.child.try_wait().unwrap().is_none(), "the first one goes on");
    first.stop(&world).await;
}

#[tokio::test]
async fn every_wrong_setting_is_listed_with_its_place_and_a_suggestion() {
    let world = World::new();
    world.init().await;
    world.edit("server/aitrading.toml", "silence_ms = 60000", "silense_ms = 60000");
    world.edit("server/aitrading.toml", "observer = \"127.0.0.1:8010\"", "observer = \"0.0.0.0:8010\"");
    let misspelt = ["aitrading.toml", "data_bridge.silense_ms", "no such key", "did you mean `silence_ms`?"];
    world.run(&["config", "check", "--data-dir", "server"]).await.refused(78, &misspelt);
    world.run(&["up", "--data-dir", "server"]).await.refused(78, &misspelt);
    let listed = world.run(&["config", "check", "--data-dir", "server", "--json"]).await;
    assert_eq!(listed.code, Some(78), "{listed:?}");
    assert_eq!(listed.json()["violations"][0]["cure"], "did you mean `silence_ms`?");
    world.edit("server/aitrading.toml", "silense_ms", "silence_ms");
    let reachable = ["listen.observer", "other machines", "loopback"];
    world.run(&["config", "check", "--data-dir", "server"]).await.refused(78, &reachable);
    world.edit("server/aitrading.toml", "0.0.0.0:8010", "127.0.0.1:8010");
    world.run(&["config", "check", "--data-dir", "server"]).await.succeeded();
}

#[tokio::test]
async fn all_problems_are_listed_at_once_whatever_their_kind() {
    let world = World::new();
    world.init().await;
    world.edit("server/aitrading.toml", "version = 1", "version = 9");
    world.edit("server/aitrading.toml", "tenant = 1", "tenant = \"x\"");
    world.edit("server/aitrading.toml", "filter = ", "fliter = ");
    let all = ["version", "tenant", "did you mean `filter`?"];
    world.run(&["config", "check", "--data-dir", "server"]).await.refused(78, &all);
}

#[tokio::test]
async fn two_services_on_one_port_are_named_before_anything_starts() {
    let world = World::new();
    world.init().await;
    world.edit("server/aitrading.toml", "127.0.0.1:8000", "127.0.0.1:8007");
    let refused = ["listen.trading_engine", "`gateway.listen` has the same address", "port of its own"];
    world.run(&["config", "check", "--data-dir", "server"]).await.refused(78, &refused);
    world.edit("server/aitrading.toml", "listen = \"127.0.0.1:8007\"", "listen = \"127.0.0.1:8000\"");
    world.edit("server/aitrading.toml", "\"127.0.0.1:8008\"", "\"127.0.0.1:8010\"");
    let refused = ["listen.observer", "`listen.database_service` has the same address"];
    world.run(&["config", "check", "--data-dir", "server"]).await.refused(78, &refused);
}

#[tokio::test]
async fn a_misspelt_variable_is_found_too() {
    let world = World::new();
    world.init().await;
    let mut command = world.command(&["config", "check", "--data-dir", "server"]);
    command.env("AITRADING_LOG__FILTRE", "debug");
    let refused = world.end(command).await;
    refused.refused(78, &["AITRADING_LOG__FILTRE", "did you mean `filter`?"]);
}

#[tokio::test]
async fn a_configuration_that_is_no_toml_is_refused_with_its_line() {
    let world = World::new();
    world.init().await;
    world.edit("server/aitrading.toml", "tenant = 1", "tenant 1");
    for command in [&["config", "check"][..], &["up"]] {
        let arguments: Vec<_> = command.iter().chain(&["--data-dir", "server"]).collect();
        world.run(&arguments).await.refused(78, &["aitrading.toml", "line 4"]);
    }
}

#[tokio::test]
async fn bad_tick_files_are_refused_with_line_and_column() {
    let world = World::new();
    let good = "1354492800000,132.000,132.010\n";
    let cases = [
        (
            "price.csv",
            format!("time_msc,bid,ask\n{good}1354492801000,132.oo1,132.010\n"),
            "line 3, column 15",
            "decimal",
        ),
        ("time.csv", format!("{good}yesterday,132.000,132.010\n"), "line 2, column 1", "milliseconds"),
        ("short.csv", format!("{good}1354492801000,132.000\n"), "line 2, column 22", "ask"),
        ("order.csv", format!("{good}1354492799000,132.000,132.010\n"), "line 2, column 1", "earlier"),
        ("header.csv", format!("time_msc,ask,bid\n{good}"), "line 1, column 10", "order"),
        ("date.csv", "20121303 000000000,132.000,132.010,0\n".to_owned(), "line 1, column 1", "YYYYMMDD"),
        ("garbage.csv", "\u{1}what is this\n".to_owned(), "line 1, column 1", "not a known tick format"),
    ];
    for (name, text, place, word) in cases {
        world.write(name, &text);
        world.run(&["demo", "--headless", "--ticks", name]).await.refused(65, &[name, place, word]);
    }
    world.write("empty.csv", "");
    world.run(&["demo", "--headless", "--ticks", "empty.csv"]).await.refused(65, &["empty.csv", "no ticks"]);
    world.run(&["demo", "--headless", "--ticks", "none.csv"]).await.refused(66, &["none.csv", "check the path"]);
}

#[tokio::test]
async fn unknown_symbols_and_unprepared_directories_name_the_cure() {
    let world = World::new();
    world.run(&["demo", "--headless", "--symbol", "NOSUCH"]).await.refused(2, &["NOSUCH", "known are", "EURUSD"]);
    for command in [&["up"][..], &["health"]] {
        let arguments: Vec<_> = command.iter().chain(&["--data-dir", "fresh"]).collect();
        world.run(&arguments).await.refused(78, &["fresh", "aitrading init --data-dir fresh"]);
    }
    world.run(&["config", "check", "--data-dir", "fresh"]).await.refused(78, &["aitrading.toml", "check path"]);
    world.init().await;
    world.run(&["init", "--data-dir", "server"]).await.refused(73, &["prepared already", "nothing was changed"]);
    let again = world.run(&["init", "--data-dir", "server", "--demo-client", "client"]).await;
    again.refused(73, &["holds a client already", "choose another directory"]);
}

#[tokio::test]
async fn keys_that_others_can_read_are_refused() {
    let world = World::new();
    world.init().await;
    let root = world.arg("server/keys/root.key");
    assert!(tokio::process::Command::new("chmod").args(["644", &root]).status().await.unwrap().success());
    world.run(&["up", "--data-dir", "server"]).await.refused(78, &["root.key", "chmod 600"]);
}

#[tokio::test]
async fn wrong_usage_is_told_before_anything_is_touched() {
    let world = World::new();
    let cases: [&[&str]; 5] = [
        &["demo", "--for", "soon"],
        &["demo", "--speed", "0"],
        &["demo", "--terminals", "0"],
        &["demo", "--port-offset", "60000"],
        &["demo", "--format", "histdata"],
    ];
    for case in cases {
        world.run(case).await.refused(2, &["error:"]);
    }
    let faults = world.run(&["demo", "--headless", "--data-dir", "desk", "--faults", "lost=2000"]).await;
    assert_eq!(faults.code, Some(2), "wrong usage like the others: {faults:#?}");
    assert!(world.env.fs.metadata(&world.path("desk")).unwrap().is_none(), "a directory was made");
}
