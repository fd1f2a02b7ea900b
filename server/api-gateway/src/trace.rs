//! Where a request stands in a trace (W3C Trace Context, level 1), and the number under which it is spoken of.

use aitrading_env::{Rng, RngExt};
use aitrading_http::{HeaderMap, HeaderValue};
use aitrading_model::TraceId;
use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// The header that joins a request to its cause.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The header of the request's own number.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// Bytes of `00-<32>-<16>-<2>`.
const TRACEPARENT_LEN: usize = 55;
/// Most bytes of a request id that a caller chose.
const REQUEST_ID_MAX: usize = 64;

/// A request's place in its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// The whole trace: the caller's, if it named one.
    pub(crate) id: TraceId,
    /// Our part of it.
    pub(crate) span: [u8; 8],
    /// Did the caller ask for it to be recorded?
    pub(crate) sampled: bool,
    /// The caller's own number for the request, or our span's.
    pub(crate) request: String,
}

impl Trace {
    /// From the request's headers; what is missing or malformed is drawn anew, as the standard wants it.
    pub(crate) fn of(headers: &HeaderMap, rng: &dyn Rng) -> Self {
        let given = once(headers, TRACEPARENT).and_then(parse);
        let (id, sampled) = given.unwrap_or_else(|| (TraceId(rng.bytes()), false));
        let span: [u8; 8] = rng.bytes();
        let chosen = once(headers, REQUEST_ID).filter(|id| is_request_id(id));
        let request = chosen.map_or_else(|| hex(&span), str::to_owned);
        Self { id, span, sampled, request }
    }

    /// What the services behind us are told, and the caller too.
    pub(crate) fn traceparent(&self) -> Option<HeaderValue> {
        let flags = u8::from(self.sampled);
        HeaderValue::try_from(format!("00-{}-{}-{flags:02x}", self.id, hex(&self.span))).ok()
    }

    /// The request's number as a header.
    pub(crate) fn request_id(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.request.as_str()).ok()
    }
}

/// The trace and whether it is sampled, of a well-formed header of version 00 or of a later one that begins alike.
fn parse(text: &str) -> Option<(TraceId, bool)> {
    let (known, rest) = text.split_at_checked(TRACEPARENT_LEN)?;
    let mut parts = known.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = parts.next().is_none() && [version.len(), trace.len(), span.len(), flags.len()] == [2, 32, 16, 2];
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !lengths || ![version, trace, span, flags].into_iter().all(lower) {
        return None;
    }
    // "ff" is forbidden, version 00 has nothing behind its flags, and later ones go on with another field.
    if version == "ff" || (version == "00" && !rest.is_empty()) || !(rest.is_empty() || rest.starts_with('-')) {
        return None;
    }
    let nonzero = |text: &str| text.bytes().any(|b| b != b'0');
    if !nonzero(trace) || !nonzero(span) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace.parse().ok()?, flags & 1 == 1))
}

/// Text that may be written into logs and headers as it is.
fn is_request_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=REQUEST_ID_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// A header that is there exactly once, as text.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String does not fail.
        write!(text, "{byte:02x}").unwrap_or(());
        text
    })
}
