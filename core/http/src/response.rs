//! Answers, and short ways to make them.

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
/// A piece of a streamed answer: data, or trailers at its end.
pub use hyper::body::Frame;
use serde::Serialize;
use std::io;

/// The body of an answer.
pub type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;
/// One answer.
pub type Response = http::Response<ResponseBody>;

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    respond(status, None, Bytes::new())
}

/// An answer of plain text.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    respond(status, Some("text/plain; charset=utf-8"), body.into())
}

/// An answer of bytes that are written already, with their media type; `None` for no body at all.
pub fn bytes(status: StatusCode, kind: Option<&'static str>, body: impl Into<Bytes>) -> Response {
    respond(status, kind, body.into())
}

/// An answer of JSON. A value that has no JSON form becomes an empty 500: it is a defect of the caller's type.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    json_as(status, "application/json", body)
}

pub(crate) fn json_as(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => respond(status, Some(kind), bytes.into()),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// An answer that is made while it is sent. An error cuts the connection, so that nobody takes the beginning for the whole.
/// Trailers arrive if the answer announces them with `Trailer` and the request said `TE: trailers`.
pub fn streamed(
    status: StatusCode,
    kind: &'static str,
    frames: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
) -> Response {
    dressed(status, Some(kind), StreamBody::new(frames).boxed_unsync())
}

pub(crate) fn respond(status: StatusCode, kind: Option<&'static str>, body: Bytes) -> Response {
    dressed(status, kind, Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

fn dressed(status: StatusCode, kind: Option<&'static str>, body: ResponseBody) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    // Nothing that we serve may be kept by a cache or be taken for another type by a browser.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
