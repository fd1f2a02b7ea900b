//! No two names are spelt alike, and subjects can be read.

use super::{Names, hex, unhex};
use aitrading_model::{TenantId, Timestamp, TraceId};
use aitrading_store::{Event, Topic};
use std::collections::BTreeSet;

const TENANTS: [u64; 4] = [0, 1, 11, u64::MAX];
const TOPICS: [&str; 5] = ["a", "a.b", "a_b", "1", "events.1.a"];
const CONSUMERS: [&str; 4] = ["a", "b", "a_b", "1"];

fn addresses() -> impl Iterator<Item = (TenantId, Topic)> {
    TENANTS.into_iter().flat_map(|n| TOPICS.into_iter().map(move |topic| (TenantId(n), Topic::new(topic).unwrap())))
}

fn event(tenant: TenantId, topic: Topic, id: [u8; 16]) -> Event {
    Event { tenant, topic, id, trace: TraceId([1; 16]), at: Timestamp(1), body: Vec::new() }
}

#[test]
fn subjects_are_different_under_every_prefix_and_can_be_read_by_their_own_alone() {
    let mut seen = BTreeSet::new();
    let prefixes = ["a", "a.events.1", "a-2e", "A", "a b", "\u{e9}", ""].map(Names::new);
    for (n, names) in prefixes.iter().enumerate() {
        assert!(seen.insert(names.stream()), "{names:?}");
        for (tenant, topic) in addresses() {
            let subject = names.subject(tenant, &topic);
            assert!(seen.insert(subject.clone()), "{subject}");
            assert_eq!(subject.split('.').count(), 3 + topic.as_str().split('.').count(), "{subject}");
            for (m, other) in prefixes.iter().enumerate() {
                assert_eq!(other.read(&subject), (m == n).then(|| (tenant, topic.clone())), "{subject} by {other:?}");
            }
        }
    }
}

#[test]
fn consumers_and_ids_are_different() {
    let (mut consumers, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (tenant, topic) in addresses() {
        for consumer in CONSUMERS {
            assert!(consumers.insert(Names::consumer(tenant, &topic, consumer)), "{tenant:?} {topic:?} {consumer}");
        }
        for id in [[0; 16], [1; 16], [0xff; 16]] {
            assert!(ids.insert(Names::message_id(&event(tenant, topic.clone(), id))), "{tenant:?} {topic:?}");
        }
    }
}

#[test]
fn the_longest_names_are_within_what_the_server_takes() {
    let topic = Topic::new("b".repeat(Topic::BYTES_MAX)).unwrap();
    let consumer = Names::consumer(TenantId(u64::MAX), &topic, &"c".repeat(Topic::BYTES_MAX));
    assert!(consumer.len() <= 255 && !consumer.contains(['.', '*', '>', ' ', '/']), "{consumer}");
}

#[test]
fn foreign_subjects_are_not_read() {
    let names = Names::new("a");
    for subject in
        ["a.events", "a.events.1", "a.events.x.b", "a.events.+1.b", "a.events.1.", "a.events.1.B", "b.events.1.b"]
    {
        assert_eq!(names.read(subject), None, "{subject}");
    }
}

#[test]
fn ids_survive_their_spelling() {
    for id in [[0; 16], [0xff; 16], *b"0123456789abcdef"] {
        assert_eq!(unhex(&hex(&id)), Some(id));
    }
    for bad in ["", "0", "zz", "+0000000000000000000000000000000", "000000000000000000000000000000001"] {
        assert_eq!(unhex(bad), None, "{bad}");
    }
}
