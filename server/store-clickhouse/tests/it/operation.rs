//! What an operator relies on: versions, retention, health, upkeep.

use crate::world::{History, World, open_with};
use aitrading_database_link::LinkState;
use aitrading_model::{Bar, MarketTime, Price, TenantId, Timeframe};
use aitrading_store::{StoreError, TickStore, conformance::sample};
use aitrading_store_clickhouse::ClickHouseSettings;
use aitrading_testkit::servers::Door;
use std::num::NonZeroU32;

#[test]
fn tables_of_a_newer_release_are_left_alone() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        world.store().prepare().await.unwrap();
        world.store().prepare().await.unwrap();
        let client = world.client();
        let versions = || client.query("SELECT count() AS n FROM schema_versions").fetch_one::<u64>();
        assert_eq!(versions().await.unwrap(), 3, "each step made once");
        client.query("INSERT INTO schema_versions (version) SELECT 99").execute().await.unwrap();
        let refused = world.store().mark().await.unwrap_err();
        assert!(matches!(refused, StoreError::SchemaNewer { found: 99, .. }), "{refused}");
    });
}

#[test]
fn a_half_made_schema_is_finished() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        world.store().prepare().await.unwrap();
        let client = world.client();
        for sql in ["DROP TABLE writers", "DROP TABLE marks", "TRUNCATE TABLE schema_versions"] {
            client.query(sql).execute().await.unwrap();
        }
        let mut history = History::new();
        let store = world.store();
        history.grow(&store, 5).await;
        history.check(&store, "finished").await;
    });
}

#[test]
fn ticks_and_bars_are_forgotten_after_their_configured_days_only() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let client = world.client();
        let ttl_of = async |table: &str| {
            let sql = "SELECT engine_full AS text FROM system.tables WHERE database = 'aitrading' AND name = ?";
            let text = client.query(sql).bind(table).fetch_one::<String>().await.unwrap();
            text.split_once(" TTL ").map(|(_, rest)| rest.to_owned())
        };
        let ttl = || ttl_of("ticks");
        let with_both = |days, bars| {
            let (retention_days, bars_retention_days) = (NonZeroU32::new(days), NonZeroU32::new(bars));
            let settings = ClickHouseSettings { retention_days, bars_retention_days };
            open_with(&world.settings(world.server.address()), settings).unwrap()
        };
        let with = |days| with_both(days, 0);
        let mut history = History::new();
        let store = world.store();
        history.grow(&store, 5).await;
        let price = sample::tick(0, 0).bid;
        let minute = Bar {
            timeframe: Timeframe::M1,
            start: sample::MONDAY,
            open: price,
            high: price,
            low: price,
            close: price,
            ticks: 1,
            spread_min: Price::ZERO,
        };
        let mut commit = history.next(5);
        commit.sources[0].bars = vec![minute];
        store.commit(commit.clone()).await.unwrap();
        history.add(commit);
        let bars = || store.bars(history.source, minute.timeframe, MarketTime(0), MarketTime(i64::MAX), 9);
        assert_eq!(bars().await.unwrap(), [minute]);
        assert_eq!(ttl().await, None);
        with(36_500).prepare().await.unwrap();
        assert!(ttl().await.is_some_and(|text| text.contains("36500")));
        history.check(&store, "a hundred years").await;
        with(0).prepare().await.unwrap();
        assert_eq!(ttl().await, None);
        // The sample's ticks are of 2012.
        with(30).prepare().await.unwrap();
        client.query("OPTIMIZE TABLE ticks FINAL").execute().await.unwrap();
        assert_eq!(store.counts(TenantId(1)).await.unwrap().stored, 0);
        client.query("OPTIMIZE TABLE bars FINAL").execute().await.unwrap();
        assert_eq!(bars().await.unwrap(), [minute], "a bar outlives its ticks");
        assert_eq!(ttl_of("bars").await, None);
        with_both(30, 36_500).prepare().await.unwrap();
        client.query("OPTIMIZE TABLE bars FINAL").execute().await.unwrap();
        assert_eq!(bars().await.unwrap(), [minute], "for a hundred years");
        with_both(30, 60).prepare().await.unwrap();
        assert!(ttl_of("bars").await.is_some_and(|text| text.contains("60")));
        client.query("OPTIMIZE TABLE bars FINAL").execute().await.unwrap();
        assert_eq!(bars().await.unwrap(), []);
        with_both(30, 0).prepare().await.unwrap();
        assert_eq!(ttl_of("bars").await, None);
    });
}

#[test]
fn health_says_version_and_latency() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let store = world.store();
        assert_eq!(store.health().state, LinkState::Unknown);
        let health = store.probe().await;
        assert_eq!(health.state, LinkState::Up);
        assert!(health.version.is_some_and(|version| version.starts_with("26.")));
        assert!(health.latency_us.is_some_and(|us| us > 0));
        assert!(health.pool.is_some_and(|pool| pool.max == 8));
    });
}

#[test]
fn a_time_beyond_the_servers_calendar_is_refused() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let store = world.store();
        for ms in [i64::MIN, -2_208_988_800_001, 10_413_792_000_000, i64::MAX] {
            let mut tick = sample::tick(0, 0);
            tick.time = MarketTime(ms);
            let refused = store.commit(sample::commit(1, sample::part(sample::source(1, "A"), 1, vec![tick]))).await;
            assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{ms}: {refused:?}");
        }
    });
}

#[test]
fn a_long_history_is_paged_without_a_seam() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let mut history = History::new();
        let store = world.store();
        history.grow(&store, 70_000).await;
        history.grow(&store, 65_536).await;
        history.check(&store, "three pages").await;
        let (from, to) = (history.done[65_000].time, history.done[131_100].time);
        let span = store.range(history.source, from, to, usize::MAX).await.unwrap();
        assert!(span == history.done[65_000..131_100]);
    });
}
