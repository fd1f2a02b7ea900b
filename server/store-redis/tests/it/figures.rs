//! What a hit costs over the wire. Printed, and bounded loosely: the machine may be busy.

use crate::world::{LONG, Stopwatch, key, open, run, settings};
use aitrading_store::SharedCache;
use aitrading_testkit::servers::{Door, Redis};
use std::time::Duration;

const HITS: usize = 2_000;
/// The goal is 300 us on a machine that does nothing else, in a release build.
const MEDIAN_MAX: Duration = Duration::from_millis(20);

fn check_hits(door: Door) {
    let Some(server) = Redis::start(door) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        let a = key("a");
        cache.put(&a, &[7; 256], LONG).await.unwrap();
        let mut took = Vec::with_capacity(HITS);
        for _ in 0..HITS {
            let begun = Stopwatch::start();
            assert!(cache.get(&a).await.unwrap().is_some());
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        let at = |share: usize| took[HITS * share / 100];
        println!("cache hit over RESP3, {door:?}: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
        assert!(at(50) < MEDIAN_MAX, "p50 {:?}", at(50));
        let sample = cache.probe().await.unwrap();
        println!("{}", sample.part().detail);
        assert!(sample.version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())));
    });
}

#[test]
fn a_hit_over_plain_text_is_quick() {
    check_hits(Door::Open);
}

#[test]
fn a_hit_over_tls_is_quick() {
    check_hits(Door::Tls);
}
