//! Events as messages: the body is the payload, everything else is in headers.

#[cfg(test)]
mod tests;

use crate::{Names, names::hex, names::unhex};
use aitrading_model::{Timestamp, TraceId};
use aitrading_store::{Event, StoreError};
use async_nats::{HeaderMap, header::NATS_MESSAGE_ID};

const ID: &str = "Event-Id";
const TRACE: &str = "Event-Trace";
const AT: &str = "Event-At";
/// Which call of `publish` made the message.
const CALL: &str = "Event-Call";
/// Bytes that the headers of a message can have at most, with room to spare.
pub(crate) const HEADERS_MAX: usize = 1_024;

/// The headers of an event that `call` publishes.
pub(crate) fn headers(event: &Event, call: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, Names::message_id(event));
    headers.insert(ID, hex(&event.id));
    headers.insert(TRACE, hex(&event.trace.0));
    headers.insert(AT, event.at.0.to_string());
    headers.insert(CALL, call.to_string());
    headers
}

/// Was this message made by `call`?
pub(crate) fn is_of_call(headers: &HeaderMap, call: u64) -> bool {
    headers.get(CALL).is_some_and(|text| text.as_str() == call.to_string())
}

/// Reads an event back.
pub(crate) fn event(
    names: &Names,
    subject: &str,
    headers: Option<&HeaderMap>,
    payload: &[u8],
) -> Result<Event, StoreError> {
    let damaged = || StoreError::corrupt("an event on the bus is not one of ours; it is set aside");
    let header = |name: &str| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str());
    let (tenant, topic) = names.read(subject).ok_or_else(damaged)?;
    let id = header(ID).and_then(unhex).ok_or_else(damaged)?;
    let trace = TraceId(header(TRACE).and_then(unhex).ok_or_else(damaged)?);
    let at = Timestamp(header(AT).and_then(|text| text.parse().ok()).ok_or_else(damaged)?);
    let event = Event { tenant, topic, id, trace, at, body: payload.to_vec() };
    event.check().map_err(|_| damaged())?;
    Ok(event)
}
