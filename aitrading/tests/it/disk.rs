//! A full disk: refused or waited out, never a panic, and nothing that was acknowledged is lost.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};
use aitrading_env::OpenMode;
use std::{process::Command, time::Duration};

const MIB: u64 = 1024 * 1024;

/// A small file system of its own, gone with the test.
struct SmallDisk(String);

impl SmallDisk {
    /// `None`, with the reason told, where nothing may be mounted.
    fn mount(world: &World, name: &str, bytes: u64) -> Option<Self> {
        let path = world.path(name);
        world.env.fs.create_dir_all(&path).unwrap();
        let path = path.to_str().unwrap().to_owned();
        let options = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs", &path]).output();
        if mounted.as_ref().is_ok_and(|m| m.status.success()) {
            return Some(Self(path));
        }
        println!("skipped: a small file system cannot be mounted here (this takes root): {mounted:?}");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-l", &self.0]).status());
    }
}

/// Fills the disk but for `left` bytes.
fn fill(world: &World, name: &str, left: u64) {
    let file = world.env.fs.open(&world.path(name), OpenMode::Create).unwrap();
    let zeros = vec![0; 4_096];
    let mut at = 0;
    while file.write_all_at(&zeros, at).is_ok() {
        at += 4_096;
    }
    file.set_len(file.len().unwrap().saturating_sub(left)).unwrap();
}

#[tokio::test]
async fn nothing_is_prepared_on_a_full_disk() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world, "disk", MIB) else { return };
    fill(&world, "disk/filler", 0);
    let refused = world.run(&["init", "--data-dir", "disk/server"]).await;
    refused.refused(74, &["disk/server", "free some space"]);
    let refused = world.run(&["demo", "--headless", "--data-dir", "disk/desk"]).await;
    refused.refused(74, &["free some space"]);
    world.env.fs.remove_file(&world.path("disk/filler")).unwrap();
    world.run(&["init", "--data-dir", "disk/server"]).await.succeeded();
}

#[tokio::test]
async fn a_server_does_not_start_on_a_full_disk_and_starts_when_there_is_space() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world, "disk", 256 * MIB) else { return };
    world.init_at("disk/server").await;
    fill(&world, "disk/filler", 0);
    let refused = world.run(&["up", "--data-dir", "disk/server"]).await;
    refused.refused(74, &["disk/server", "free"]);
    world.env.fs.remove_file(&world.path("disk/filler")).unwrap();
    world.up_with("disk/server", &[], &[]).await.stop(&world).await;
}

#[tokio::test]
async fn a_disk_that_fills_up_under_load_loses_nothing_that_was_acknowledged() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world, "disk", 256 * MIB) else { return };
    world.init_at("disk/server").await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let mut server = world.up_with("disk/server", &[], &[]).await;
    let replay = ["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"];
    let mut client = world.client(&replay);
    client.until_acknowledged(&world, 200).await;
    fill(&world, "disk/filler", 0);
    // The server may go on in reserved space, refuse ticks, or end with a reason: until one of it shows, or all is sent.
    let limit = Duration::from_secs(90);
    let shown = async || {
        let over = client.status()["feed_end"] == true || !server.is_alive() || !world.is_ready().await;
        over.then_some(())
    };
    world.until("the full disk to show", limit, shown).await;
    let promised = client.acknowledged();
    let log = world.read("server.log");
    assert!(!log.contains("panicked"), "{log}");
    world.env.fs.remove_file(&world.path("disk/filler")).unwrap();
    if server.is_alive() {
        server.signal("-TERM").await;
    }
    // Its code may tell of the failed writes: what counts is that it ends by itself and says why.
    let ended = server.ended(&world).await;
    let log = server.log(&world);
    assert!(ended.code().is_some() && !log.contains("panicked"), "{ended:?}: {log}");
    assert!(ended.success() || log.contains("error: "), "{ended:?} without a word: {log}");
    let server = world.up_with("disk/server", &[], &[]).await;
    client.until_feed_ends(&world).await;
    let last = client.stop(&world).await;
    server.stop(&world).await;
    assert_eq!(last["acknowledged"], ROWS, "{last}");
    let compared = world.compare("disk/server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    let kept = compared["stored"].as_u64().unwrap() + compared["rejected"].as_u64().unwrap();
    assert_eq!(kept, ROWS, "{promised} were promised before the restart: {compared}");
    world.audit("disk/server").await;
}

#[tokio::test]
async fn a_demo_whose_disk_fills_up_names_the_disk_and_ends_with_its_code() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world, "disk", 40 * MIB) else { return };
    let offset = world.offset.to_string();
    let args = ["demo", "--headless", "--for", "60s", "--terminals", "4", "--data-dir", "disk/demo", "--port-offset"];
    let mut command = world.command(&args);
    command.arg(&offset);
    world.end(command).await.refused(74, &["full", "started again"]);
}

#[tokio::test]
async fn a_demo_whose_audit_log_waits_for_space_ends_by_itself_with_its_report() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world, "disk", 32 * MIB) else { return };
    world.write("ticks.csv", &tick_files::time_msc(40_000));
    let offset = world.offset.to_string();
    let args = ["demo", "--headless", "--ticks", "ticks.csv", "--symbol", SYMBOL, "--report", "report.json"];
    let mut command = world.command(&args);
    command.args(["--data-dir", "disk/demo", "--port-offset", &offset]);
    let ended = world.end_within(command, Duration::from_secs(90)).await;
    ended.refused(74, &["disk is full"]);
    let report: serde_json::Value = serde_json::from_str(&world.read("report.json")).unwrap();
    assert_eq!(report["holds"], false, "{report:#}");
}

#[tokio::test]
async fn when_there_is_space_again_ticks_go_on_by_themselves_and_trading_after_a_restart() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world, "disk", 256 * MIB) else { return };
    world.init_at("disk/server").await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let server = world.up_with("disk/server", &[], &[]).await;
    let mut client = world.client(&["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"]);
    client.until_acknowledged(&world, 200).await;
    fill(&world, "disk/filler", 0);
    let limit = Duration::from_secs(90);
    let told = async || {
        let log = world.read("server.log");
        let named = log.contains("STORE_FULL") || log.contains("disk is full");
        (named && !world.is_ready().await).then_some(())
    };
    world.until("the full disk to be named as the cause", limit, told).await;
    let stopped = async || {
        let (_, health) = world.get("/health/ready").await.ok()?;
        (health.contains("stopped by ") && health.contains("start the server again")).then_some(())
    };
    world.until("health to say that trading stopped, why, and what to do", limit, stopped).await;
    world.env.fs.remove_file(&world.path("disk/filler")).unwrap();
    // Ticks: everything is taken, acknowledged and handed to the store without a human.
    client.until_feed_ends(&world).await;
    let drained = async || {
        let (_, health) = world.get("/health/ready").await.ok()?;
        let health: serde_json::Value = serde_json::from_str(&health).ok()?;
        let bridge = health["components"].as_array()?.iter().find(|c| c["name"] == "data-bridge")?;
        bridge["parts"].as_array()?.iter().all(|part| part["status"] == "up").then_some(())
    };
    world.until("the tick store to catch up", limit, drained).await;
    // Trading: the engine could not write what it decided, so nothing leaves until a human has looked and started it again.
    client.stop(&world).await;
    server.stop(&world).await;
    world.up_with("disk/server", &[], &[]).await.stop(&world).await;
    let compared = world.compare("disk/server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    world.audit("disk/server").await;
}
