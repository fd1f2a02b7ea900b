//! The forms of a trace header that are taken, and those that are not.

use super::{REQUEST_ID, TRACEPARENT, Trace, parse};
use aitrading_env::{Env, RngExt};
use aitrading_http::{HeaderMap, HeaderValue};

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_callers_trace_goes_on_under_a_span_of_ours() {
    let env = Env::real();
    let trace = Trace::of(&headers(&[(TRACEPARENT, GOOD)]), env.rng.as_ref());
    assert_eq!(trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(trace.sampled);
    let sent = trace.traceparent().unwrap();
    let sent = sent.to_str().unwrap();
    assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && sent.ends_with("-01"), "{sent}");
    assert_ne!(&sent[36..52], "00f067aa0ba902b7");
    assert!(parse(sent).is_some());
}

#[test]
fn malformed_headers_begin_a_trace_of_their_own() {
    let bad = [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
    ];
    for text in bad {
        assert_eq!(parse(text), None, "{text}");
    }
    assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    let twice = Trace::of(&headers(&[(TRACEPARENT, GOOD), (TRACEPARENT, GOOD)]), Env::real().rng.as_ref());
    assert_ne!(twice.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[test]
fn a_request_id_is_taken_only_where_it_can_do_no_harm() {
    let env = Env::real();
    let of = |text: &str| Trace::of(&headers(&[(REQUEST_ID, text)]), env.rng.as_ref()).request;
    assert_eq!(of("desk-7.42_a"), "desk-7.42_a");
    let long = "a".repeat(65);
    for text in ["", "a b", "a\tb", "<script>", long.as_str()] {
        let given = of(text);
        assert!(given.len() == 16 && given != text, "{text}: {given}");
    }
    let fresh: [u8; 8] = env.rng.bytes();
    assert_eq!(super::hex(&fresh).len(), 16);
}
