//! Backup and restore: what comes back is the same server; damage is named; nothing is written over.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};
use aitrading_env::OpenMode;

/// A directory with ticks, signals, executions and an audit log.
async fn desk(world: &World) {
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let offset = world.offset.to_string();
    let arguments = ["demo", "--headless", "--ticks", "ticks.csv", "--symbol", SYMBOL, "--data-dir", "desk"];
    let mut command = world.command(&arguments);
    command.args(["--port-offset", &offset]);
    world.end(command).await.succeeded();
}

async fn ticks(world: &World, dir: &str) -> String {
    let done = world.run(&["export", "ticks", "--data-dir", dir, "--symbol", SYMBOL]).await;
    done.succeeded().out.clone()
}

fn flip(world: &World, name: &str, place: u64) {
    let file = world.env.fs.open(&world.path(name), OpenMode::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 1], place).unwrap();
}

#[tokio::test]
async fn a_restored_server_is_the_same_server() {
    let world = World::new();
    desk(&world).await;
    let (before, audit) = (ticks(&world, "desk").await, world.audit("desk").await);
    let made = world.run(&["backup", "--data-dir", "desk", "--to", "copy", "--with-secrets", "--json"]).await;
    let made = made.succeeded().json();
    assert_eq!((&made["verified"], &made["secrets"]), (&true.into(), &true.into()), "{made}");
    let checked = world.run(&["restore", "--from", "copy", "--verify-only"]).await;
    assert!(checked.succeeded().out.contains("all as they were written"), "{}", checked.out);
    world.run(&["restore", "--from", "copy", "--data-dir", "again"]).await.succeeded();
    let restored = world.audit("again").await;
    assert_eq!((&restored["root"], &restored["entries"]), (&audit["root"], &audit["entries"]), "{restored}");
    assert!(ticks(&world, "again").await == before, "the ticks are other ones");
    let offset = world.offset.to_string();
    world.up_with("again", &["--port-offset", &offset], &[]).await.stop(&world).await;
    let compared = world.compare("again", "desk/clients/terminal-1", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    world.audit("again").await;
}

#[tokio::test]
async fn secrets_stay_at_home_unless_they_are_asked_for() {
    let world = World::new();
    world.init_at("desk").await;
    world.up_with("desk", &[], &[]).await.stop(&world).await;
    let made = world.run(&["backup", "--data-dir", "desk", "--to", "copy"]).await;
    assert!(made.succeeded().out.contains("keys are not in it"), "{}", made.out);
    assert!(world.env.fs.metadata(&world.path("copy/keys")).unwrap().is_none());
    assert!(!world.read("copy/manifest.json").contains("keys/"), "no key is listed either");
    let restored = world.run(&["restore", "--from", "copy", "--data-dir", "again"]).await;
    assert!(restored.succeeded().out.contains("put your copy of them into again/keys"), "{}", restored.out);
    let up = world.run(&["up", "--data-dir", "again"]).await;
    assert!(up.code != Some(0) && up.err.contains("root.key"), "{up:#?}");
    for entry in world.env.fs.list(&world.path("desk/keys")).unwrap().into_iter().filter(|entry| !entry.is_dir) {
        let bytes = world.env.fs.read(&world.path("desk/keys").join(&entry.name), 1 << 20).unwrap();
        world.env.fs.create_dir_all(&world.path("again/keys")).unwrap();
        world.env.fs.write_atomic(&world.path("again/keys").join(&entry.name), &bytes).unwrap();
    }
    world.up_with("again", &[], &[]).await.stop(&world).await;
    world.audit("again").await;
}

#[tokio::test]
async fn damage_is_named_by_file_and_nothing_is_written_over() {
    let world = World::new();
    world.init_at("desk").await;
    let server = world.up_with("desk", &[], &[]).await;
    let backup = ["backup", "--data-dir", "desk", "--to", "copy"];
    world.run(&backup).await.refused(75, &["stop the server"]);
    server.stop(&world).await;
    world.run(&["backup", "--data-dir", "desk", "--to", "desk/copy"]).await.refused(73, &["outside"]);
    world.run(&["restore", "--from", "copy", "--verify-only"]).await.refused(66, &["BACKUP_NO_MANIFEST"]);
    world.run(&backup).await.succeeded();
    world.run(&backup).await.refused(73, &["copy is not empty"]);
    world.run(&["restore", "--from", "copy", "--data-dir", "desk"]).await.refused(73, &["desk is not empty"]);

    flip(&world, "copy/store/main.db", 5_000);
    world.env.fs.remove_file(&world.path("copy/audit/vkey")).unwrap();
    let words = ["store/main.db is damaged", "audit/vkey is missing", "another copy", "BACKUP_DAMAGED"];
    world.run(&["restore", "--from", "copy", "--verify-only"]).await.refused(65, &words);
    world.run(&["restore", "--from", "copy", "--data-dir", "again"]).await.refused(65, &words);
    assert!(world.env.fs.metadata(&world.path("again")).unwrap().is_none(), "nothing was begun");
    flip(&world, "copy/manifest.json", 40);
    world.run(&["restore", "--from", "copy", "--verify-only"]).await.refused(65, &["manifest.json", "BACKUP_DAMAGED"]);
}

#[tokio::test]
async fn what_lies_on_servers_is_not_left_out_without_a_word() {
    let world = World::new();
    desk(&world).await;
    let config = world.read("desk/aitrading.toml");
    let server = "\n[database.events.nats]\nhost = \"localhost\"\nport = 1\nplaintext = true\n";
    world.write("desk/aitrading.toml", &format!("{config}{server}"));
    let refused = world.run(&["backup", "--data-dir", "desk", "--to", "copy"]).await;
    refused.refused(78, &["BACKUP_ELSEWHERE", "events at localhost:1", "--embedded-only"]);
    let made = world.run(&["backup", "--data-dir", "desk", "--to", "copy", "--embedded-only"]).await;
    assert!(made.succeeded().out.contains("NOT in it: events at localhost:1"), "{}", made.out);
    assert!(world.read("copy/manifest.json").contains("events at localhost:1"));
}

#[tokio::test]
async fn a_copy_of_damaged_ticks_is_not_called_good() {
    let world = World::new();
    desk(&world).await;
    let mut folders = vec!["desk/store/ticks".to_owned()];
    let mut file = None;
    while let Some(folder) = folders.pop() {
        for entry in world.env.fs.list(&world.path(&folder)).unwrap() {
            let path = format!("{folder}/{}", entry.name);
            if entry.is_dir {
                folders.push(path)
            } else if path.ends_with(".parquet") {
                file = Some((path, entry.len))
            }
        }
    }
    let (file, length) = file.unwrap();
    flip(&world, &file, length / 2);
    let made = world.run(&["backup", "--data-dir", "desk", "--to", "copy"]).await;
    made.refused(65, &["BACKUP_SOURCE_DAMAGED", "the backup is made"]);
    assert!(world.env.fs.metadata(&world.path("copy/manifest.json")).unwrap().is_some());
}

/// Looks make no database; a backup of a directory without one is a backup too.
#[tokio::test]
async fn where_nothing_is_kept_yet_looks_and_backups_make_nothing() {
    let world = World::new();
    let offset = world.offset.to_string();
    world.run(&["init", "--data-dir", "desk", "--port-offset", &offset]).await.succeeded();
    let untouched = || world.env.fs.metadata(&world.path("desk/store/main.db")).unwrap().is_none();
    assert!(untouched());
    let health = world.run(&["db", "health", "--data-dir", "desk"]).await;
    assert!(health.succeeded().out.contains("nothing is kept here yet"), "{}", health.out);
    let asked = world.run(&["sql", "--data-dir", "desk", "SELECT 1"]).await;
    asked.refused(78, &["nothing is kept", "DATABASE_NOTHING_KEPT"]);
    world.run(&["backup", "--data-dir", "desk", "--to", "copy", "--with-secrets"]).await.succeeded();
    assert!(untouched(), "who looks makes nothing");
    world.run(&["restore", "--from", "copy", "--data-dir", "again"]).await.succeeded();
    world.up_with("again", &[], &[]).await.stop(&world).await;
}
