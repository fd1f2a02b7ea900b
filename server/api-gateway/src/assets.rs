//! The pages that the gateway serves: an index, and the description of the interface, readable.

use crate::openapi;
use aitrading_http::{HeaderValue, HttpError, Method, Response, StatusCode, bytes, header, json};
use serde::Serialize;
use std::sync::LazyLock;

/// What is here, for the index.
const HERE: [Entry; 7] = [
    Entry { path: "/", what: "this index" },
    Entry { path: "/api", what: "the interface, readable" },
    Entry { path: openapi::PATH, what: "the interface, for programs (OpenAPI 3.1)" },
    Entry { path: "/health/live", what: "the process runs" },
    Entry { path: "/health/ready", what: "the gateway may get traffic, with its parts" },
    Entry { path: "/health/ready/api-gateway", what: "the same, under its name" },
    Entry { path: "/metrics", what: "figures as Prometheus text" },
];

#[derive(Serialize)]
struct Entry {
    path: &'static str,
    what: &'static str,
}

#[derive(Serialize)]
struct Index {
    name: &'static str,
    service: &'static str,
    version: &'static str,
    here: &'static [Entry],
}

/// Path, media type, content.
const FILES: [(&str, &str, &str); 3] = [
    ("/api", "text/html; charset=utf-8", include_str!("../../../web/api/index.html")),
    ("/api/api.css", "text/css; charset=utf-8", include_str!("../../../web/api/api.css")),
    ("/api/api.js", "text/javascript; charset=utf-8", include_str!("../../../web/api/api.js")),
];
/// Nothing but our own files, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DESCRIPTION: LazyLock<Vec<u8>> = LazyLock::new(openapi::text);

/// The page or description of this path.
pub(crate) fn find(method: &Method, path: &str) -> Option<Response> {
    if path == "/" && !matches!(*method, Method::GET | Method::HEAD) {
        return Some(HttpError::MethodNotAllowed { allow: "GET, HEAD" }.into());
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    if path == "/" {
        let version = env!("CARGO_PKG_VERSION");
        return Some(json(StatusCode::OK, &Index { name: "aitrading", service: crate::SERVICE, version, here: &HERE }));
    }
    if path == openapi::PATH {
        return Some(bytes(StatusCode::OK, Some("application/json"), DESCRIPTION.clone()));
    }
    let (_, kind, content) = FILES.iter().find(|(known, ..)| *known == path)?;
    let mut answer = bytes(StatusCode::OK, Some(kind), content.as_bytes());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(answer)
}
