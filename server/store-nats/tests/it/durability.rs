//! Nothing acknowledged is lost: kills, restarts, lost answers, full streams, broken lines.

use crate::world::{
    IMPATIENT, LIMITS, ONE, check_next, event, eventually, jetstream_of, next, open, open_with, publish, run, settings,
    subscribe, topic,
};
use aitrading_database_link::{Limits, ServerSettings};
use aitrading_error::Coded;
use aitrading_store::{Delivery, Event, EventBus, StoreError};
use aitrading_store_nats::{EventLimits, Names};
use aitrading_testkit::servers::{Door, Nats, Proxy};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::sync::watch;

#[test]
fn what_was_published_before_a_kill_is_delivered_after_it() {
    let Some(server) = Nats::start(Door::Password) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        publish(&bus, 0..200).await;
        server.kill();
        server.restart();
        check_next(&mut stream, 0..200).await;
        eventually(|| bus.publish(event(200))).await;
        check_next(&mut stream, 200..201).await;
    });
}

#[test]
fn a_kill_under_load_loses_no_event_that_was_acknowledged() {
    const HANDLED: usize = 20;
    const AT_STAKE: usize = 40;
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) });
        let mut stream = eventually(|| async { bus.subscribe(ONE, &topic("signals.issued"), "reader").await }).await;
        let (acknowledged, killed) = (watch::Sender::new(BTreeSet::new()), AtomicBool::new(false));
        let load = async {
            // An answer that is late on a busy machine is no acknowledgement; the end is when the server is gone.
            for n in 0.. {
                match bus.publish(event(n)).await {
                    Ok(_) => acknowledged.send_modify(|all| {
                        all.insert(n);
                    }),
                    Err(_) if killed.load(Ordering::SeqCst) => return,
                    Err(_) => {}
                }
            }
        };
        let killer = async {
            let mut handled = BTreeSet::new();
            while handled.len() < HANDLED {
                let delivery = next(&mut stream).await;
                let place = delivery.place;
                handled.insert(number(&delivery));
                // Left to come again if the answer is late: that is no loss.
                drop(stream.acknowledge(place).await);
            }
            let mut seen = acknowledged.subscribe();
            drop(seen.wait_for(|all| all.difference(&handled).count() >= AT_STAKE).await.unwrap());
            killed.store(true, Ordering::SeqCst);
            server.kill();
            // What the client has fetched already goes with it: what comes later comes from the server.
            drop(stream);
            handled
        };
        let ((), handled) = tokio::join!(load, killer);
        drop(bus);
        server.restart();
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        let mut missing: BTreeSet<u64> = acknowledged.borrow().difference(&handled).copied().collect();
        assert!(missing.len() >= AT_STAKE);
        while !missing.is_empty() {
            missing.remove(&number(&next(&mut stream).await));
        }
    });
}

fn number(delivery: &Delivery) -> u64 {
    u64::from_be_bytes(delivery.event.body.clone().try_into().unwrap())
}

#[test]
fn what_is_acknowledged_does_not_come_again_after_a_restart_and_the_rest_does() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        publish(&bus, 0..10).await;
        check_next(&mut stream, 0..4).await;
        for n in 4..7 {
            assert_eq!(next(&mut stream).await.event, event(n));
        }
        drop((stream, bus));
        server.restart();
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        check_next(&mut stream, 4..10).await;
    });
}

#[test]
fn ids_are_known_over_kills_also_when_their_events_are_handled() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        publish(&bus, 0..10).await;
        check_next(&mut stream, 0..5).await;
        server.kill();
        server.restart();
        for n in 0..10 {
            assert!(!eventually(|| bus.publish(event(n))).await, "event {n} is known");
        }
        // What was acknowledged in the last moments before a kill may come again.
        let mut missing: BTreeSet<[u8; 16]> = (5..10).map(|n| event(n).id).collect();
        while !missing.is_empty() {
            let delivery = next(&mut stream).await;
            stream.acknowledge(delivery.place).await.unwrap();
            missing.remove(&delivery.event.id);
        }
        publish(&bus, 10..11).await;
        check_next(&mut stream, 10..11).await;
    });
}

