//! Files: how many there are, how small they are, and that readers and writers do not disturb each other.
#![expect(clippy::disallowed_methods, reason = "the environment names the shared data")]

use crate::world::{World, block_on, everything, feed, small};
use aitrading_database_service::Settings;
use aitrading_model::{MarketTime, Price, TenantId, Tick, TickFlags, Volume};
use aitrading_store::conformance::sample;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const DAY_FILE: &str = "ticks/gbpjpy-ticks-2012-12-03.csv";

#[test]
fn days_that_are_over_are_merged() {
    let world = World::new();
    block_on(async {
        let a = sample::source(1, "GBPJPY");
        let mut ticks = sample::ticks(86_400_000 - 22_500, 90);
        ticks.extend(sample::ticks(86_400_000, 90));
        let database = world.open(small()).await.unwrap();
        feed(&database, a, &ticks, 6).await.unwrap();
        let names: Vec<_> = world.tick_files().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        let of = |day: &str| names.iter().filter(|name| name.to_str().unwrap().starts_with(day)).count();
        assert_eq!(of("2012-12-03"), 1, "{names:?}");
        assert!((2..=4).contains(&of("2012-12-04")), "{names:?}");
        database.flush().await.unwrap();
        assert_eq!(world.tick_files().len(), 2);
        let counts = database.stores().ticks.counts(TenantId(1)).await.unwrap();
        assert_eq!((counts.stored, counts.files), (180, 2));
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}

#[test]
fn readers_see_a_beginning_of_the_history_while_it_is_written_and_merged() {
    let world = World::new();
    block_on(async {
        let (a, ticks) = (sample::source(1, "GBPJPY"), sample::ticks(86_400_000 - 60_000, 600));
        let database = world.open(small()).await.unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let (reader, ended, expected) = (database.clone(), Arc::clone(&done), ticks.clone());
        let (tell, told) = tokio::sync::oneshot::channel();
        let read = async move {
            let mut seen = 0;
            while !ended.load(Ordering::Relaxed) {
                let found = everything(&reader, a).await.unwrap();
                assert!(found.len() >= seen, "history does not shrink");
                assert_eq!(found, expected[..found.len()]);
                seen = found.len();
                let from = expected[100].time;
                let found = reader.stores().ticks.range(a, from, MarketTime(i64::MAX), 50).await.unwrap();
                assert_eq!(found, expected[100..100 + found.len()]);
                assert!(reader.stores().ticks.counts(TenantId(1)).await.unwrap().stored >= seen as u64);
            }
            tell.send(()).unwrap();
        };
        let task = world.env.spawn.task("reader", Box::pin(read));
        feed(&database, a, &ticks, 5).await.unwrap();
        done.store(true, Ordering::Relaxed);
        told.await.expect("the reader saw only beginnings");
        task.join().await.unwrap();
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
        database.flush().await.unwrap();
        assert_eq!(world.tick_files().len(), 7, "240 and 360 ticks in files of at most 100");
    });
}

/// The shared data: named by the environment, or beside the repository.
fn shared(file: &str) -> Option<PathBuf> {
    let named = std::env::var_os("AITRADING_SHARED_DATA").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/data"));
    named.into_iter().chain(beside()).map(|dir| dir.join(file)).find(|path| path.exists())
}

/// `time_msc,bid,ask,...` with the flags that a terminal would set.
fn parse(text: &str) -> Vec<Tick> {
    let mut before: Option<Tick> = None;
    let tick = |line: &str| {
        let mut fields = line.split(',');
        let time = MarketTime(fields.next().unwrap().parse().unwrap());
        let (bid, ask): (Price, Price) =
            (fields.next().unwrap().parse().unwrap(), fields.next().unwrap().parse().unwrap());
        let bit = |changed: bool, flag: TickFlags| if changed { flag } else { TickFlags::default() };
        let flags = bit(before.is_none_or(|b| b.bid != bid), TickFlags::BID)
            .with(bit(before.is_none_or(|b| b.ask != ask), TickFlags::ASK));
        let tick = Tick { time, bid, ask, last: Price::ZERO, volume: Volume::ZERO, flags };
        before = Some(tick);
        tick
    };
    text.lines().skip(1).map(tick).collect()
}

#[test]
fn a_real_day_takes_less_than_four_bytes_a_quote() {
    let Some(path) = shared(DAY_FILE) else {
        println!("skipped: {DAY_FILE} is not there; AITRADING_SHARED_DATA names the folder that holds it");
        return;
    };
    let world = World::new();
    let ticks = parse(&String::from_utf8(world.env.fs.read(&path, 16 << 20).unwrap()).unwrap());
    block_on(async {
        let a = sample::source(1, "GBPJPY");
        let database = world.open(Settings::default()).await.unwrap();
        feed(&database, a, &ticks, 997).await.unwrap();
        let store = database.stores().ticks;
        let live = store.counts(TenantId(1)).await.unwrap();
        database.flush().await.unwrap();
        let counts = store.counts(TenantId(1)).await.unwrap();
        let per_quote = |bytes: u64| bytes as f64 / ticks.len() as f64;
        println!(
            "{} quotes, {:.3} bytes each while the day runs ({} files), {:.3} after",
            ticks.len(),
            per_quote(live.bytes),
            live.files,
            per_quote(counts.bytes)
        );
        assert_eq!((counts.stored, counts.files), (ticks.len() as u64, 1));
        assert!(per_quote(counts.bytes) <= 3.2, "{} bytes", counts.bytes);
        assert_eq!(everything(&database, a).await.unwrap(), ticks);
    });
}
