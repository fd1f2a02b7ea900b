//! Frames: a fixed header, a bounded body, a checksum over both; and a decoder that is fed as bytes arrive.

use crate::{WireError, limits::EA_BODY_BYTES_MAX};
use bytes::{Buf, BytesMut};

/// The first four bytes of every frame: `ATEA`.
pub const MAGIC: u32 = u32::from_le_bytes(*b"ATEA");
/// The version of frames and messages. 2: specifications tell when a symbol trades. 3: history can be asked for.
pub const VERSION: u8 = 3;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;
/// Flag of a tick frame: the feed stands still behind it until it is told to go on.
pub const FLAG_STANDS: u8 = 1;

/// Bytes that a reader makes room for at once.
const READ_CHUNK: usize = 64 * 1024;
/// The checksum covers the header up to here, then the body.
const CRC_AT: usize = 12;

/// One frame whose checksum fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Message kind.
    pub kind: u8,
    /// Number of the connection's role; 0 before the hello.
    pub role: u8,
    /// Flags.
    pub flags: u8,
    /// The message.
    pub body: &'a [u8],
}

/// Appends one frame; `body` writes the message behind the header.
pub(super) fn push_frame(out: &mut Vec<u8>, kind: u8, role: u8, flags: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&[VERSION, kind, role, flags]);
    out.extend_from_slice(&[0; 8]);
    body(out);
    let Some(frame) = out.get_mut(start..) else { return };
    let Some((header, body)) = frame.split_first_chunk_mut::<HEADER_BYTES>() else { return };
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let (head, crc) = header.split_at_mut(CRC_AT);
    for (to, from) in head.iter_mut().skip(8).zip(len.to_le_bytes()) {
        *to = from;
    }
    crc.copy_from_slice(&checksum(head, body).to_le_bytes());
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(head), body)
}

/// Finds frames in a stream of bytes that arrive in pieces. After an error the stream is lost: close it.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// Bytes at the front that belong to the frame handed out last.
    taken: usize,
}

impl Decoder {
    /// An empty decoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The buffer to read into, with room for a chunk. Take all frames out before reading more: then it never holds more than
    /// one frame and one chunk.
    pub fn space(&mut self) -> &mut BytesMut {
        self.settle();
        self.buffer.reserve(READ_CHUNK);
        &mut self.buffer
    }

    /// The next whole frame; `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`WireError`] as soon as the bytes at hand cannot become a frame: wrong magic or version, a body beyond its limit
    /// (before it arrives), a checksum that does not fit.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, WireError> {
        self.settle();
        // Foreign bytes are told at once: waiting for sixteen of them would only look like silence.
        let known = self.buffer.len().min(4);
        if self.buffer.get(..known) != MAGIC.to_le_bytes().get(..known) {
            return Err(WireError::BadValue("magic"));
        }
        let Some((header, rest)) = self.buffer.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let [_, _, _, _, version, kind, role, flags, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
        if version != VERSION {
            return Err(WireError::Version(version.into()));
        }
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| WireError::TooLarge("body"))?;
        if len > EA_BODY_BYTES_MAX {
            return Err(WireError::TooLarge("body"));
        }
        let Some(body) = rest.get(..len) else { return Ok(None) };
        if checksum(header.get(..CRC_AT).unwrap_or_default(), body) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(WireError::Checksum);
        }
        self.taken = HEADER_BYTES.saturating_add(len);
        Ok(Some(Frame { kind, role, flags, body }))
    }

    /// Bytes that arrived and are not taken out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len().saturating_sub(self.taken)
    }

    fn settle(&mut self) {
        self.buffer.advance(self.taken.min(self.buffer.len()));
        self.taken = 0;
    }
}
