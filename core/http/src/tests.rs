//! Pieces that need no socket.
#![expect(clippy::disallowed_methods, reason = "the bodies are the test's own")]

use crate::{Body, HttpError, Response, StatusCode, problem, slots::Slots, status_of, websocket::accept_for};
use aitrading_error::{Category, Coded, Dna, Fault, FaultSide};
use http_body_util::BodyExt;
use std::{collections::BTreeSet, io, net::IpAddr};

#[test]
fn the_accept_value_is_the_one_of_the_rfc() {
    assert_eq!(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn places_are_counted_and_given_back() {
    let slots = Slots::new(3, 2);
    let (a, mapped_a, b): (IpAddr, IpAddr, IpAddr) =
        ("10.0.0.1".parse().unwrap(), "::ffff:10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let first = slots.take(a).unwrap();
    let second = slots.take(mapped_a).unwrap();
    assert_eq!(slots.take(a).unwrap_err(), "address");
    let third = slots.take(b).unwrap();
    assert_eq!(slots.take(b).unwrap_err(), "total");
    drop(first);
    let fourth = slots.take(b).unwrap();
    assert_eq!(slots.open(), 3);
    drop((second, third, fourth));
    assert_eq!(slots.open(), 0);
}

#[tokio::test]
async fn a_problem_shows_the_public_face_alone() {
    #[derive(Debug, thiserror::Error)]
    #[error("row 7 of /var/lib/secret.db")]
    struct Inner(#[source] io::Error);
    impl Coded for Inner {
        fn dna(&self) -> Dna {
            Dna::new("sample", "STORE_DOWN", Category::Storage).side(FaultSide::Dependency)
        }
        fn public_message(&self) -> String {
            "the store does not answer; try again".into()
        }
    }
    let fault = Fault::new(Inner(io::Error::other("EIO")));
    let response = problem(status_of(&fault.dna()), &fault);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let expected = serde_json::json!({
        "type": "urn:aitrading:problem:STORE_DOWN", "title": "Service Unavailable", "status": 503,
        "detail": "the store does not answer; try again", "code": "STORE_DOWN", "retry": "never",
    });
    assert_eq!(json, expected);
}

#[tokio::test]
async fn a_given_body_is_bounded_too() {
    assert_eq!(Body::given("12345").read(5).await.unwrap(), "12345");
    assert!(matches!(Body::given("123456").read(5).await, Err(HttpError::BodyTooLarge { limit: 5 })));
}

#[test]
fn codes_are_unique_and_texts_do_not_repeat_their_source() {
    let addr = "127.0.0.1:1".parse().unwrap();
    let io = || Box::new(io::Error::other("the source")) as Box<dyn std::error::Error + Send + Sync>;
    let all = [
        HttpError::PortInUse { addr },
        HttpError::PortDenied { addr },
        HttpError::Bind { addr, source: io::Error::other("the source") },
        HttpError::BodyTooLarge { limit: 1 },
        HttpError::BodyTimeout { limit_ms: 1 },
        HttpError::BodyBroken(io()),
        HttpError::BadRequest { why: "" },
        HttpError::EncodingRefused,
        HttpError::MediaTypeRefused,
        HttpError::JsonInvalid { line: 1, column: 1 },
        HttpError::JsonTooDeep { limit: 1 },
        HttpError::NotFound,
        HttpError::MethodNotAllowed { allow: "GET" },
        HttpError::UpgradeRefused { why: "" },
        HttpError::OriginRefused,
        HttpError::UpgradeLost(io()),
        HttpError::MetricsTaken,
        HttpError::NotLoopback { addr },
        HttpError::Unreachable { addr, source: io() },
        HttpError::AnswerTimeout { addr, limit_ms: 1 },
        HttpError::AnswerBroken { addr, source: io() },
    ];
    let codes: BTreeSet<_> = all.iter().map(|e| e.dna().code).collect();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|e| !e.to_string().contains("the source")));
    assert!(all.into_iter().all(|e| Response::from(e).status().as_u16() >= 400));
}
