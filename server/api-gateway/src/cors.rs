//! Which web pages may call (the Fetch standard's CORS protocol). No page may, unless the operator named its origin.

use aitrading_http::{HeaderMap, HeaderValue, Method, Response, StatusCode, empty, header};

#[cfg(test)]
mod tests;

/// How long a browser may remember the answer of a preflight, in seconds.
const REMEMBER_S: &str = "600";
/// Headers that a page may send.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, traceparent, x-request-id";
/// Headers that a page may read.
const ANSWER_HEADERS: &str = "idempotent-replay, link, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, traceparent, x-request-id";
/// Methods that the interface knows.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";

/// The origins of pages that may call, compared byte by byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pages(Vec<String>);

impl Pages {
    /// These.
    pub(crate) const fn only(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// The request's origin, if it comes from a page that may call.
    fn admitted<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let origin = given.next()?;
        let alone = given.next().is_none();
        let known = self.0.iter().any(|page| page.as_bytes() == origin.as_bytes());
        (alone && known).then_some(origin)
    }

    /// The answer to a preflight; `None` if the request is none. A page that is not known gets no permission, and its browser
    /// sends nothing further.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if method != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut answer = empty(StatusCode::NO_CONTENT);
        if self.admitted(headers).is_some() {
            let said = answer.headers_mut();
            said.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            said.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
            said.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBER_S));
        }
        self.dress(headers, &mut answer);
        Some(answer)
    }

    /// Lets the page read the answer, if it may. Credentials of the browser are never asked for: tokens travel in a header.
    pub(crate) fn dress(&self, request: &HeaderMap, answer: &mut Response) {
        if self.0.is_empty() {
            return;
        }
        let said = answer.headers_mut();
        said.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.admitted(request) {
            said.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            said.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
        }
    }
}

/// An origin as a browser writes it: scheme, host and, unless it is the scheme's own, port; nothing else.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
    !host.is_empty() && text.len() <= 255 && host.bytes().all(plain)
}
