//! Whatever breaks and whenever: what was committed is there once, what was not leaves nothing.

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_link::{LinkState, Role};
use aitrading_database_service::Database;
use aitrading_env::sim::SeededRng;
use aitrading_model::{Source, TenantId, Tick};
use aitrading_store::{ImportCommit, ImportKey, JournalMark, SourceCommit, StoreError, conformance::sample};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;

const KEY: ImportKey = ImportKey([3; 32]);

#[test]
fn power_loss_at_any_sync_loses_and_repeats_nothing() {
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(86_400_000 - 12_000, 100));
        let mut reached_the_end = false;
        for syncs in 0..200 {
            let (world, mem) = World::with_mem_files();
            mem.fail_sync_after(syncs);
            let failed = match world.open(small()).await {
                Ok(database) => feed(&database, a, &ticks, 12).await.is_err(),
                Err(_) => true,
            };
            mem.set_fail_sync(false);
            mem.fail_sync_after(u64::MAX);
            mem.crash(&SeededRng::new(syncs));
            let database = world.start(small()).await.unwrap();
            let stood = usize::try_from(database.stores().ticks.mark().await.unwrap().offset).unwrap();
            assert_eq!(everything(&database, a).await.unwrap(), ticks[..stood], "after {syncs} syncs");
            feed(&database, a, &ticks, 12).await.unwrap();
            assert_eq!(everything(&database, a).await.unwrap(), ticks, "after {syncs} syncs and going on");
            database.flush().await.unwrap();
            let counts = database.stores().ticks.counts(TenantId(1)).await.unwrap();
            assert_eq!((counts.stored, counts.files), (100, world.tick_files().len() as u64));
            if !failed && stood == ticks.len() {
                reached_the_end = true;
                break;
            }
        }
        assert!(reached_the_end, "the crash went through every sync of the run");
    });
}

#[test]
fn power_loss_at_any_sync_of_an_import_loses_and_repeats_nothing() {
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(86_400_000 - 12_000, 100));
        let mut reached_the_end = false;
        for syncs in 0..200 {
            let (world, mem) = World::with_mem_files();
            mem.fail_sync_after(syncs);
            let failed = match world.open(small()).await {
                Ok(database) => bring_in(&database, a, &ticks, 12).await.is_err(),
                Err(_) => true,
            };
            mem.set_fail_sync(false);
            mem.fail_sync_after(u64::MAX);
            mem.crash(&SeededRng::new(syncs));
            let database = world.start(small()).await.unwrap();
            let progress = database.stores().ticks.imported(TenantId(1), KEY).await.unwrap();
            let stood = usize::try_from(progress.map_or(0, |progress| progress.ticks)).unwrap();
            assert_eq!(everything(&database, a).await.unwrap(), ticks[..stood], "after {syncs} syncs");
            bring_in(&database, a, &ticks, 12).await.unwrap();
            assert_eq!(everything(&database, a).await.unwrap(), ticks, "after {syncs} syncs and going on");
            database.flush().await.unwrap();
            let counts = database.stores().ticks.counts(TenantId(1)).await.unwrap();
            assert_eq!((counts.stored, counts.files), (100, world.tick_files().len() as u64));
            if !failed && stood == ticks.len() {
                reached_the_end = true;
                break;
            }
        }
        assert!(reached_the_end, "the crash went through every sync of the run");
    });
}

/// The middle of a history comes late, over midnight, in four commits; files are rewritten under it.
#[test]
fn power_loss_at_any_sync_of_late_ticks_loses_and_repeats_nothing() {
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(86_400_000 - 12_000, 100));
        let live = [&ticks[..30], &ticks[70..]].concat();
        let late: Vec<&[Tick]> = ticks[30..70].chunks(10).rev().collect();
        let mut reached_the_end = false;
        for syncs in 0..200 {
            let (world, mem) = World::with_mem_files();
            let database = world.open(small()).await.unwrap();
            feed(&database, a, &live, 12).await.unwrap();
            mem.fail_sync_after(syncs);
            let failed = fill(&database, a, &late).await.is_err();
            drop(database);
            mem.set_fail_sync(false);
            mem.fail_sync_after(u64::MAX);
            mem.crash(&SeededRng::new(syncs));
            let database = world.start(small()).await.unwrap();
            let stood = usize::try_from(database.stores().ticks.mark().await.unwrap().offset).unwrap() - live.len();
            let expected = [&ticks[..30], &ticks[70 - stood * 10..]].concat();
            assert_eq!(everything(&database, a).await.unwrap(), expected, "after {syncs} syncs");
            fill(&database, a, &late).await.unwrap();
            assert_eq!(everything(&database, a).await.unwrap(), ticks, "after {syncs} syncs and going on");
            database.flush().await.unwrap();
            let counts = database.stores().ticks.counts(TenantId(1)).await.unwrap();
            assert_eq!((counts.stored, counts.files), (100, world.tick_files().len() as u64));
            if !failed {
                reached_the_end = true;
                break;
            }
        }
        assert!(reached_the_end, "the crash went through every sync of the run");
    });
}

