//! Who only looks at a directory changes nothing in it: neither what it keeps, nor the schema of an earlier release.

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_link::{LinkState, Secrets};
use aitrading_database_service::{Database, Databases, Look, Servers, Settings};
use aitrading_error::Coded;
use aitrading_model::{TenantId, Tick};
use aitrading_store::conformance::sample;
use sqlx::{Connection, SqliteConnection, migrate::Migrator, sqlite::SqliteConnectOptions};
use std::path::Path;

fn steps() -> Migrator {
    sqlx::migrate!("migrations/sqlite")
}

async fn raw(world: &World) -> SqliteConnection {
    let file = world.dir.path().join("main.db");
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

fn bytes(world: &World) -> Vec<u8> {
    world.env.fs.read(&world.dir.path().join("main.db"), 1 << 30).unwrap()
}

async fn look(world: &World) -> Look {
    Look::open(&world.env, small(), world.dir.path()).await.unwrap().unwrap()
}

/// What `db health` says of the rows.
async fn health(world: &World) -> (LinkState, String) {
    let (servers, secrets) = (Servers::default(), Secrets::default());
    let asked = Databases::examine(&world.env, small(), &servers, &secrets, world.dir.path()).await.unwrap();
    assert!(asked.iter().all(|part| part.state == LinkState::Up), "{asked:?}");
    (asked[0].state, asked[0].note.clone().unwrap_or_default())
}

/// Everybody who only looks, at a directory of the release that had taken `taken` steps.
async fn check_untouched(world: &World, taken: usize) {
    let (before, files) = (bytes(world), world.files_below(""));
    let pending = steps().iter().count() - taken;
    let (_, told) = health(world).await;
    assert!(told.starts_with(&format!("{pending} pending steps")) && told.contains("db migrate"), "{told}");
    let kept = look(world).await;
    assert_eq!(kept.schema().pending(), pending);
    let refused = kept.check_current().unwrap_err();
    assert_eq!(refused.dna().code, "DATABASE_NOT_MIGRATED");
    assert!(refused.to_string().contains("`aitrading db migrate`"), "{refused}");
    let copy = World::new();
    kept.copy_to(&copy.dir.path().join("main.db")).await.unwrap();
    kept.close().await;
    assert!(bytes(world) == before, "the database is as it was");
    let lock = world.dir.path().join("").join("database.lock");
    let made: Vec<_> =
        world.files_below("").into_iter().filter(|file| !files.contains(file) && *file != lock).collect();
    assert!(made.is_empty(), "nothing is made beside it: {made:?}");
    let status = Database::schema_status(&copy.env, copy.dir.path()).await.unwrap();
    assert_eq!(
        (status.applied(), status.pending()),
        (i64::try_from(taken).unwrap(), pending),
        "the copy has that schema"
    );
    copy.open(small()).await.unwrap().close().await.unwrap();
}

#[test]
fn a_schema_of_any_release_before_stays_as_it_is() {
    block_on(async {
        for taken in 1..steps().iter().count() {
            let world = World::new();
            let mut earlier = steps();
            earlier.migrations.to_mut().truncate(taken);
            let mut conn = raw(&world).await;
            earlier.run(&mut conn).await.unwrap();
            sqlx::query("INSERT INTO meta (key, value) VALUES ('deployment', x'01')").execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            check_untouched(&world, taken).await;
            let migrated = Database::migrate(&world.env, world.dir.path()).await.unwrap();
            assert_eq!(migrated.pending(), 0);
            let kept = look(&world).await;
            kept.check_current().unwrap();
            kept.close().await;
            assert!(!health(&world).await.1.contains("pending"));
        }
    });
}

/// A directory with ticks, in files and waiting, of the release before this one.
async fn of_before(world: &World) -> Vec<Tick> {
    let ticks = sample::ticks(0, 95);
    let database = world.open(small()).await.unwrap();
    feed(&database, sample::source(1, "GBPJPY"), &ticks, 19).await.unwrap();
    // As it is: closing would put what waits into a file.
    database.release().await;
    let mut conn = raw(world).await;
    for statement in ["DROP TABLE patterns", "DELETE FROM _sqlx_migrations WHERE version = 7"] {
        sqlx::query(statement).execute(&mut conn).await.unwrap();
    }
    conn.close().await.unwrap();
    ticks
}

#[test]
fn the_ticks_of_a_directory_of_before_are_read_back_and_copied_as_they_are() {
    let world = World::new();
    block_on(async {
        let source = sample::source(1, "GBPJPY");
        let ticks = of_before(&world).await;
        let files = world.tick_files();
        assert!(!files.is_empty());
        check_untouched(&world, steps().iter().count() - 1).await;
        let kept = look(&world).await;
        let mut read = Vec::new();
        kept.ticks().scan(source, &mut |batch| read.extend_from_slice(batch)).await.unwrap();
        assert_eq!(read, ticks);
        let listed: Vec<_> = kept.tick_files().await.unwrap().iter().map(|file| world.dir.path().join(file)).collect();
        assert_eq!(listed, files);
        let refused = kept.ticks().commit(sample::commit(9, sample::part(source, 96, sample::ticks(50_000, 1)))).await;
        assert!(refused.is_err(), "a look takes nothing");
        kept.close().await;
        assert_eq!(world.tick_files(), files, "and puts nothing into files");
        let database = world.open(small()).await.unwrap();
        assert_eq!(everything(&database, source).await.unwrap(), ticks);
        assert_eq!(database.platform().patterns.count(TenantId(1)).await.unwrap(), 0);
        database.close().await.unwrap();
    });
}

/// The server was killed: what is committed may still lie beside the file.
#[test]
fn a_look_at_what_a_kill_left_sees_what_was_committed() {
    let (world, left) = (World::new(), World::new());
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        database.stores().meta.put("deployment", b"x").await.unwrap();
        for name in ["main.db", "main.db-wal"] {
            let bytes = world.env.fs.read(&world.dir.path().join(name), 1 << 30).unwrap();
            left.env.fs.write_atomic(&left.dir.path().join(name), &bytes).unwrap();
        }
        let copy = World::new();
        let kept = look(&left).await;
        kept.copy_to(&copy.dir.path().join("main.db")).await.unwrap();
        kept.close().await;
        for world in [copy, left] {
            let found = world.open(Settings::default()).await.unwrap().stores().meta.get("deployment").await.unwrap();
            assert_eq!(found.as_deref(), Some(b"x".as_slice()));
        }
    });
}

