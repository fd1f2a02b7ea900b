//! Finds the one record batch of a stream, and makes sure that all of it is inside of what was sent.

use crate::message::{Malformed, malformed};
use arrow_buffer::Buffer;
use arrow_ipc::{Message, MessageHeader, MetadataVersion, RecordBatch, root_as_message};
use arrow_schema::{DataType, Field};
use bytes::Bytes;

/// Before each message.
const CONTINUES: [u8; 4] = [0xff; 4];

/// A batch that can be read without looking outside of it.
pub(super) struct Sent<'a> {
    pub(super) batch: RecordBatch<'a>,
    pub(super) body: Buffer,
    pub(super) version: MetadataVersion,
}

/// A message and where its body ends.
struct Found<'a> {
    message: Message<'a>,
    body: std::ops::Range<usize>,
}

fn bad() -> Malformed {
    malformed("the rows are no whole Arrow stream of the expected columns")
}

/// The message that begins at `at`; `None` at the end of the stream.
fn message(bytes: &Bytes, at: usize) -> Result<Option<Found<'_>>, Malformed> {
    let part = |from: usize, length: usize| {
        let end = from.checked_add(length)?;
        bytes.get(from..end).map(|part| (part, end))
    };
    let (mark, at) = part(at, 4).ok_or_else(bad)?;
    if mark != CONTINUES {
        return Err(bad());
    }
    let (length, at) = part(at, 4).ok_or_else(bad)?;
    let length = <[u8; 4]>::try_from(length).map_err(|_| bad())?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| bad())?;
    if length == 0 {
        return if at == bytes.len() { Ok(None) } else { Err(bad()) };
    }
    let (head, at) = part(at, length).ok_or_else(bad)?;
    let message = root_as_message(head).map_err(|_| bad())?;
    let length = usize::try_from(message.bodyLength()).map_err(|_| bad())?;
    let (_, end) = part(at, length).ok_or_else(bad)?;
    Ok(Some(Found { message, body: at..end }))
}

impl<'a> Sent<'a> {
    pub(super) fn find(bytes: &'a Bytes, fields: &[Field]) -> Result<Self, Malformed> {
        let schema = message(bytes, 0)?.ok_or_else(bad)?;
        let named = schema.message.header_as_schema().and_then(|schema| schema.fields()).ok_or_else(bad)?;
        let names = named.iter().map(|field| field.name());
        if !names.eq(fields.iter().map(|field| Some(field.name().as_str()))) {
            return Err(bad());
        }
        let found = message(bytes, schema.body.end)?.ok_or_else(bad)?;
        if found.message.header_type() != MessageHeader::RecordBatch || message(bytes, found.body.end)?.is_some() {
            return Err(bad());
        }
        let batch = found.message.header_as_record_batch().ok_or_else(bad)?;
        let body = bytes.slice(found.body);
        if !is_inside(batch, body.len(), fields) {
            return Err(bad());
        }
        Ok(Self { batch, body: body.into(), version: found.message.version() })
    }
}

/// Are there as many columns and buffers as the fields have, each within the body, none compressed?
fn is_inside(batch: RecordBatch<'_>, length: usize, fields: &[Field]) -> bool {
    let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else { return false };
    let wanted = fields.iter().map(|field| if field.data_type() == &DataType::Utf8 { 3 } else { 2 }).sum::<usize>();
    let inside = |offset: i64, long: i64| {
        let end = offset.checked_add(long).and_then(|end| usize::try_from(end).ok());
        offset >= 0 && long >= 0 && end.is_some_and(|end| end <= length)
    };
    batch.compression().is_none()
        && batch.length() >= 0
        && nodes.len() == fields.len()
        && nodes.iter().all(|node| node.length() == batch.length() && (0..=node.length()).contains(&node.null_count()))
        && buffers.len() == wanted
        && buffers.iter().all(|buffer| inside(buffer.offset(), buffer.length()))
}
