//! Answers that are made while they are sent: whole, with trailers, or cut.

use crate::world::{Running, exchange, plain};
use aitrading_env::Env;
use aitrading_http::{
    Frame, Handler, HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header, streamed,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use std::{io, sync::Arc};

/// Sends two pieces, and then ends as the path says.
struct Pieces;

#[async_trait]
impl Handler for Pieces {
    async fn handle(&self, request: Request) -> Response {
        let data = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
        let mut pieces = vec![data("one "), data("two")];
        match request.path() {
            "/broken" => pieces.push(Err(io::Error::other("the source broke"))),
            "/told" => {
                let (name, value) = (HeaderName::from_static("ended"), HeaderValue::from_static("early"));
                pieces.push(Ok(Frame::trailers(HeaderMap::from_iter([(name, value)]))));
            }
            _ => {}
        }
        let mut response = streamed(StatusCode::OK, "text/plain", stream::iter(pieces));
        response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("ended"));
        response
    }
}

async fn answer(path: &str, more: &str) -> String {
    let running = Running::start(&Env::real(), plain(), Arc::new(Pieces)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    let answer = exchange(running.addr, request.as_bytes()).await;
    running.stop().await;
    if answer.is_empty() {
        // The break came before anything had left.
        return answer;
    }
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("transfer-encoding: chunked"), "{answer}");
    assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn a_streamed_answer_is_whole_or_has_no_end() {
    let whole = "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n";
    assert_eq!(answer("/whole", "").await, whole);
    let broken = answer("/broken", "").await;
    assert!(whole.starts_with(&broken) && !broken.contains("0\r\n\r\n"), "{broken:?}");
    assert_eq!(answer("/told", "TE: trailers\r\n").await, "4\r\none \r\n3\r\ntwo\r\n0\r\nended: early\r\n\r\n");
    assert_eq!(answer("/told", "").await, whole, "nobody asked for trailers");
}
