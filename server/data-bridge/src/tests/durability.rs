//! Acknowledged means durable; stored means once; every start goes on where the last one ended.

use super::*;
use aitrading_env::sim::SeededRng;
use aitrading_error::Coded;
use aitrading_model::Timeframe;
use aitrading_store::{ImportCommit, ImportKey};
use aitrading_wire::services::IngestReceipt;
use std::path::Path;

const CHECKPOINT: &str = "/data/bridge/checkpoint";

#[tokio::test(flavor = "multi_thread")]
async fn ticks_reach_engine_and_store_once_and_survive_a_restart() {
    let world = World::new();
    let bridge = world.open().await;
    let ingest = bridge.ingest();
    let receipt = ingest.ingest(batch(1..257)).await.unwrap();
    assert_eq!(receipt, IngestReceipt { accepted: 256, rejected: 0, duplicates: 0 });
    let again = ingest.ingest(batch(200..300)).await.unwrap();
    assert_eq!(again, IngestReceipt { accepted: 43, rejected: 0, duplicates: 57 });
    let known = ingest.ingest(batch(1..11)).await.unwrap();
    assert_eq!(known, IngestReceipt { accepted: 0, rejected: 0, duplicates: 10 });
    assert_eq!(ingest.ingest(batch(301..310)).await.unwrap_err().dna.code, "BRIDGE_OUT_OF_STEP");
    assert_eq!(bridge.latest(&source()), Some(tick(299)));
    let quoted = bridge.quoted_at(&source(), tick(298).time).unwrap();
    assert_eq!((quoted.since, quoted.bid), (tick(298).time, tick(298).bid), "the price of a moment is known");
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..300));
    let fed: Vec<Tick> = world.notes.fed.lock().unwrap().iter().flat_map(|fed| fed.ticks.to_vec()).collect();
    assert_eq!(fed, numbered(1..300), "the engine gets what is durable, in order, once");

    let bridge = world.open().await;
    let state = bridge.source(&source()).unwrap();
    assert_eq!((state.cursor.seq, state.counters.accepted, state.counters.duplicates), (299, 299, 67));
    bridge.ingest().ingest(batch(290..400)).await.unwrap();
    bridge.flush().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..400));
    bridge.shutdown().await.unwrap();
    let counts = world.store.counts(SEAT.tenant).await.unwrap();
    assert_eq!((counts.stored, counts.duplicates), (399, 77));
    let bars = world.store.latest_bars(source(), Timeframe::M1, 10).await.unwrap();
    assert_eq!(bars.len(), 1, "the bar that was open over the restart closed once");
    assert_eq!(bars[0].ticks, 239);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_ticks_are_counted_by_code_and_the_counts_survive() {
    let world = World::new();
    let bridge = world.open().await;
    let mut bad = batch(1..7);
    bad.ticks[1].ask = Price::from_raw(1);
    bad.ticks[2].bid = Price::ZERO;
    bad.ticks[4].time = MarketTime(MONDAY);
    let receipt = bridge.ingest().ingest(bad).await.unwrap();
    assert_eq!((receipt.accepted, receipt.rejected), (3, 3));
    bridge.shutdown().await.unwrap();
    let bridge = world.open().await;
    assert_eq!(bridge.source(&source()).unwrap().counters.rejected_total(), 3);
    bridge.shutdown().await.unwrap();
    let counts = world.store.counts(SEAT.tenant).await.unwrap();
    let found = counts.rejected.iter().map(|(code, n)| (code.code().to_owned(), *n)).collect::<BTreeMap<_, _>>();
    assert_eq!(found, by_code(&[("CROSSED", 1), ("BAD_PRICE", 1), ("TIME_BACKWARDS", 1)]));
    assert_eq!(counts.stored, 3);
}

