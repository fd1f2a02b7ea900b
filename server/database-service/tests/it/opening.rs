//! Opening, reopening, and directories that cannot be opened.

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_service::Settings;
use aitrading_error::Coded;
use aitrading_hub::Status;
use aitrading_model::{ReportState, TenantId};
use aitrading_store::{SignalChange, StoreError, conformance::sample};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

async fn raw(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[test]
fn everything_is_there_after_reopening() {
    let world = World::new();
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 333));
        let database = world.open(small()).await.unwrap();
        feed(&database, a, &ticks[..250], 7).await.unwrap();
        let changes =
            vec![sample::issued(1, 1), SignalChange::Reported(sample::report(1, 1, 1, ReportState::Executed, &[5]))];
        database.stores().signals.apply(sample::mark(9), changes).await.unwrap();
        database.stores().meta.put("deployment", b"x").await.unwrap();
        database.close().await.unwrap();
        drop(database);

        let database = world.open(small()).await.unwrap();
        let stores = database.stores();
        feed(&database, a, &ticks, 7).await.unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
        assert_eq!(stores.ticks.counts(TenantId(1)).await.unwrap().stored, 333);
        assert_eq!(stores.signals.mark().await.unwrap(), sample::mark(9));
        assert_eq!(stores.signals.counts(TenantId(1)).await.unwrap().executed, 1);
        assert_eq!(stores.meta.get("deployment").await.unwrap(), Some(b"x".to_vec()));
    });
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let world = World::new();
    block_on(async {
        let first = world.open(Settings::default()).await.unwrap();
        let second = world.open(Settings::default()).await.unwrap_err();
        assert!(matches!(second, StoreError::InUse { .. }), "{second:?}");
        first.close().await.unwrap();
        drop(first);
        world.open(Settings::default()).await.unwrap();
    });
}

#[test]
fn a_newer_schema_is_refused() {
    let world = World::new();
    block_on(async {
        world.open(Settings::default()).await.unwrap().close().await.unwrap();
        let statement = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'later', 1, x'00', 0)";
        sqlx::query(statement).execute(&mut raw(&world).await).await.unwrap();
        let refused = world.open(Settings::default()).await.unwrap_err();
        assert!(matches!(refused, StoreError::SchemaNewer { found: 999, known: 1 }), "{refused:?}");
    });
}

#[test]
fn a_file_that_is_no_database_is_named_as_damaged() {
    let world = World::new();
    block_on(async {
        world.env.fs.write_atomic(&world.dir.path().join("main.db"), &[7; 8192]).unwrap();
        let refused = world.open(Settings::default()).await.unwrap_err();
        assert_eq!(refused.dna().code, "STORE_CORRUPT", "{refused:?}");
    });
}

#[test]
fn health_shows_sqlite_and_the_files() {
    let world = World::new();
    block_on(async {
        let database = world.open(small()).await.unwrap();
        feed(&database, sample::source(1, "A"), &sample::ticks(0, 40), 40).await.unwrap();
        database.probe().await.unwrap();
        let parts = database.parts();
        assert!(parts.iter().all(|part| part.status == Status::Up), "{parts:?}");
        assert!(parts[1].detail.starts_with("1 files, "), "{parts:?}");
        database.close().await.unwrap();
        assert!(database.probe().await.is_err());
        assert_eq!(database.parts()[0].status, Status::Down);
    });
}