/// Commits the pieces that are not there yet; the mark counts them behind the live ticks.
async fn fill(database: &Database, source: Source, pieces: &[&[Tick]]) -> Result<(), StoreError> {
    let store = database.stores().ticks;
    let (_, cursor) = store.cursors().await?[0];
    for (at, piece) in (61_u64..).zip(pieces) {
        let mut part = SourceCommit::new(source, 3, cursor);
        (part.late, part.late_seq) = (piece.to_vec(), at);
        match store.commit(sample::commit(at, part)).await {
            Ok(()) | Err(StoreError::AlreadyDone { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Imports what is not imported yet, in parts of `step`.
async fn bring_in(database: &Database, source: Source, ticks: &[Tick], step: usize) -> Result<(), StoreError> {
    let store = database.stores().ticks;
    let progress = store.imported(source.tenant, KEY).await?;
    let (mut part, stood) = progress.map_or((0, 0), |progress| (progress.parts, progress.ticks));
    let rest = &ticks[usize::try_from(stood).unwrap()..];
    for chunk in rest.chunks(step) {
        let (ticks, bars) = (chunk.to_vec(), Vec::new());
        store.import(ImportCommit { key: KEY, part, source, digits: 3, ticks, bars, last: false }).await?;
        part += 1;
    }
    Ok(())
}

#[test]
fn a_crash_between_file_and_transaction_leaves_nothing() {
    let world = World::new();
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 50));
        world.open(small()).await.unwrap().close().await.unwrap();
        let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        // What the first commit with files does before it writes them; the lock below would keep it from that.
        sqlx::query("PRAGMA user_version = 1").execute(&mut other).await.unwrap();
        let database = world.open(small()).await.unwrap();
        let holds = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        // The transaction cannot begin; the file is written by then. Dropping the commit is the crash.
        let stuck = world.env.timeout(Duration::from_millis(500), feed(&database, a, &ticks, 50)).await;
        assert!(stuck.is_err(), "the commit waits for the lock");
        assert_eq!(world.tick_files().len(), 1);
        holds.rollback().await.unwrap();
        drop(database);

        let database = reopened(&world).await;
        assert_eq!(world.tick_files().len(), 0, "the leftover is out of the history");
        assert_eq!(world.files_below("set-aside").len(), 1, "and not removed");
        assert_eq!(database.stores().ticks.mark().await.unwrap(), JournalMark::START);
        feed(&database, a, &ticks, 50).await.unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}

#[test]
fn no_file_is_written_before_the_database_says_that_files_are_coming() {
    let world = World::new();
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 50));
        let database = world.open(small()).await.unwrap();
        let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        let holds = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let stuck = world.env.timeout(Duration::from_millis(500), feed(&database, a, &ticks, 50)).await;
        assert!(stuck.is_err() && world.tick_files().is_empty(), "the database cannot say it");
        holds.rollback().await.unwrap();
        feed(&database, a, &ticks, 50).await.unwrap();
        let said: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut other).await.unwrap();
        assert_eq!((said, world.tick_files().len()), (1, 1));
        database.close().await.unwrap();
    });
}

/// The lock goes with the last clone, which a background thread may still hold for a moment.
async fn reopened(world: &World) -> Database {
    for _ in 0..100 {
        match world.start(small()).await {
            Err(StoreError::InUse { .. }) => world.env.clock.sleep(Duration::from_millis(20)).await,
            other => return other.unwrap(),
        }
    }
    panic!("the directory stays locked");
}

#[test]
fn a_full_disk_refuses_and_later_goes_on() {
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 100));
        let (world, mem) = World::with_mem_files();
        let database = world.open(small()).await.unwrap();
        feed(&database, a, &ticks[..40], 40).await.unwrap();
        mem.set_capacity(Some(1));
        for _ in 0..3 {
            let refused = feed(&database, a, &ticks, 60).await.unwrap_err();
            assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
        }
        assert_eq!(everything(&database, a).await.unwrap(), ticks[..40]);
        assert_eq!(world.tick_files().len(), 1, "attempts leave nothing behind");
        mem.set_capacity(None);
        feed(&database, a, &ticks, 60).await.unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}

