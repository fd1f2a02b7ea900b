//! Streams and messages that somebody else made.

use crate::world::{LIMITS, check_next, event, jetstream_of, open, open_with, publish, run, settings, subscribe};
use aitrading_error::Coded;
use aitrading_store::EventBus;
use aitrading_store_nats::{EventLimits, Names};
use aitrading_testkit::servers::{Door, Nats};
use async_nats::jetstream::stream::{
    Config, ConsumerLimits, DiscardPolicy, RetentionPolicy, Source, StorageType, SubjectTransform,
};
use std::time::Duration;

/// What an operator would have to make.
fn good() -> Config {
    let names = Names::new("aitrading");
    Config {
        name: names.stream(),
        subjects: vec![names.subjects()],
        discard: DiscardPolicy::New,
        duplicate_window: Duration::from_secs(300),
        max_bytes: 1 << 20,
        ..Config::default()
    }
}

async fn opened(server: &Nats, config: Config) -> (Option<&'static str>, bool) {
    let jetstream = jetstream_of(server).await;
    jetstream.create_stream(config.clone()).await.unwrap();
    let bus = open(&settings(server, server.address()));
    let code = bus.probe().await.err().map(|error| error.dna().code);
    let durable = bus.is_durable();
    if code.is_none() {
        let info = jetstream.get_stream(&config.name).await.unwrap().cached_info().config.clone();
        assert_eq!(info.max_bytes, i64::try_from(LIMITS.bytes_max).unwrap(), "the size is raised");
        assert_eq!(info.duplicate_window, config.duplicate_window, "and nothing else is changed");
    }
    jetstream.delete_stream(&config.name).await.unwrap();
    (code, durable)
}

#[test]
fn a_stream_that_does_not_keep_our_promises_is_not_used() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let conflict = (Some("STORE_CONFLICT"), false);
    run(async {
        assert_eq!(opened(&server, good()).await, (None, true));
        let memory = Config { storage: StorageType::Memory, ..good() };
        assert_eq!(opened(&server, memory).await, (None, false), "in memory: used, and said not to be durable");
        for (case, config) in [
            ("drops old ones", Config { discard: DiscardPolicy::Old, ..good() }),
            ("forgets ids", Config { duplicate_window: Duration::from_secs(60), ..good() }),
            ("by interest", Config { retention: RetentionPolicy::Interest, ..good() }),
            ("few events", Config { max_messages: 10, ..good() }),
            ("other subjects", Config { subjects: vec!["other".to_owned()], ..good() }),
            ("an hour", Config { max_age: Duration::from_secs(3_600), ..good() }),
            ("idle consumers", Config { consumer_limits: idle(3_600), ..good() }),
            ("other names", Config { subject_transform: renamed(), ..good() }),
            ("other streams", Config { sources: Some(vec![other()]), ..good() }),
        ] {
            assert_eq!(opened(&server, config).await, conflict, "{case}");
        }
        let many = Config { consumer_limits: idle(0), ..good() };
        assert_eq!(opened(&server, many).await, (None, true), "a bound on what consumers hold loses nothing");
    });
}

fn idle(seconds: u64) -> Option<ConsumerLimits> {
    Some(ConsumerLimits { inactive_threshold: Duration::from_secs(seconds), max_ack_pending: 10_000 })
}

fn renamed() -> Option<SubjectTransform> {
    Some(SubjectTransform { source: Names::new("aitrading").subjects(), destination: "other.>".to_owned() })
}

fn other() -> Source {
    Source { name: "other".to_owned(), ..Source::default() }
}

/// Whether a stream with this age may be used where events are wanted for so long.
async fn check_age(server: &Nats, wanted: Option<u64>, kept: u64, expected: Option<&'static str>) {
    let jetstream = jetstream_of(server).await;
    let config = Config { max_age: Duration::from_secs(kept), ..good() };
    jetstream.create_stream(config.clone()).await.unwrap();
    let limits = EventLimits { age_max: wanted.map(Duration::from_secs), ..LIMITS };
    let bus = open_with(&settings(server, server.address()), limits);
    let code = bus.probe().await.err().map(|error| error.dna().code);
    assert_eq!(code, expected, "{wanted:?} wanted, {kept} kept");
    jetstream.delete_stream(&config.name).await.unwrap();
}

#[test]
fn a_stream_may_keep_events_longer_than_asked_and_never_shorter() {
    let Some(server) = Nats::start(Door::Open) else { return };
    let conflict = Some("STORE_CONFLICT");
    run(async {
        for (wanted, kept, expected) in [
            (None, 0, None),
            (None, 365 * 86_400, conflict),
            (Some(3_600), 0, None),
            (Some(3_600), 3_600, None),
            (Some(3_600), 86_400, None),
            (Some(3_600), 3_599, conflict),
        ] {
            check_age(&server, wanted, kept, expected).await;
        }
    });
}

#[test]
fn a_stream_on_fewer_servers_than_asked_is_not_used() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        jetstream_of(&server).await.create_stream(good()).await.unwrap();
        let bus = open_with(&settings(&server, server.address()), EventLimits { replicas: 3, ..LIMITS });
        let refused = bus.probe().await.unwrap_err();
        assert_eq!(refused.dna().code, "STORE_CONFLICT");
        assert!(refused.to_string().contains("replicas"), "{refused}");
    });
}

#[test]
fn the_size_of_a_stream_is_never_reduced() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let at = settings(&server, server.address());
        open_with(&at, EventLimits { bytes_max: 8 << 20, ..LIMITS }).probe().await.unwrap();
        open_with(&at, EventLimits { bytes_max: 1 << 20, ..LIMITS }).probe().await.unwrap();
        let stream = jetstream_of(&server).await.get_stream(Names::new("aitrading").stream()).await.unwrap();
        assert_eq!(stream.cached_info().config.max_bytes, 8 << 20);
    });
}

#[test]
fn a_message_that_is_no_event_is_told_once_and_the_rest_goes_on() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        publish(&bus, 0..1).await;
        let subject = Names::new("aitrading").subject(event(0).tenant, &event(0).topic);
        let stranger = jetstream_of(&server).await;
        let sent = stranger.publish(subject, "what is this".into()).await.unwrap();
        sent.await.unwrap();
        publish(&bus, 1..2).await;
        check_next(&mut stream, 0..1).await;
        assert_eq!(stream.next().await.unwrap_err().dna().code, "STORE_CORRUPT");
        check_next(&mut stream, 1..2).await;
        drop(stream);
        publish(&bus, 2..3).await;
        check_next(&mut subscribe(&bus).await, 2..3).await;
    });
}

#[test]
fn a_consumer_that_was_deleted_is_made_again() {
    let Some(server) = Nats::start(Door::Open) else { return };
    run(async {
        let bus = open(&settings(&server, server.address()));
        let mut stream = subscribe(&bus).await;
        publish(&bus, 0..1).await;
        check_next(&mut stream, 0..1).await;
        let on_server = jetstream_of(&server).await.get_stream(Names::new("aitrading").stream()).await.unwrap();
        let name = Names::consumer(event(0).tenant, &event(0).topic, "reader");
        on_server.delete_consumer(&name).await.unwrap();
        let waits = async { crate::world::next(&mut stream).await.event };
        let publishes = async {
            // A new consumer begins with the next event: it has to be there first.
            crate::world::eventually(|| async {
                on_server.consumer_info(&name).await.map_err(|e| aitrading_store::StoreError::corrupt(e.to_string()))
            })
            .await;
            publish(&bus, 1..2).await;
        };
        let (got, ()) = tokio::join!(waits, publishes);
        assert_eq!(got, event(1));
    });
}
