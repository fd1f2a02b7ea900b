//! What a real day takes on the server.

use crate::world::World;
use aitrading_model::{MarketTime, Price, Tick, TickFlags, Volume};
use aitrading_store::{TickStore, conformance::sample};
use aitrading_testkit::{price, servers::Door, shared_data};
use std::time::Instant;

const DAY: &str = "ticks/gbpjpy-ticks-2012-12-03.csv";
/// Between the default codecs (9.3) and the best that the engine was seen to do for three columns (3.03); ours are fifteen.
const BYTES_MAX: f64 = 4.0;

fn day() -> Option<Vec<Tick>> {
    let text = std::fs::read_to_string(shared_data()?.join(DAY)).unwrap();
    let tick = |line: &str| {
        let mut fields = line.split(',');
        let mut field = || fields.next().unwrap();
        Tick {
            time: MarketTime(field().parse().unwrap()),
            bid: price(field()),
            ask: price(field()),
            last: Price::ZERO,
            volume: Volume::ZERO,
            flags: TickFlags::BID.with(TickFlags::ASK),
        }
    };
    Some(text.lines().skip(1).map(tick).collect())
}

#[test]
fn a_real_day_is_small() {
    let Some(all) = day() else { return };
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let (store, source) = (world.store(), sample::source(1, "GBPJPY"));
        for (i, chunk) in (0_u64..).zip(all.chunks(4_096)) {
            store.commit(sample::commit(i + 1, sample::part(source, i * 4_096 + 1, chunk.to_vec()))).await.unwrap();
        }
        let before = store.counts(source.tenant).await.unwrap();
        world.client().query("OPTIMIZE TABLE ticks FINAL").execute().await.unwrap();
        let after = store.counts(source.tenant).await.unwrap();
        let begun = Instant::now();
        let mut stored = Vec::new();
        store.scan(source, &mut |page| stored.extend_from_slice(page)).await.unwrap();
        let scan = begun.elapsed();
        assert!(stored == all);
        let per_tick = |bytes: u64| bytes as f64 / all.len() as f64;
        let (before, after) = (per_tick(before.bytes), per_tick(after.bytes));
        println!("GBPJPY day: {before:.2} bytes a tick as inserted, {after:.2} merged; scanned in {scan:?}");
        assert!(after <= BYTES_MAX, "{after:.2} bytes a tick");
    });
}
