//! What a request's body may be: not compressed, not deep, not large (T56, T57).

use crate::world::{Running, exchange, plain};
use aitrading_env::Env;
use aitrading_http::{Handler, JSON_BYTES_MAX, JSON_DEPTH_MAX, Request, Response, StatusCode, text};
use async_trait::async_trait;
use std::sync::Arc;

/// What a route takes: its fields and no others.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    name: String,
    size: u32,
}

/// `/order` takes an [`Order`], everything else any JSON.
struct Taker;

#[async_trait]
impl Handler for Taker {
    async fn handle(&self, request: Request) -> Response {
        let taken = if request.path() == "/order" {
            request.json::<Order>().await.map(|order| format!("{}:{}", order.name, order.size))
        } else {
            request.json::<serde_json::Value>().await.map(|_| "taken".into())
        };
        taken.map_or_else(Response::from, |answer| text(StatusCode::OK, answer))
    }
}

async fn door() -> Running {
    Running::start(&Env::real(), plain(), Arc::new(Taker)).await.unwrap()
}

/// A body with these further headers is answered so.
async fn check(door: &Running, path: &str, headers: &str, body: &[u8], answer: &str) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    let got = exchange(door.addr, &[head.as_bytes(), body].concat()).await;
    let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
    let (status, part) = answer.split_once(' ').unwrap();
    assert!(got.starts_with(&format!("HTTP/1.1 {status} ")) && got.contains(part), "{headers:?} {shown}: {got}");
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn t56_nothing_that_is_encoded_is_taken() {
    let door = door().await;
    for coding in
        ["gzip", "deflate", "br", "zstd", "x-gzip", "GZIP", "identity, gzip", "gzip, identity", "", "aes128gcm"]
    {
        let headers = format!("{JSON}content-encoding: {coding}\r\n");
        check(&door, "/", &headers, b"\x1f\x8b\x08", "415 CONTENT_ENCODING_REFUSED").await;
    }
    let twice = format!("{JSON}content-encoding: identity\r\ncontent-encoding: gzip\r\n");
    check(&door, "/", &twice, b"{}", "415 CONTENT_ENCODING_REFUSED").await;
    check(&door, "/", &format!("{JSON}content-encoding: identity\r\n"), b"{}", "200 taken").await;
    check(&door, "/", &format!("{JSON}content-encoding: Identity\r\n"), b"{}", "200 taken").await;
}

#[tokio::test]
async fn t56_a_bomb_is_refused_before_its_body_is_read() {
    let door = door().await;
    // The gigabyte is announced and never sent: only an answer that does not wait for it comes at all.
    let head =
        format!("POST / HTTP/1.1\r\nhost: x\r\n{JSON}content-encoding: gzip\r\ncontent-length: 1073741824\r\n\r\n");
    let got = exchange(door.addr, head.as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 415 ") && got.contains("connection: close"), "{got}");
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\n{JSON}content-length: 1073741824\r\n\r\n");
    let got = exchange(door.addr, head.as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 413 ") && got.contains("connection: close"), "{got}");
}

#[tokio::test]
async fn t57_depth_and_size_have_bounds_and_the_bounds_are_reached() {
    let door = door().await;
    let nested = |open: &str, close: &str, levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        check(&door, "/", JSON, nested(open, close, JSON_DEPTH_MAX).as_bytes(), "200 taken").await;
        check(&door, "/", JSON, nested(open, close, JSON_DEPTH_MAX + 1).as_bytes(), "400 JSON_TOO_DEEP").await;
    }
    check(&door, "/", JSON, "[".repeat(JSON_BYTES_MAX).as_bytes(), "400 JSON_TOO_DEEP").await;
    // Brackets within a text are no levels, also behind escapes.
    check(&door, "/", JSON, format!("[\"{}\\\"{}\"]", "[".repeat(99), "{".repeat(99)).as_bytes(), "200 taken").await;
    check(&door, "/", JSON, format!("[\"\\\\\", {}]", nested("[", "]", 32)).as_bytes(), "400 JSON_TOO_DEEP").await;
    let text = |len: usize| format!("\"{}\"", "x".repeat(len - 2));
    check(&door, "/", JSON, text(JSON_BYTES_MAX).as_bytes(), "200 taken").await;
    check(&door, "/", JSON, text(JSON_BYTES_MAX + 1).as_bytes(), "413 BODY_TOO_LARGE").await;
}

#[tokio::test]
async fn t57_what_is_no_json_is_refused_and_not_repeated() {
    let door = door().await;
    let huge = format!("[{}]", "9".repeat(60_000));
    let colliding = (0..5_000).map(|n| format!("\"{n:x}\":1")).collect::<Vec<_>>().join(",");
    for body in [
        "",
        " ",
        "{",
        "]",
        "nul",
        "01",
        "1e999999",
        "\"\u{1}\"",
        "{\"a\":1}x",
        "\"\\ud800\"",
        "NaN",
        "'a'",
        &format!("[1e{huge}]"),
    ] {
        check(&door, "/", JSON, body.as_bytes(), "400 JSON_INVALID").await;
    }
    check(&door, "/", JSON, b"\"\xff\"", "400 JSON_INVALID").await;
    check(&door, "/", JSON, format!("{{{colliding}}}").as_bytes(), "200 taken").await;
    for kind in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/jsonx\r\n",
        "content-type: application/json; charset=utf-16\r\n",
    ] {
        check(&door, "/", kind, b"{}", "415 MEDIA_TYPE_REFUSED").await;
    }
    check(&door, "/", "content-type: Application/JSON; charset=UTF-8\r\n", b"{}", "200 taken").await;
}

#[tokio::test]
async fn t32_fields_that_nobody_asked_for_are_refused() {
    let door = door().await;
    check(&door, "/order", JSON, br#"{"name":"a","size":1}"#, "200 a:1").await;
    for field in ["role", "tier", "is_admin", "tenant", "account", "__proto__"] {
        let body = format!(r#"{{"name":"a","size":1,"{field}":"operator-hunter2"}}"#);
        check(&door, "/order", JSON, body.as_bytes(), "400 JSON_INVALID").await;
    }
    for body in [
        &br#"{"name":"a","size":1,"size":2}"#[..],
        br#"{"name":"a"}"#,
        br#"{"name":"a","size":-1}"#,
        br#"{"name":"a","size":4294967296}"#,
        br#"{"name":"a","size":1.5}"#,
        br#"{"name":null,"size":1}"#,
    ] {
        check(&door, "/order", JSON, body, "400 JSON_INVALID").await;
    }
    let head = format!("POST /order HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{JSON}content-length: 32\r\n\r\n");
    let got = exchange(door.addr, format!("{head}{{\"name\":\"hunter2\",\"size\":\"hunter2\"}}").as_bytes()).await;
    assert!(!got.contains("hunter2"), "{got}");
}