#[test]
fn where_nothing_is_kept_nothing_is_made() {
    let world = World::new();
    block_on(async {
        let nowhere = world.dir.path().join("store");
        let (servers, secrets) = (Servers::default(), Secrets::default());
        for dir in [nowhere.as_path(), world.dir.path()] {
            assert!(Look::open(&world.env, small(), dir).await.unwrap().is_none());
            let asked = Databases::examine(&world.env, small(), &servers, &secrets, dir).await.unwrap();
            assert!(asked.iter().all(|part| part.state == LinkState::Up), "{asked:?}");
            assert!(asked[0].note.as_deref().unwrap().contains("nothing is kept here yet"), "{asked:?}");
        }
        let there = |path: &Path| world.env.fs.metadata(path).unwrap().is_some();
        assert!(!there(&nowhere) && !there(&world.dir.path().join("main.db")));
        // A crash before the first step: a file with nothing in it.
        world.env.fs.write_atomic(&world.dir.path().join("main.db"), &[]).unwrap();
        assert!(Look::open(&world.env, small(), world.dir.path()).await.unwrap().is_none());
        assert!(bytes(&world).is_empty());
    });
}

#[test]
fn a_newer_schema_is_refused_by_a_look_too() {
    let world = World::new();
    block_on(async {
        world.open(small()).await.unwrap().close().await.unwrap();
        let statement = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'later', 1, x'00', 0)";
        let mut conn = raw(&world).await;
        sqlx::query(statement).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let refused = Look::open(&world.env, small(), world.dir.path()).await.unwrap_err();
        assert_eq!(refused.dna().code, "STORE_SCHEMA_NEWER");
    });
}
