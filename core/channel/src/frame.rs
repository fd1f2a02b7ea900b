//! The plaintext frame: `ver u8 | type u8 | stream u16 | flags u8 | seq u64 | len u32 | body | zeros to a multiple of 16`,
//! numbers big-endian.

use crate::ChannelError;
use bytes::{Buf, BufMut, Bytes};

/// Longest body of a frame: with header and padding it fits one Noise message.
pub const MAX_BODY: usize = 60 * 1024;
const VERSION: u8 = 1;
/// The last (and, in this version, only) part of a message.
const FIN: u8 = 1;
const HEADER: usize = 17;
const BLOCK: usize = 16;

/// A stream of a session: frames are numbered and ordered within it. 0 is the channel's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u16);

/// The channel's own stream.
pub(crate) const CONTROL: StreamId = StreamId(0);

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: StreamId,
    pub(crate) seq: u64,
    pub(crate) body: Bytes,
}

impl Frame {
    /// Appends the encoded frame to `out`.
    pub(crate) fn encode(
        kind: u8,
        stream: StreamId,
        seq: u64,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        let len = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BODY);
        let Some(len) = len else {
            return Err(ChannelError::FrameTooLarge { len: body.len(), limit: MAX_BODY });
        };
        let end = out.len() + padded(body.len());
        out.put_u8(VERSION);
        out.put_u8(kind);
        out.put_u16(stream.0);
        out.put_u8(FIN);
        out.put_u64(seq);
        out.put_u32(len);
        out.put_slice(body);
        out.resize(end, 0);
        Ok(())
    }

    /// Reads a frame that must fill `plain` exactly.
    pub(crate) fn decode(mut plain: Bytes) -> Result<Self, ChannelError> {
        let total = plain.len();
        if total < HEADER {
            return Err(ChannelError::BadFrame("shorter than its header"));
        }
        let (version, kind, stream, flags) = (plain.get_u8(), plain.get_u8(), plain.get_u16(), plain.get_u8());
        let (seq, len) = (plain.get_u64(), plain.get_u32() as usize);
        if version != VERSION {
            return Err(ChannelError::BadFrame("unknown version"));
        }
        if flags != FIN {
            return Err(ChannelError::BadFrame("unknown flags"));
        }
        if len > MAX_BODY {
            return Err(ChannelError::FrameTooLarge { len, limit: MAX_BODY });
        }
        if total != padded(len) {
            return Err(ChannelError::BadFrame("length and size disagree"));
        }
        let body = plain.split_to(len);
        if plain.iter().any(|byte| *byte != 0) {
            return Err(ChannelError::BadFrame("padding is not zero"));
        }
        Ok(Self { kind, stream: StreamId(stream), seq, body })
    }
}

const fn padded(body: usize) -> usize {
    (HEADER + body).next_multiple_of(BLOCK)
}