#[test]
fn an_event_whose_acknowledgement_was_lost_counts_as_published_by_the_call_that_published_it() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let proxy = Proxy::start(server.address());
    run(async {
        let direct = open(&settings(&server, server.address()));
        let mut limits = settings(&server, proxy.address());
        limits.limits = Limits { deadline: Duration::from_secs(12), retries: 3, ..limits.limits };
        let far = open(&limits);
        far.probe().await.unwrap();
        let mut stream = subscribe(&direct).await;
        // Requests pass, answers are held; once the event is there, they are lost.
        proxy.set_delay(Duration::from_secs(600));
        let published = far.publish(event(1));
        let lost = async {
            assert_eq!(next(&mut stream).await.event, event(1));
            proxy.cut();
            proxy.set_delay(Duration::ZERO);
            proxy.restore();
        };
        let (published, ()) = tokio::join!(published, lost);
        assert!(published.unwrap(), "nobody else has published it");
        assert!(!direct.publish(event(1)).await.unwrap());
        assert!(!far.publish(event(1)).await.unwrap(), "a second call is a second call");
    });
}

/// Publishes large events until the bus is full, and says how many it took.
async fn fill(bus: &impl EventBus, from: u64) -> u64 {
    for n in from.. {
        match bus.publish(Event { body: vec![7; Event::BODY_MAX], ..event(n) }).await {
            Ok(new) => assert!(new),
            Err(error) => {
                assert_eq!(error.dna().code, "STORE_FULL", "{error}");
                return n - from;
            }
        }
        assert!(n < from + 1_000, "it never fills");
    }
    0
}

#[test]
fn a_full_bus_refuses_and_loses_nothing_until_events_are_handled() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let limits = EventLimits { bytes_max: 1 << 20, ..LIMITS };
    run(async {
        let bus = open_with(&settings(&server, server.address()), limits);
        let mut stream = subscribe(&bus).await;
        let mut quiet = bus.subscribe(ONE, &topic("quiet"), "reader").await.unwrap();
        let of_quiet = Event { topic: topic("quiet"), ..event(1) };
        assert!(bus.publish(of_quiet.clone()).await.unwrap());
        let taken = fill(&bus, 0).await;
        assert!((10..=16).contains(&taken), "{taken}");
        for n in 0..taken {
            let delivery = next(&mut stream).await;
            assert_eq!(delivery.event.id, event(n).id);
            stream.acknowledge(delivery.place).await.unwrap();
        }
        let again = fill(&bus, 100).await;
        assert!(again + 1 >= taken, "handled events make room: {again} of {taken}");
        assert!(!bus.publish(event(0)).await.unwrap(), "an id that made room is still known");
        assert_eq!(next(&mut quiet).await.event, of_quiet, "what is not handled stays");
        assert_eq!(next(&mut stream).await.event.id, event(100).id);
    });
}

#[test]
fn a_line_that_is_cut_again_and_again_keeps_the_order() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let proxy = Proxy::start(server.address());
    run(async {
        let direct = open(&settings(&server, server.address()));
        let far = open(&settings(&server, proxy.address()));
        let mut stream = subscribe(&far).await;
        for from in [0, 100, 200] {
            publish(&direct, from..from + 50).await;
            check_next(&mut stream, from..from + 10).await;
            proxy.set_delay(Duration::from_secs(600));
            publish(&direct, from + 50..from + 75).await;
            // The server has sent them all, and none of the later ones has arrived when the line is cut.
            eventually(|| async { outstanding(&server, 65).await }).await;
            proxy.cut();
            proxy.set_delay(Duration::ZERO);
            proxy.restore();
            // Newer ones, that the server sends at once, while it sends those that were lost only after a while.
            publish(&direct, from + 75..from + 100).await;
            check_next(&mut stream, from + 10..from + 100).await;
        }
    });
}

/// Has the server sent so many events to the reader that it has not seen acknowledged?
async fn outstanding(server: &Nats, count: usize) -> Result<(), StoreError> {
    let stream = jetstream_of(server).await.get_stream(Names::new("aitrading").stream()).await.unwrap();
    let name = Names::consumer(ONE, &topic("signals.issued"), "reader");
    let info = stream.consumer_info(&name).await.unwrap();
    if info.num_ack_pending >= count { Ok(()) } else { Err(StoreError::corrupt("not all are sent")) }
}
