//! The server's half of the WebSocket opening handshake (RFC 6455, section 4.2). No extension and no compression is offered.

mod meter;

pub use meter::{MessageLimits, metered};

use crate::{HttpError, Method, Request, Response, StatusCode, empty};
use aitrading_env::BoxStream;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Version, header};
use hyper_util::rt::TokioIo;
use std::future::Future;

/// Appended to the client's key before hashing (RFC 6455, section 1.3).
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Decoded length of a client's key.
const KEY_BYTES: usize = 16;

/// Which web pages may connect. Programs send no Origin and are judged by their certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// No web page at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The pages of these origins (`https://desk.example:8000`), compared byte by byte.
    #[must_use]
    pub fn only(origins: Vec<String>) -> Self {
        Self(origins)
    }
}

/// Checks an upgrade request. Returns the 101 answer, which the handler must return at once, and the stream that follows
/// it. The stream then belongs to the caller: run it on a task of its own, since the handler has to end first.
///
/// # Errors
/// [`HttpError::UpgradeRefused`], [`HttpError::OriginRefused`].
pub fn upgrade(
    request: Request,
    origins: &Origins,
) -> Result<(Response, impl Future<Output = Result<BoxStream, HttpError>> + Send + 'static), HttpError> {
    let accept = check(&request, origins)?;
    let mut carrier = http::Request::from_parts(request.head, ());
    let upgraded = hyper::upgrade::on(&mut carrier);
    let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    let stream = async move {
        let upgraded = upgraded.await.map_err(|e| HttpError::UpgradeLost(Box::new(e)))?;
        Ok(Box::new(TokioIo::new(upgraded)) as BoxStream)
    };
    Ok((response, stream))
}

/// Returns the value of Sec-WebSocket-Accept.
fn check(request: &Request, origins: &Origins) -> Result<HeaderValue, HttpError> {
    let refuse = |why| Err(HttpError::UpgradeRefused { why });
    if request.method() != Method::GET || request.head.version != Version::HTTP_11 {
        return refuse("it takes a GET of HTTP/1.1");
    }
    if !lists(request, header::UPGRADE, "websocket") || !lists(request, header::CONNECTION, "upgrade") {
        return refuse("send `Upgrade: websocket` and `Connection: Upgrade`");
    }
    if request.header("sec-websocket-version") != Some("13") {
        return refuse("send `Sec-WebSocket-Version: 13`");
    }
    let Some(key) = request.header("sec-websocket-key").filter(|key| is_key(key)) else {
        return refuse("Sec-WebSocket-Key is not 16 bytes in base64");
    };
    // What follows the head is the stream; a body in between would be a second reading of the same bytes.
    if request.header("content-length").is_some_and(|length| length != "0") {
        return refuse("it has no body");
    }
    if request.headers().contains_key(header::ORIGIN) {
        let allowed = request.header("origin").is_some_and(|origin| origins.0.iter().any(|o| o == origin));
        if !allowed {
            return Err(HttpError::OriginRefused);
        }
    }
    HeaderValue::try_from(accept_for(key)).or_else(|_| refuse("Sec-WebSocket-Key is not 16 bytes in base64"))
}

fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == KEY_BYTES)
}

pub(crate) fn accept_for(key: &str) -> String {
    // SHA-1 is what the RFC asks for; nothing secret depends on it.
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(ACCEPT_GUID);
    STANDARD.encode(hash.finish())
}

/// Does a list header hold this token, in any case?
fn lists(request: &Request, name: header::HeaderName, token: &str) -> bool {
    let values = request.headers().get_all(name).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}
