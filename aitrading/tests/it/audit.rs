//! `audit verify`: three verdicts with three exit codes, from files alone.

use crate::{tick_files, world::World};
use aitrading_database_link::Secrets;
use aitrading_database_service::{Databases, Servers, Settings};
use aitrading_env::OpenMode;
use std::path::PathBuf;

/// A directory in which signals were decided and executed.
async fn desk() -> World {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(1_200));
    let offset = world.offset.to_string();
    let arguments = ["demo", "--headless", "--ticks", "ticks.csv", "--symbol", tick_files::SYMBOL];
    let mut command = world.command(&arguments);
    command.args(["--data-dir", "desk", "--port-offset", &offset]);
    world.end(command).await.succeeded();
    world
}

fn segments(world: &World) -> Vec<PathBuf> {
    let wal = world.path("desk/audit/wal");
    let mut found: Vec<_> = world.env.fs.list(&wal).unwrap().into_iter().filter(|e| !e.is_dir && e.len > 0).collect();
    found.sort();
    found.into_iter().map(|e| wal.join(e.name)).collect()
}

#[tokio::test]
async fn an_untouched_log_is_clean() {
    let world = desk().await;
    let report = world.audit("desk").await;
    assert_eq!(report["verdict"], "clean", "{report}");
    assert!(report["entries"].as_u64().unwrap() > 5, "{report}");
    let pinned = world.read("desk/audit/vkey");
    let arguments = ["audit", "verify", "--data-dir", "desk", "--json", "--key", pinned.trim()];
    assert_eq!(world.run(&arguments).await.succeeded().json()["key_pinned"], true);
}

#[tokio::test]
async fn the_copy_that_can_be_searched_has_every_leaf_of_the_log() {
    let world = desk().await;
    let offset = world.offset.to_string();
    world.up_with("desk", &["--port-offset", &offset], &[]).await.stop(&world).await;
    let entries = world.audit("desk").await["entries"].as_u64().unwrap();
    let (settings, servers, store) = (Settings::default(), Servers::default(), world.path("desk/store"));
    let opened = Databases::open(&world.env, settings, &servers, &Secrets::default(), &store).await;
    let databases = opened.unwrap();
    let copy = databases.platform().audit;
    assert_eq!(copy.next_index().await.unwrap(), entries);
    let rows = copy.rows(0, 1_000).await.unwrap();
    assert!(rows.iter().any(|row| row.event == "signal_decided"));
    assert_eq!(rows.last().unwrap().event, "system_stopped");
    databases.close().await.unwrap();
}

#[tokio::test]
async fn one_flipped_bit_is_tampering() {
    let world = desk().await;
    let path = segments(&world).remove(0);
    let file = world.env.fs.open(&path, OpenMode::ReadWrite).unwrap();
    let length = usize::try_from(file.len().unwrap()).unwrap();
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0).unwrap();
    // Segments may be made longer than they are full: a bit in the written half counts.
    let written = bytes[..read].iter().rposition(|b| *b != 0).unwrap();
    let middle = written / 2;
    file.write_all_at(&[bytes[middle] ^ 1], middle as u64).unwrap();
    let verdict = world.run(&["audit", "verify", "--data-dir", "desk"]).await;
    verdict.refused(1, &["tampered with", "keep the files as evidence"]);
    assert!(verdict.out.contains("TAMPERED"), "{verdict:#?}");
    let offset = world.offset.to_string();
    let up = world.run(&["up", "--data-dir", "desk", "--port-offset", &offset]).await;
    assert_ne!(up.code, Some(0), "the server runs on over a log that was tampered with: {up:#?}");
}

#[tokio::test]
async fn a_log_that_was_cut_short_is_tampering() {
    let world = desk().await;
    for path in segments(&world) {
        world.env.fs.remove_file(&path).unwrap();
    }
    let verdict = world.run(&["audit", "verify", "--data-dir", "desk"]).await;
    verdict.refused(1, &["tampered with"]);
}

#[tokio::test]
async fn a_pinned_key_finds_a_log_that_was_forged_as_a_whole() {
    let world = desk().await;
    let init = world.run(&["init", "--data-dir", "other"]).await;
    init.succeeded();
    let offset = world.offset.to_string();
    let more = ["--port-offset", offset.as_str()];
    world.up_with("other", &more, &[]).await.stop(&world).await;
    let foreign = world.read("other/audit/vkey");
    let verdict = world.run(&["audit", "verify", "--data-dir", "desk", "--key", foreign.trim()]).await;
    verdict.refused(1, &["tampered with"]);
    world.run(&["audit", "verify", "--data-dir", "desk", "--key", "nonsense"]).await.refused(2, &["--key"]);
}

#[tokio::test]
async fn a_missing_log_cannot_be_judged() {
    let world = World::new();
    let verdict = world.run(&["audit", "verify", "--data-dir", "nowhere"]).await;
    verdict.refused(2, &["could not be verified", "check path"]);
    assert!(verdict.out.contains("could_not_run"), "{verdict:#?}");
}

#[tokio::test]
async fn a_log_that_was_removed_is_missed_by_the_server_and_by_the_demo() {
    let world = desk().await;
    let offset = world.offset.to_string();
    world.env.fs.rename(&world.path("desk/audit"), &world.path("desk-audit")).unwrap();
    let up = world.run(&["up", "--data-dir", "desk", "--port-offset", &offset]).await;
    up.refused(74, &["ENGINE_AUDIT_GONE", "removed or put back", "backup"]);
    let mut command = world.command(&["demo", "--headless", "--ticks", "ticks.csv", "--symbol", tick_files::SYMBOL]);
    command.args(["--data-dir", "desk", "--port-offset", &offset]);
    world.end(command).await.refused(74, &["ENGINE_AUDIT_GONE"]);
    for attempt in 0..2 {
        // What the refused starts made is no log to go on with either.
        let up = world.run(&["up", "--data-dir", "desk", "--port-offset", &offset]).await;
        assert_eq!(up.code, Some(74), "attempt {attempt}: {up:#?}");
    }
    std::fs::remove_dir_all(world.path("desk/audit")).unwrap();
    world.env.fs.rename(&world.path("desk-audit"), &world.path("desk/audit")).unwrap();
    world.up_with("desk", &["--port-offset", &offset], &[]).await.stop(&world).await;
    world.audit("desk").await;
}
