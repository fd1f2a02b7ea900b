//! What a call costs. Printed, and bounded loosely: the machine may be busy.

use super::{Stopwatch, open, settings};
use crate::world::block_on;
use aitrading_testkit::servers::Postgres;
use std::time::Duration;

const CALLS: usize = 300;
const MEDIAN_MAX: Duration = Duration::from_millis(200);

#[test]
fn reading_and_writing_are_quick() {
    let Some(server) = Postgres::start() else { return };
    block_on(async {
        let postgres = open(&settings(&server, server.address())).await.unwrap();
        let meta = postgres.stores().meta;
        let (mut reads, mut writes) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
        for _ in 0..CALLS {
            let begun = Stopwatch::start();
            meta.put("a", &[7; 256]).await.unwrap();
            writes.push(begun.elapsed());
            let begun = Stopwatch::start();
            assert!(meta.get("a").await.unwrap().is_some());
            reads.push(begun.elapsed());
        }
        for (name, took) in [("read", &mut reads), ("write", &mut writes)] {
            took.sort_unstable();
            let at = |share: usize| took[CALLS * share / 100];
            println!("PostgreSQL over TLS, {name}: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
            assert!(at(50) < MEDIAN_MAX, "{name} p50 {:?}", at(50));
        }
        let sample = postgres.probe().await.unwrap();
        println!("{}", sample.part().detail);
        assert!(sample.version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())));
    });
}
