//! Nothing acknowledged is lost: kills, restarts, lost answers, full streams, broken lines.

use crate::world::{
    IMPATIENT, LIMITS, ONE, check_next, event, eventually, next, open, open_with, publish, run, settings, subscribe,
    topic,
};
use aitrading_database_link::{Limits, ServerSettings};
use aitrading_error::Coded;
use aitrading_store::{Event, EventBus};
use aitrading_store_nats::EventLimits;
use aitrading_testkit::servers::{Door, Nats, Proxy};
use std::{collections::BTreeSet, time::Duration};

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
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) });
        let mut stream = subscribe(&bus).await;
        let load = async {
            let mut acknowledged = BTreeSet::new();
            // Until the server is gone.
            for n in 0.. {
                match bus.publish(event(n)).await {
                    Ok(_) => acknowledged.insert(n),
                    Err(_) => return acknowledged,
                };
            }
            acknowledged
        };
        let killer = async {
            for _ in 0..20 {
                let delivery = next(&mut stream).await;
                stream.acknowledge(delivery.place).await.unwrap();
            }
            server.kill();
            stream
        };
        let (acknowledged, mut stream) = tokio::join!(load, killer);
        server.restart();
        let last = *acknowledged.last().unwrap();
        assert!(last >= 20);
        let mut missing: BTreeSet<u64> = acknowledged.into_iter().filter(|n| *n >= 20).collect();
        while !missing.is_empty() {
            let delivery = next(&mut stream).await;
            missing.remove(&u64::from_be_bytes(delivery.event.body.try_into().unwrap()));
        }
    });
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
    let Some(server) = Nats::start(Door::Tls) else { return };
    let proxy = Proxy::start(server.address());
    run(async {
        let direct = open(&settings(&server, server.address()));
        let far = open(&settings(&server, proxy.address()));
        let mut stream = subscribe(&far).await;
        publish(&direct, 0..300).await;
        for round in 0..3 {
            check_next(&mut stream, round * 60..round * 60 + 60).await;
            // Sent, but not arrived, when the line is cut.
            proxy.set_delay(Duration::from_secs(600));
            publish(&direct, 300 + round * 50..350 + round * 50).await;
            proxy.cut();
            proxy.set_delay(Duration::ZERO);
            proxy.restore();
        }
        check_next(&mut stream, 180..450).await;
    });
}
