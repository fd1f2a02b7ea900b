//! How many events go through. Printed, and bounded loosely: the machine may be busy.

use crate::world::{Stopwatch, event, next, open, publish, run, settings, subscribe};
use aitrading_store::EventBus;
use aitrading_testkit::servers::{Door, Nats};
use futures_util::{StreamExt, TryStreamExt, stream};

const ONE_BY_ONE: u64 = 300;
const AT_ONCE: u64 = 5_000;
const IN_FLIGHT: usize = 128;

#[test]
fn events_go_through_at_a_rate() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        let rate = |what: &str, count: u64, begun: Stopwatch| {
            let per_s = count as f64 / begun.elapsed().as_secs_f64();
            println!("{what}: {per_s:.0} events/s");
            assert!(per_s > 5.0, "{what}: {per_s}");
        };
        let begun = Stopwatch::start();
        publish(&bus, 0..ONE_BY_ONE).await;
        rate("published one by one, each on the medium", ONE_BY_ONE, begun);
        let begun = Stopwatch::start();
        let all = stream::iter(ONE_BY_ONE..ONE_BY_ONE + AT_ONCE).map(|n| bus.publish(event(n)));
        assert!(all.buffer_unordered(IN_FLIGHT).try_all(|new| async move { new }).await.unwrap());
        rate("published by 128 at once", AT_ONCE, begun);
        let begun = Stopwatch::start();
        for _ in 0..ONE_BY_ONE + AT_ONCE {
            let delivery = next(&mut stream).await;
            stream.acknowledge(delivery.place).await.unwrap();
        }
        rate("delivered and acknowledged one by one", ONE_BY_ONE + AT_ONCE, begun);
        println!("{}", bus.probe().await.unwrap().part().detail);
    });
}
