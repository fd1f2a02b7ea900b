//! The channel's own frames on stream 0. Numbers are big-endian; nothing may follow the last field.

use crate::{
    ChannelError, CloseReason, MAX_EXTRA, MAX_STREAMS,
    frame::{Frame, MAX_BODY},
    limits::Window,
};
use bytes::{Buf, BufMut, Bytes, TryGetError};

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const ACK: u8 = 3;
const PING: u8 = 4;
const PONG: u8 = 5;
const REKEY_INIT: u8 = 6;
const REKEY_REPLY: u8 = 7;
const REKEY_SWITCH: u8 = 8;
const CLOSE: u8 = 9;

const ACK_ENTRY: usize = 18;
const MAX_CLOSE_TEXT: usize = 64;

/// How far a stream was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) stream: u16,
    pub(crate) through: u64,
}

/// What is acknowledged of a stream: all up to `through`, and of the 64 after it those whose bit is set (bit 0 = `through` + 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) stream: u16,
    pub(crate) through: u64,
    pub(crate) bitmap: u64,
}

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// The client's first transport frame.
    Hello { resume: [u8; 16], established: bool, window: Window, mono_ns: u64, delivered: Vec<Delivered> },
    /// The server's answer.
    Welcome { resumed: bool, window: Window, wall_ns: i64, echo_ns: u64, delivered: Vec<Delivered> },
    /// Acknowledgements.
    Ack(Vec<Ack>),
    /// A client's heartbeat.
    Ping { mono_ns: u64, extra: Bytes },
    /// A server's answer to it.
    Pong { echo_ns: u64, wall_ns: i64, extra: Bytes },
    /// First message of an in-band handshake.
    RekeyInit(Bytes),
    /// Second message; the server writes under the new keys after it.
    RekeyReply(Bytes),
    /// The client writes under the new keys after it.
    RekeySwitch,
    /// An orderly end.
    Close(CloseReason),
}

impl Control {
    /// Kind and body.
    pub(crate) fn encode(&self) -> (u8, Vec<u8>) {
        let mut out = Vec::with_capacity(64);
        let kind = match self {
            Self::Hello { resume, established, window, mono_ns, delivered } => {
                out.put_slice(resume);
                out.put_u8(u8::from(*established));
                put_window(&mut out, *window);
                out.put_u64(*mono_ns);
                put_delivered(&mut out, delivered);
                HELLO
            }
            Self::Welcome { resumed, window, wall_ns, echo_ns, delivered } => {
                out.put_u8(u8::from(*resumed));
                put_window(&mut out, *window);
                out.put_i64(*wall_ns);
                out.put_u64(*echo_ns);
                put_delivered(&mut out, delivered);
                WELCOME
            }
            Self::Ack(acks) => {
                for ack in acks {
                    out.put_u16(ack.stream);
                    out.put_u64(ack.through);
                    out.put_u64(ack.bitmap);
                }
                ACK
            }
            Self::Ping { mono_ns, extra } => {
                out.put_u64(*mono_ns);
                out.put_slice(extra);
                PING
            }
            Self::Pong { echo_ns, wall_ns, extra } => {
                out.put_u64(*echo_ns);
                out.put_i64(*wall_ns);
                out.put_slice(extra);
                PONG
            }
            Self::RekeyInit(message) => {
                out.put_slice(message);
                REKEY_INIT
            }
            Self::RekeyReply(message) => {
                out.put_slice(message);
                REKEY_REPLY
            }
            Self::RekeySwitch => REKEY_SWITCH,
            Self::Close(reason) => {
                out.put_slice(reason.code().as_bytes());
                CLOSE
            }
        };
        (kind, out)
    }

    /// Reads a frame of stream 0.
    pub(crate) fn decode(frame: Frame) -> Result<Self, ChannelError> {
        let Frame { kind, body, .. } = frame;
        decode(kind, body).map_err(|_| ChannelError::BadFrame("control frame cut short"))?
    }
}

type Parsed<T> = Result<Result<T, ChannelError>, TryGetError>;

fn decode(kind: u8, mut body: Bytes) -> Parsed<Control> {
    let control = match kind {
        HELLO => {
            let mut resume = [0; 16];
            body.try_copy_to_slice(&mut resume)?;
            let established = body.try_get_u8()? == 1;
            let window = get_window(&mut body)?;
            let mono_ns = body.try_get_u64()?;
            return Ok(get_delivered(body)?.map(|delivered| Control::Hello {
                resume,
                established,
                window,
                mono_ns,
                delivered,
            }));
        }
        WELCOME => {
            let resumed = body.try_get_u8()? == 1;
            let window = get_window(&mut body)?;
            let (wall_ns, echo_ns) = (body.try_get_i64()?, body.try_get_u64()?);
            return Ok(get_delivered(body)?.map(|delivered| Control::Welcome {
                resumed,
                window,
                wall_ns,
                echo_ns,
                delivered,
            }));
        }
        ACK => return get_acks(body),
        PING => Control::Ping { mono_ns: body.try_get_u64()?, extra: body },
        PONG => Control::Pong { echo_ns: body.try_get_u64()?, wall_ns: body.try_get_i64()?, extra: body },
        REKEY_INIT => Control::RekeyInit(body),
        REKEY_REPLY => Control::RekeyReply(body),
        REKEY_SWITCH if body.is_empty() => Control::RekeySwitch,
        CLOSE if body.len() <= MAX_CLOSE_TEXT => {
            Control::Close(std::str::from_utf8(&body).map_or(CloseReason::Unknown, CloseReason::from_code))
        }
        _ => return Ok(Err(ChannelError::BadFrame("unknown control frame"))),
    };
    match &control {
        Control::Ping { extra, .. } | Control::Pong { extra, .. } if extra.len() > MAX_EXTRA => {
            Ok(Err(ChannelError::FrameTooLarge { len: extra.len(), limit: MAX_EXTRA }))
        }
        _ => Ok(Ok(control)),
    }
}

fn put_window(out: &mut Vec<u8>, window: Window) {
    out.put_u32(window.frames);
    out.put_u64(window.bytes);
}

fn get_window(body: &mut Bytes) -> Result<Window, TryGetError> {
    Ok(Window { frames: body.try_get_u32()?, bytes: body.try_get_u64()? })
}

fn put_delivered(out: &mut Vec<u8>, delivered: &[Delivered]) {
    for entry in delivered {
        out.put_u16(entry.stream);
        out.put_u64(entry.through);
    }
}

fn get_delivered(mut body: Bytes) -> Parsed<Vec<Delivered>> {
    let mut delivered = Vec::new();
    while body.has_remaining() {
        if delivered.len() == MAX_STREAMS {
            return Ok(Err(ChannelError::BadFrame("too many streams")));
        }
        delivered.push(Delivered { stream: body.try_get_u16()?, through: body.try_get_u64()? });
    }
    Ok(Ok(delivered))
}

fn get_acks(mut body: Bytes) -> Parsed<Control> {
    if body.is_empty() || body.len() > MAX_BODY.min(MAX_STREAMS * ACK_ENTRY) {
        return Ok(Err(ChannelError::BadFrame("acknowledgement of a wrong length")));
    }
    let mut acks = Vec::with_capacity(body.len() / ACK_ENTRY);
    while body.has_remaining() {
        acks.push(Ack { stream: body.try_get_u16()?, through: body.try_get_u64()?, bitmap: body.try_get_u64()? });
    }
    Ok(Ok(Control::Ack(acks)))
}
