//! Every field survives; what is not ours is refused.

use super::{HEADERS_MAX, event, headers, is_of_call};
use crate::Names;
use aitrading_error::Coded;
use aitrading_model::{TenantId, Timestamp, TraceId};
use aitrading_store::{Event, Topic};

fn sample(at: i64, body: Vec<u8>) -> Event {
    let topic = Topic::new("signals.issued").unwrap();
    Event { tenant: TenantId(7), topic, id: [0xa5; 16], trace: TraceId([9; 16]), at: Timestamp(at), body }
}

#[test]
fn every_field_survives() {
    let names = Names::new("a");
    for at in [i64::MIN, -1, 0, i64::MAX] {
        for body in [Vec::new(), (0..=u8::MAX).collect(), vec![1; Event::BODY_MAX]] {
            let sent = sample(at, body);
            let subject = names.subject(sent.tenant, &sent.topic);
            let read = event(&names, &subject, Some(&headers(&sent, 3)), &sent.body).unwrap();
            assert_eq!(read, sent);
        }
    }
}

#[test]
fn messages_that_are_not_ours_are_refused() {
    let names = Names::new("a");
    let sent = sample(1, Vec::new());
    let subject = names.subject(sent.tenant, &sent.topic);
    let good = headers(&sent, 1);
    let with = |name: &'static str, value: &str| {
        let mut headers = good.clone();
        headers.insert(name, value);
        Some(headers)
    };
    for (case, subject, headers, bytes) in [
        ("no headers", subject.as_str(), None, 0),
        ("another subject", "a.events.x.b", Some(good.clone()), 0),
        ("an id that is none", &subject, with("Event-Id", "zz"), 0),
        ("a trace that is none", &subject, with("Event-Trace", ""), 0),
        ("a time that is none", &subject, with("Event-At", "soon"), 0),
        ("a body that is too large", &subject, Some(good.clone()), Event::BODY_MAX + 1),
    ] {
        let error = event(&names, subject, headers.as_ref(), &vec![0; bytes]).unwrap_err();
        assert_eq!(error.dna().code, "STORE_CORRUPT", "{case}");
    }
}

#[test]
fn a_call_knows_its_own_message() {
    let made = headers(&sample(1, Vec::new()), 7);
    assert!(is_of_call(&made, 7));
    assert!(!is_of_call(&made, 8));
    assert!(!is_of_call(&async_nats::HeaderMap::new(), 7));
}

#[test]
fn the_largest_headers_fit() {
    let mut largest = sample(i64::MIN, Vec::new());
    largest.tenant = TenantId(u64::MAX);
    largest.topic = Topic::new("b".repeat(Topic::BYTES_MAX)).unwrap();
    let made = headers(&largest, u64::MAX);
    let bytes: usize = made.iter().map(|(name, values)| name.to_string().len() + values[0].as_str().len() + 4).sum();
    assert!(bytes + 12 <= HEADERS_MAX, "{bytes}");
}