#[test]
fn a_damaged_file_is_noticed_and_named() {
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(0, 100));
        let (world, mem) = World::with_mem_files();
        let database = world.open(small()).await.unwrap();
        feed(&database, a, &ticks, 100).await.unwrap();
        mem.corrupt(&world.tick_files()[0], 100, 1).unwrap();
        let refused = everything(&database, a).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Corrupt { what, .. } if what.contains("GBPJPY")), "{refused:?}");
        world.env.fs.remove_file(&world.tick_files()[0]).unwrap();
        let refused = database.stores().ticks.counts(TenantId(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    });
}

/// How health shows the tick store.
fn shown(database: &Database) -> (LinkState, String) {
    let health = database.backend(Role::Ticks);
    (health.state, health.note.unwrap_or_default())
}

/// Three days; the second one's file is damaged.
#[test]
fn a_damaged_file_stops_its_own_day_alone_and_health_names_it() {
    block_on(async {
        let (a, day) = (sample::source(1, "GBPJPY"), 86_400_000);
        let ticks: Vec<Tick> = (0..3).flat_map(|n| sample::ticks(n * day, 40)).collect();
        let (world, mem) = World::with_mem_files();
        let database = world.open(small()).await.unwrap();
        feed(&database, a, &ticks, 20).await.unwrap();
        database.flush().await.unwrap();
        let store = database.stores().ticks;
        let of_day = |n: usize| store.range(a, ticks[40 * n].time, ticks[40 * n + 39].time, 99);
        assert_eq!(shown(&database).0, LinkState::Up);
        let files = world.tick_files();
        let damaged = files.iter().find(|path| path.to_string_lossy().contains("2012-12-04")).unwrap();
        let name = damaged.file_name().unwrap().to_str().unwrap();
        mem.corrupt(damaged, 100, 1).unwrap();

        for n in [0, 2, 1] {
            let found = of_day(n).await;
            assert_eq!(found.is_ok(), n != 1, "{found:?}");
        }
        let (state, note) = shown(&database);
        assert!(state == LinkState::Probing && note.contains(name), "{note}");
        // The day before takes late ticks, and the damaged one does not.
        let late = |n: usize, seq: u64| {
            let mut part = sample::part(a, seq, Vec::new());
            (part.late, part.late_seq) = (vec![Tick { bid: ticks[0].bid, ..ticks[40 * n] }], seq);
            (part.cursor.time, part.cursor.count_at_time) = (ticks[119].time, 1);
            store.commit(sample::commit(seq, part))
        };
        assert!(matches!(late(1, 121).await, Err(StoreError::Corrupt { .. })));
        late(0, 121).await.unwrap();
        assert_eq!(of_day(0).await.unwrap().len(), 40);
        database.flush().await.unwrap();
        assert_eq!(world.tick_files().len(), 3);
        assert!(world.tick_files().contains(damaged), "what is damaged stays as it is");

        mem.corrupt(damaged, 100, 1).unwrap();
        database.probe().await.unwrap();
        let (state, note) = shown(&database);
        assert!(state == LinkState::Up && !note.contains(name), "{note}");
        assert_eq!(of_day(1).await.unwrap().len(), 39);
        mem.corrupt(damaged, 100, 1).unwrap();
        assert!(of_day(1).await.is_err());
        database.close().await.unwrap();
    });
}

#[test]
fn days_with_a_damaged_file_are_not_merged_and_the_others_are() {
    block_on(async {
        let (a, b, ticks) = (sample::source(1, "A"), sample::source(1, "B"), sample::ticks(0, 60));
        let (world, mem) = World::with_mem_files();
        let database = world.open(small()).await.unwrap();
        for (source, at) in [(a, 0), (b, 60)] {
            for (n, part) in (1..).zip(ticks.chunks(20)) {
                let seq = n * 20 - 19;
                let part = sample::part(source, seq, part.to_vec());
                database.stores().ticks.commit(sample::commit(at + n, part)).await.unwrap();
            }
        }
        let files = world.tick_files();
        assert_eq!(files.len(), 6);
        mem.corrupt(&files[1], 100, 1).unwrap();
        database.flush().await.unwrap();
        assert_eq!(world.tick_files().len(), 4, "three of one source as they were, and one of the other");
        let (state, note) = shown(&database);
        assert!(state == LinkState::Probing && note.contains("A/2012-12-03"), "{note}");
        assert_eq!(everything(&database, b).await.unwrap(), ticks);
        mem.corrupt(&files[1], 100, 1).unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
        database.flush().await.unwrap();
        assert_eq!((world.tick_files().len(), shown(&database).0), (2, LinkState::Up));
        database.close().await.unwrap();
    });
}
