//! A tick store that is away when the bridge starts: ticks are taken all the same, and stored once it is back.

use super::{durability::fill, *};
use aitrading_error::Coded;
use aitrading_hub::Status;
use aitrading_model::{Bar, Cursor, DayCheck, Gap, GapRecord, Timeframe};
use aitrading_store::{
    ImportCommit, ImportKey, ImportProgress, JournalMark, StoreError, TickCommit, TickCounts, Visit,
};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

const DIR: &str = "/data/bridge";

/// The way to a store, which may be cut.
pub(super) struct Line {
    pub(super) store: Arc<MemoryTicks>,
    pub(super) cut: Arc<AtomicBool>,
}

impl Line {
    fn store(&self) -> Result<&MemoryTicks, StoreError> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { doing: "asking", source: "cut".into() });
        }
        Ok(&self.store)
    }
}

#[async_trait::async_trait]
impl TickStore for Line {
    async fn commit(&self, commit: TickCommit) -> Result<(), StoreError> {
        self.store()?.commit(commit).await
    }
    async fn import(&self, commit: ImportCommit) -> Result<(), StoreError> {
        self.store()?.import(commit).await
    }
    async fn imported(&self, tenant: TenantId, key: ImportKey) -> Result<Option<ImportProgress>, StoreError> {
        self.store()?.imported(tenant, key).await
    }
    async fn mark(&self) -> Result<JournalMark, StoreError> {
        self.store()?.mark().await
    }
    async fn cursors(&self) -> Result<Vec<(Source, Cursor)>, StoreError> {
        self.store()?.cursors().await
    }
    async fn counts(&self, tenant: TenantId) -> Result<TickCounts, StoreError> {
        self.store()?.counts(tenant).await
    }
    async fn range(&self, of: Source, from: MarketTime, to: MarketTime, limit: usize) -> Result<Vec<Tick>, StoreError> {
        self.store()?.range(of, from, to, limit).await
    }
    async fn scan(&self, of: Source, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
        self.store()?.scan(of, visit).await
    }
    async fn bars(
        &self,
        of: Source,
        timeframe: Timeframe,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Bar>, StoreError> {
        self.store()?.bars(of, timeframe, from, to, limit).await
    }
    async fn latest_bars(&self, of: Source, timeframe: Timeframe, limit: usize) -> Result<Vec<Bar>, StoreError> {
        self.store()?.latest_bars(of, timeframe, limit).await
    }
    async fn gaps(&self, of: Source) -> Result<Vec<GapRecord>, StoreError> {
        self.store()?.gaps(of).await
    }
    async fn open_gaps(&self, of: Source, limit: usize) -> Result<Vec<Gap>, StoreError> {
        self.store()?.open_gaps(of, limit).await
    }
    async fn latest_days(&self, of: Source, limit: usize) -> Result<Vec<DayCheck>, StoreError> {
        self.store()?.latest_days(of, limit).await
    }
}

impl World {
    fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }

    async fn refusal(&self) -> &'static str {
        self.open_with(Seats::new()).await.map_or_else(|error| error.dna().code, |_| "opened")
    }
}

/// A start without the store, after `before` ticks of which some are stored.
async fn check_start_without(world: &World, before: u64) {
    let next = before + 1;
    world.cut(true);
    let bridge = world.open().await;
    let state = bridge.source(&source()).unwrap();
    assert_eq!(
        (state.cursor.seq, state.counters.accepted),
        (before, before),
        "the journal knows where a source stands"
    );
    bridge.ingest().ingest(batch(next..next + 200)).await.unwrap();
    assert_eq!(bridge.flush().await.unwrap_err().dna().code, "STORE_UNAVAILABLE");
    assert!(bridge.parts().iter().any(|part| part.name == "drain" && part.status == Status::Degraded));
    world.cut(false);
    bridge.flush().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..next + 200), "each once, in order");
    bridge.ingest().ingest(batch(next + 200..next + 300)).await.unwrap();
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..next + 300));
    let bars = world.store.latest_bars(source(), Timeframe::M1, usize::MAX).await.unwrap();
    assert!(bars.iter().skip(1).all(|bar| bar.ticks == 240), "every bar whole: {bars:?}");
    let bridge = world.open().await;
    assert_eq!(bridge.source(&source()).unwrap().cursor.seq, next + 299);
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_store_takes_ticks_and_stores_them_when_it_is_back() {
    let world = World::new();
    let bridge = world.open().await;
    bridge.ingest().ingest(batch(1..101)).await.unwrap();
    bridge.flush().await.unwrap();
    // Some wait in the journal already when the bridge ends.
    world.cut(true);
    bridge.ingest().ingest(batch(101..151)).await.unwrap();
    assert!(bridge.shutdown().await.is_err(), "what is not stored is told");
    check_start_without(&world, 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_store_begins_at_the_checkpoint() {
    let world = World::new();
    let next = fill(&world).await;
    check_start_without(&world, next - 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_others_wrote_to_has_to_be_seen_first() {
    let world = World::new();
    world.cut(true);
    assert_eq!(world.refusal().await, "STORE_UNAVAILABLE", "the first start");
    world.cut(false);
    world.open().await.shutdown().await.unwrap();
    world.cut(true);
    world.open().await.shutdown().await.unwrap();
    forget_store(&world.env, Path::new(DIR)).unwrap();
    forget_store(&world.env, Path::new(DIR)).unwrap();
    assert_eq!(world.refusal().await, "STORE_UNAVAILABLE", "after an import");
    world.cut(false);
    world.open().await.shutdown().await.unwrap();
    world.cut(true);
    world.open().await.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_comes_back_as_another_one_is_given_nothing() {
    let mut world = World::new();
    let next = fill(&world).await;
    world.store = Arc::default();
    world.cut(true);
    let bridge = world.open().await;
    bridge.ingest().ingest(batch(next..next + 10)).await.unwrap();
    world.cut(false);
    assert_eq!(bridge.flush().await.unwrap_err().dna().code, "BRIDGE_DIVERGED");
    assert_eq!(bridge.shutdown().await.unwrap_err().dna().code, "BRIDGE_DIVERGED");
    assert_eq!(world.stored().await, []);
}
