//! Opening, reopening, and directories that cannot be opened.

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_link::Secrets;
use aitrading_database_service::{Database, Databases, SchemaState, Servers, Settings};
use aitrading_error::Coded;
use aitrading_hub::Status;
use aitrading_model::{AccountId, MarketTime, ReportState, SymbolSpec, TenantId, Tick};
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

/// A specification as it was written before symbols had sessions.
const SPEC_OF_BEFORE: &str = r#"{"symbol":"USDJPY","digits":3,"contract_size":"100000","tick_size":"0.001",
    "tick_value":"0.618839","tick_value_loss":"0.618839","volume_min":"0.01","volume_max":"80","volume_step":"0.01",
    "volume_limit":"0","stops_level":0,"freeze_level":0,"trade_mode":"full","execution":"market","filling":2,"order_mode":127,
    "calc_mode":"forex","currency_base":"USD","currency_profit":"JPY","currency_margin":"USD",
    "margin_conversion":"1","profit_conversion":"0.00618839"}"#;

/// The specification that a database reads whose row says `body`.
async fn spec_of(body: &str) -> Result<SymbolSpec, StoreError> {
    let world = World::new();
    world.open(Settings::default()).await?.close().await?;
    let statement = "INSERT INTO symbol_specs (tenant, account, symbol, at, body) VALUES (1, 7, 'USDJPY', 5, ?)";
    let mut conn = raw(&world).await;
    sqlx::query(statement).bind(body.to_owned()).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let database = world.open(Settings::default()).await?;
    Ok(database.stores().accounts.specs(TenantId(1), AccountId(7)).await?[0])
}

#[test]
fn a_specification_of_before_sessions_says_that_they_are_unknown() {
    let spec = block_on(spec_of(SPEC_OF_BEFORE)).unwrap();
    assert_eq!((spec.symbol.as_str(), spec.sessions), ("USDJPY", None));
}

