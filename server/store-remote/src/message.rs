//! What travels in one body: a JSON head, and behind it batches of rows as Arrow IPC streams.
//!
//! A body without batches is the head alone. With batches it is a row of frames, each with its kind (one byte) and its length
//! (four bytes, the highest first).

use crate::carried::Carried;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// Media type of a head alone.
pub(crate) const JSON: &str = "application/json";
/// Media type of frames.
pub(crate) const FRAMES: &str = "application/vnd.aitrading.frames";
/// Bytes before a frame's content.
const FRAME_HEAD: usize = 5;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// JSON: what was asked or answered. In a stream it is the last frame.
    Head,
    /// An Arrow IPC stream.
    Rows,
    /// JSON: why a stream ends early.
    Error,
}

impl FrameKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Head => b'H',
            Self::Rows => b'R',
            Self::Error => b'E',
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'H' => Self::Head,
            b'R' => Self::Rows,
            b'E' => Self::Error,
            _ => return None,
        })
    }
}

/// A body that is not what it should be, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) String);

pub(crate) fn malformed(text: &str) -> Malformed {
    Malformed(text.to_owned())
}

/// Without the library's words: they would quote what was sent, and that may be a secret.
impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => malformed("a value is not of the form that the method takes"),
            _ => malformed("this is no JSON"),
        }
    }
}

/// Batches in the order in which the head speaks of them.
#[derive(Debug, Default)]
pub(crate) struct Parts(VecDeque<Bytes>);

impl Parts {
    pub(crate) fn push(&mut self, rows: Bytes) {
        self.0.push_back(rows);
    }

    pub(crate) fn pop(&mut self) -> Result<Bytes, Malformed> {
        self.0.pop_front().ok_or_else(|| malformed("the head speaks of more rows than there are"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A head with its batches.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) head: Value,
    pub(crate) parts: Parts,
}

impl Message {
    /// An answer.
    pub(crate) fn of<T: Carried>(answer: &T) -> Result<Self, Malformed> {
        let mut parts = Parts::default();
        Ok(Self { head: answer.write(&mut parts)?, parts })
    }

    /// Its bytes and their media type.
    pub(crate) fn encode(&self) -> Result<(&'static str, Bytes), Malformed> {
        let head = serde_json::to_vec(&self.head)?;
        if self.parts.is_empty() {
            return Ok((JSON, head.into()));
        }
        let frames =
            self.parts.0.iter().map(|part| part.len().saturating_add(FRAME_HEAD)).fold(0, usize::saturating_add);
        let mut bytes = BytesMut::with_capacity(frames.saturating_add(head.len()).saturating_add(FRAME_HEAD));
        put_frame(&mut bytes, FrameKind::Head, &head)?;
        for part in &self.parts.0 {
            put_frame(&mut bytes, FrameKind::Rows, part)?;
        }
        Ok((FRAMES, bytes.freeze()))
    }

    /// Reads a body.
    pub(crate) fn decode(media: &str, body: Bytes) -> Result<Self, Malformed> {
        if media == JSON {
            return Ok(Self { head: serde_json::from_slice(&body)?, parts: Parts::default() });
        }
        if media != FRAMES {
            return Err(malformed("send application/json or application/vnd.aitrading.frames"));
        }
        let mut frames = Frames::default();
        frames.push(body);
        let mut head = None;
        let mut parts = Parts::default();
        while let Some((kind, content)) = frames.next(usize::MAX)? {
            match (kind, &head) {
                (FrameKind::Head, None) => head = Some(serde_json::from_slice(&content)?),
                (FrameKind::Rows, Some(_)) => parts.push(content),
                _ => return Err(malformed("the frames are one head and rows behind it")),
            }
        }
        if !frames.is_empty() {
            return Err(malformed("the last frame is not whole"));
        }
        Ok(Self { head: head.ok_or_else(|| malformed("there is no head"))?, parts })
    }
}

fn put_frame(bytes: &mut BytesMut, kind: FrameKind, content: &[u8]) -> Result<(), Malformed> {
    let length = u32::try_from(content.len()).map_err(|_| malformed("a frame has at most 4 GiB"))?;
    bytes.put_u8(kind.byte());
    bytes.put_u32(length);
    bytes.put_slice(content);
    Ok(())
}

/// One frame.
pub(crate) fn frame(kind: FrameKind, content: &[u8]) -> Result<Bytes, Malformed> {
    let mut bytes = BytesMut::with_capacity(content.len().saturating_add(FRAME_HEAD));
    put_frame(&mut bytes, kind, content)?;
    Ok(bytes.freeze())
}

/// Finds frames in what arrives.
#[derive(Debug, Default)]
pub(crate) struct Frames(BytesMut);

impl Frames {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.0.is_empty() {
            self.0 = bytes.into();
        } else {
            self.0.extend_from_slice(&bytes);
        }
    }

    /// The next frame, if all of it is there. One that is longer than `limit` is refused before it is waited for.
    pub(crate) fn next(&mut self, limit: usize) -> Result<Option<(FrameKind, Bytes)>, Malformed> {
        let Some(mut head) = self.0.get(..FRAME_HEAD) else { return Ok(None) };
        let kind = FrameKind::of(head.get_u8()).ok_or_else(|| malformed("a frame is of no known kind"))?;
        let length = usize::try_from(head.get_u32()).unwrap_or(usize::MAX);
        if length > limit {
            return Err(malformed("a frame is too long"));
        }
        let end = length.saturating_add(FRAME_HEAD);
        if self.0.len() < end {
            return Ok(None);
        }
        let mut whole = self.0.split_to(end);
        whole.advance(FRAME_HEAD);
        Ok(Some((kind, whole.freeze())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The arguments of a call on their way in: each is taken once, and nothing may be left.
#[derive(Debug)]
pub(crate) struct Asked {
    fields: Map<String, Value>,
    parts: Parts,
}

impl Asked {
    pub(crate) fn read(message: Message) -> Result<Self, Malformed> {
        match message.head {
            Value::Object(fields) => Ok(Self { fields, parts: message.parts }),
            _ => Err(malformed("the arguments are a JSON object")),
        }
    }

    pub(crate) fn take<T: Carried>(&mut self, name: &'static str) -> Result<T, Malformed> {
        let value = self.fields.remove(name).ok_or_else(|| Malformed(format!("the argument `{name}` is missing")))?;
        T::read(value, &mut self.parts)
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if let Some(name) = self.fields.keys().next() {
            let shown: String = name.chars().take(64).collect();
            return Err(Malformed(format!("there is no argument {shown:?}")));
        }
        if self.parts.is_empty() { Ok(()) } else { Err(malformed("there are more rows than the head speaks of")) }
    }
}