/// Life after life over one directory, each ended by power loss; the client goes on at the cursor that it is told.
async fn check_power_loss(seed: u64) {
    let world = World::new();
    let (mut acknowledged, mut sent) = (0, 0);
    for life in 0..6 {
        world.fs.fail_sync_after(u64::MAX);
        world.fs.set_fail_sync(false);
        let bridge = world.open().await;
        let cursor = bridge.source(&source()).map_or(0, |state| state.cursor.seq);
        assert!((acknowledged..=sent).contains(&cursor), "cursor {cursor}, acknowledged {acknowledged}, sent {sent}");
        world.fs.fail_sync_after((seed * 7 + life * 13) % 17);
        let mut next = cursor + 1;
        for step in 0..12 {
            let len = (seed + life * 5 + step * 11) % 200 + 1;
            match bridge.ingest().ingest(batch(next..next + len)).await {
                Ok(_) => acknowledged = next + len - 1,
                Err(error) => assert!(["JOURNAL_HALTED", "BRIDGE_OUT_OF_STEP"].contains(&error.dna.code)),
            }
            sent = sent.max(next + len - 1);
            if acknowledged + 1 < next + len {
                break;
            }
            next += len;
        }
        drop(bridge.shutdown().await);
        world.fs.crash(&SeededRng::new(seed + life));
    }
    world.fs.fail_sync_after(u64::MAX);
    world.fs.set_fail_sync(false);
    let bridge = world.open().await;
    bridge.flush().await.unwrap();
    let stored = world.stored().await;
    assert!((acknowledged..=sent).contains(&(stored.len() as u64)));
    assert_eq!(stored, numbered(1..stored.len() as u64 + 1), "order and content, none twice");
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn power_loss_loses_nothing_acknowledged_and_repeats_nothing() {
    for seed in 1..12 {
        check_power_loss(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_ticks_and_leaves_no_hole() {
    let world = World::new();
    let bridge = world.open().await;
    let ingest = bridge.ingest();
    ingest.ingest(batch(1..101)).await.unwrap();
    // The preallocated segment takes some more; then there is no room for the next one.
    world.fs.set_capacity(Some(300 << 10));
    let mut next = 101;
    let refused = loop {
        match ingest.ingest(batch(next..next + 250)).await {
            Ok(_) => next += 250,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.dna.code, "JOURNAL_FULL");
    assert!(bridge.parts().iter().any(|part| part.name == "journal" && part.status == aitrading_hub::Status::Down));
    world.fs.set_capacity(None);
    ingest.ingest(batch(next..next + 250)).await.unwrap();
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..next + 250));
}

/// Enough ticks for several segments.
pub(super) async fn fill(world: &World) -> u64 {
    let bridge = world.open().await;
    let mut next = 1;
    for _ in 0..800 {
        bridge.ingest().ingest(batch(next..next + 250)).await.unwrap();
        next += 250;
    }
    bridge.shutdown().await.unwrap();
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn old_segments_go_and_nothing_is_forgotten() {
    let world = World::new();
    let next = fill(&world).await;
    use aitrading_env::Fs;
    let segments = world.fs.list(Path::new("/data/bridge/journal")).unwrap();
    assert!(!segments.iter().any(|entry| entry.name.starts_with("00000000000000000001")), "{segments:?}");
    let bridge = world.open().await;
    let state = bridge.source(&source()).unwrap();
    assert_eq!((state.cursor.seq, state.counters.accepted), (next - 1, next - 1));
    assert_eq!(state.latest, Some(tick(next - 1)));
    bridge.ingest().ingest(batch(next..next + 10)).await.unwrap();
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await.len() as u64, next + 9);
    let bars = world.store.latest_bars(source(), Timeframe::M1, usize::MAX).await.unwrap();
    assert!(bars.iter().skip(1).all(|bar| bar.ticks == 240), "every bar whole, whatever was removed in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn journal_checkpoint_and_store_must_belong_together() {
    let mut world = World::new();
    fill(&world).await;
    world.fs.corrupt(Path::new(CHECKPOINT), 40, 1).unwrap();
    let broken = world.open_with(Seats::new()).await.unwrap_err();
    assert_eq!(broken.dna().code, "BRIDGE_CHECKPOINT");
    world.fs.corrupt(Path::new(CHECKPOINT), 40, 1).unwrap();
    let kept = std::mem::take(&mut world.store);
    let behind = world.open_with(Seats::new()).await.unwrap_err();
    assert_eq!(behind.dna().code, "BRIDGE_DIVERGED", "the store is empty, the journal does not reach back");
    world.store = kept;
    use aitrading_env::Fs;
    world.fs.remove_file(Path::new(CHECKPOINT)).unwrap();
    let lost = world.open_with(Seats::new()).await.unwrap_err();
    assert_eq!(lost.dna().code, "BRIDGE_CHECKPOINT");
}

#[test]
fn settings_are_strict() {
    let resolve = |raw: &RawSettings| Settings::resolve(raw, PathBuf::from("/data"));
    assert!(resolve(&RawSettings::default()).is_ok());
    let wrong = [
        RawSettings { segment_kib: 1, ..RawSettings::default() },
        RawSettings { feed_queue: 0, ..RawSettings::default() },
    ];
    for raw in wrong {
        assert_eq!(resolve(&raw).unwrap_err().dna().code, "BRIDGE_SETTINGS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_goes_on_behind_what_was_imported_for_it() {
    let world = World::new();
    let bridge = world.open().await;
    bridge.ingest().ingest(batch(1..11)).await.unwrap();
    bridge.shutdown().await.unwrap();
    let (key, ticks) = (ImportKey([1; 32]), numbered(11..21));
    let import = ImportCommit { key, part: 0, source: source(), digits: 3, ticks, bars: Vec::new(), last: true };
    world.store.import(import).await.unwrap();
    for _ in 0..2 {
        let bridge = world.open().await;
        let cursor = bridge.source(&source()).unwrap().cursor;
        assert_eq!((cursor.seq, cursor.time, cursor.count_at_time), (10, tick(20).time, 1));
        bridge.shutdown().await.unwrap();
    }
    let bridge = world.open().await;
    let early = bridge.ingest().ingest(batch(11..16)).await.unwrap();
    assert_eq!((early.accepted, early.rejected), (0, 5), "nothing comes between imported ticks");
    let mut later = batch(16..18);
    later.ticks = numbered(30..32);
    assert_eq!(bridge.ingest().ingest(later).await.unwrap().accepted, 2);
    let mut next_minute = batch(18..19);
    next_minute.ticks = numbered(400..401);
    bridge.ingest().ingest(next_minute).await.unwrap();
    bridge.shutdown().await.unwrap();
    let expected = [numbered(1..21), numbered(30..32), numbered(400..401)].concat();
    assert_eq!(world.stored().await, expected);
    let bars = world.store.latest_bars(source(), Timeframe::M1, 10).await.unwrap();
    assert_eq!(bars.iter().map(|bar| bar.ticks).collect::<Vec<_>>(), [22], "streamed, imported and streamed again");
}