#[test]
fn a_broken_table_of_sessions_is_told_and_not_believed() {
    let body = |ahead: i32, monday: &str| {
        let before = SPEC_OF_BEFORE.trim_end_matches('}');
        format!(r#"{before},"sessions":{{"server_ahead_s":{ahead},"days":[[],{monday},[],[],[],[],[]]}}}}"#)
    };
    let sound = block_on(spec_of(&body(7_200, "[[0,86400]]"))).unwrap().sessions.unwrap();
    assert!(sound.is_open(MarketTime(1_354_492_800_000)), "a Monday");
    for broken in [body(7_201, "[[0,86400]]"), body(7_200, "[[5,5]]"), body(7_200, "[0]")] {
        let read = block_on(spec_of(&broken));
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
    }
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
fn denials_of_the_first_schema_stay_readable() {
    let world = World::new();
    block_on(async {
        let file = world.dir.path().join("main.db");
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut old = SqliteConnection::connect_with(&options).await.unwrap();
        let mut first = sqlx::migrate!("migrations/sqlite");
        first.migrations.to_mut().truncate(1);
        first.run(&mut old).await.unwrap();
        let statement = "INSERT INTO denials (tenant, account, strategy, symbol, trace, code, at)
             VALUES (1, 7, 1, 'GBPJPY', zeroblob(16), 'STALE_PRICE', 4)";
        sqlx::query(statement).execute(&mut old).await.unwrap();
        old.close().await.unwrap();
        let database = world.open(small()).await.unwrap();
        let stored = database.stores().signals.denials(TenantId(1), 0, 9).await.unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!((stored[0].row.code.as_str(), &stored[0].row.verdict), ("STALE_PRICE", &None));
    });
}

#[test]
fn a_newer_schema_is_refused() {
    let world = World::new();
    block_on(async {
        let newest = Database::migrate(&world.env, world.dir.path()).await.unwrap().known();
        let statement = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'later', 1, x'00', 0)";
        sqlx::query(statement).execute(&mut raw(&world).await).await.unwrap();
        let refused = world.open(Settings::default()).await.unwrap_err();
        let told = matches!(refused, StoreError::SchemaNewer { found: 999, known, .. } if known == newest);
        assert!(told, "{refused:?}");
    });
}

#[test]
fn the_steps_of_the_schema_are_shown_before_while_and_after_they_are_taken() {
    let world = World::new();
    let dir = world.dir.path().join("data");
    block_on(async {
        let empty = Database::schema_status(&world.env, &dir).await.unwrap();
        assert!(empty.pending() > 1 && empty.applied() == 0, "{empty:?}");
        assert!(world.env.fs.metadata(&dir).unwrap().is_none(), "looking makes nothing");
        let taken = Database::migrate(&world.env, &dir).await.unwrap();
        assert_eq!((taken.backend, taken.pending(), taken.applied()), ("sqlite", 0, empty.known()));
        assert!(taken.steps.iter().all(|step| step.state == SchemaState::Applied), "{taken:?}");
        assert!(taken.steps.iter().all(|step| step.applied_at.is_some_and(|at| at.0 > 0)), "{taken:?}");
        let database = Database::open(&world.env, Settings::default(), &dir).await.unwrap();
        assert_eq!(Database::schema_status(&world.env, &dir).await.unwrap(), taken, "while it is in use");
        assert_eq!(Database::migrate(&world.env, &dir).await.unwrap_err().dna().code, "STORE_IN_USE");
        database.close().await.unwrap();
    });
}

#[test]
fn a_step_that_was_begun_and_not_finished_is_named() {
    let world = World::new();
    block_on(async {
        world.open(Settings::default()).await.unwrap().close().await.unwrap();
        let statement = "UPDATE _sqlx_migrations SET success = 0 WHERE version = 2";
        sqlx::query(statement).execute(&mut raw(&world).await).await.unwrap();
        let refused = world.open(Settings::default()).await.unwrap_err();
        let named = matches!(&refused, StoreError::SchemaBroken { what, .. } if what.contains("step 2"));
        assert!(named, "{refused:?}");
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

/// A history of `days` days, closed; its ticks.
async fn history(world: &World, days: i64) -> Vec<Tick> {
    let ticks: Vec<Tick> = (0..days).flat_map(|day| sample::ticks(day * 86_400_000, 30)).collect();
    let database = world.open(small()).await.unwrap();
    feed(&database, sample::source(1, "GBPJPY"), &ticks, 30).await.unwrap();
    database.close().await.unwrap();
    ticks
}

/// `spoil` is what happens to `main.db`: whoever opens it then is told, and no file is touched.
async fn check_lost(spoil: impl AsyncFn(&World)) {
    let world = World::new();
    let (fs, main) = (&world.env.fs, world.dir.path().join("main.db"));
    let ticks = history(&world, 6).await;
    let (files, kept) = (world.tick_files(), fs.read(&main, 1 << 30).unwrap());
    assert_eq!(files.len(), 6);
    fs.remove_file(&main).unwrap();
    spoil(&world).await;
    for _ in 0..2 {
        let refused = world.open(small()).await.unwrap_err();
        assert!(matches!(refused, StoreError::CatalogueLost { files: 6, .. }), "{refused:?}");
        let (servers, secrets) = (Servers::default(), Secrets::default());
        let health = Databases::examine(&world.env, small(), &servers, &secrets, world.dir.path()).await;
        assert_eq!(health.unwrap_err().dna().code, "STORE_CATALOGUE_LOST");
        assert_eq!(world.tick_files(), files);
    }
    fs.write_atomic(&main, &kept).unwrap();
    let database = world.start(small()).await.unwrap();
    assert_eq!(everything(&database, sample::source(1, "GBPJPY")).await.unwrap(), ticks);
    assert_eq!(world.tick_files(), files);
}

#[test]
fn a_history_without_its_catalogue_is_refused_and_left_as_it_is() {
    block_on(async {
        check_lost(async |world: &World| {
            let made = Database::migrate(&world.env, world.dir.path()).await.unwrap_err();
            assert_eq!(made.dna().code, "STORE_CATALOGUE_LOST");
            assert!(world.env.fs.metadata(&world.dir.path().join("main.db")).unwrap().is_none(), "nothing is made");
        })
        .await;
        check_lost(async |world: &World| {
            world.env.fs.write_atomic(&world.dir.path().join("main.db"), &[]).unwrap();
        })
        .await;
        // The catalogue of another directory, which never had a tick.
        check_lost(async |world: &World| {
            let other = World::new();
            other.open(small()).await.unwrap().close().await.unwrap();
            let empty = other.env.fs.read(&other.dir.path().join("main.db"), 1 << 30).unwrap();
            world.env.fs.write_atomic(&world.dir.path().join("main.db"), &empty).unwrap();
        })
        .await;
    });
}

#[test]
fn files_that_an_older_catalogue_does_not_list_are_set_aside_by_the_server_alone() {
    let world = World::new();
    block_on(async {
        let (fs, main, source) = (&world.env.fs, world.dir.path().join("main.db"), sample::source(1, "GBPJPY"));
        let old = history(&world, 2).await;
        let kept = fs.read(&main, 1 << 30).unwrap();
        history(&world, 4).await;
        let files = world.tick_files();
        assert_eq!(files.len(), 4);
        let newest = fs.read(&files[3], 1 << 20).unwrap();
        fs.write_atomic(&main, &kept).unwrap();

        let looks = world.open(small()).await.unwrap();
        assert_eq!(everything(&looks, source).await.unwrap(), old);
        looks.close().await.unwrap();
        assert_eq!(world.tick_files(), files, "who only looks moves nothing");
        let (servers, secrets) = (Servers::default(), Secrets::default());
        Databases::examine(&world.env, small(), &servers, &secrets, world.dir.path()).await.unwrap();
        assert_eq!(world.tick_files(), files);

        let database = world.open(small()).await.unwrap();
        assert_eq!(database.set_leftovers_aside().await.unwrap(), 2);
        assert_eq!(everything(&database, source).await.unwrap(), old);
        assert_eq!(world.tick_files(), files[..2]);
        let aside = world.files_below("set-aside");
        assert_eq!(aside.len(), 2);
        assert!(aside[1].ends_with(files[3].strip_prefix(world.dir.path().join("ticks")).unwrap()), "{aside:?}");
        assert_eq!(fs.read(&aside[1], 1 << 20).unwrap(), newest, "whole, and in a folder of the same name");
        assert_eq!(database.set_leftovers_aside().await.unwrap(), 0);
    });
}

#[test]
fn health_shows_sqlite_and_the_files() {
    let world = World::new();
    block_on(async {
        let databases = world.open_all(small(), &Servers::default()).await.unwrap();
        feed(databases.embedded(), sample::source(1, "A"), &sample::ticks(0, 40), 40).await.unwrap();
        databases.probe().await.unwrap();
        let parts = databases.parts();
        assert!(parts.iter().all(|part| part.status == Status::Up), "{parts:?}");
        assert!(parts[0].detail.starts_with("sqlite 3."), "backend and version: {parts:?}");
        assert!(parts[1].detail.starts_with("parquet, 1 files, "), "{parts:?}");
        databases.close().await.unwrap();
        assert!(databases.probe().await.is_err());
        assert_eq!(databases.parts()[0].status, Status::Down);
    });
}
