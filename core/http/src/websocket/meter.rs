//! Counts what a WebSocket's peer sends, frame by frame, below whatever decodes it (T54, T55).
//!
//! Above the decoder it would be too late: pings and the pieces of a message never reach the owner of the socket, and a length
//! has been believed by then. Whoever sends too much is told so (1008, 1009) in a whole frame between two of ours, and read no
//! further; the owner of the socket sees the end of the stream.

use aitrading_env::{BoxFuture, BoxStream, Clock};
use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Nanoseconds of a second.
const SECOND_NS: u128 = 1_000_000_000;
/// Longest frame header up to the mask: two bytes and a length of eight.
const HEADER_MAX: usize = 10;
/// A client's mask, which is counted as a part of the payload that it covers.
const MASK: u64 = 4;

/// How long, and how many bytes, a peer that was told is still read and not looked at: hanging up on what it has under way
/// would tear the close frame from it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// What the peer of one WebSocket may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimits {
    /// Bytes of one frame's payload.
    pub frame_bytes: u64,
    /// Bytes of a message, all its frames together.
    pub message_bytes: u64,
    /// Frames in a second, control frames included.
    pub frames_per_second: u32,
    /// Frames at once.
    pub frames_burst: u32,
    /// Bytes in a second, headers included.
    pub bytes_per_second: u32,
    /// Bytes at once.
    pub bytes_burst: u32,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 64 * 1024,
            message_bytes: 256 * 1024,
            frames_per_second: 500,
            frames_burst: 1_000,
            bytes_per_second: 2 * 1024 * 1024,
            bytes_burst: 4 * 1024 * 1024,
        }
    }
}

/// What was too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excess {
    Flood,
    TooBig,
}

impl Excess {
    /// The close frame that says so, as a server sends it: unmasked.
    const fn frame(self) -> &'static [u8] {
        match self {
            // 1008
            Self::Flood => b"\x88\x0f\x03\xf0RATE_EXCEEDED",
            // 1009
            Self::TooBig => b"\x88\x11\x03\xf1FRAME_TOO_LARGE",
        }
    }
}

/// Meters what comes over `stream`, the upgraded connection of a server.
#[must_use]
pub fn metered(stream: BoxStream, clock: Arc<dyn Clock>, limits: MessageLimits) -> BoxStream {
    Box::new(Metered {
        inner: stream,
        clock,
        limits,
        received: Walk::default(),
        sent: Walk::default(),
        message: 0,
        frames: Bucket::new(limits.frames_per_second, limits.frames_burst),
        bytes: Bucket::new(limits.bytes_per_second, limits.bytes_burst),
        excess: None,
        told: 0,
        linger: None,
        ignored: 0,
    })
}

/// Where in a sequence of frames a direction is.
#[derive(Debug, Default)]
struct Walk {
    header: [u8; HEADER_MAX],
    have: usize,
    /// Bytes of mask and payload that are still to come.
    left: u64,
}

/// A frame header of which everything but the mask is there.
#[derive(Debug, Clone, Copy)]
struct FrameHead {
    control: bool,
    last: bool,
    payload: u64,
    mask: u64,
    len: u64,
}

impl Walk {
    /// Goes over `bytes`, and asks `admit` about each header. `Err` has the number of bytes before the frame that it refused.
    fn over(&mut self, bytes: &[u8], mut admit: impl FnMut(FrameHead) -> bool) -> Result<(), usize> {
        let (mut at, mut begun) = (0_usize, 0_usize);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left = self.left.saturating_sub(here as u64);
                at = at.saturating_add(here);
                continue;
            }
            if self.have == 0 {
                begun = at;
            }
            if let (Some(place), Some(byte)) = (self.header.get_mut(self.have), rest.first()) {
                *place = *byte;
            }
            self.have = self.have.saturating_add(1);
            at = at.saturating_add(1);
            if let Some(head) = self.complete() {
                self.have = 0;
                if !admit(head) {
                    return Err(begun);
                }
                self.left = head.mask.saturating_add(head.payload);
            }
        }
        Ok(())
    }

    /// Between two frames?
    const fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    fn complete(&self) -> Option<FrameHead> {
        let [first, second, long @ ..] = self.header;
        let (masked, short) = (second & 0x80 != 0, second & 0x7f);
        let length_bytes = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let len = 2_usize.saturating_add(length_bytes);
        if self.have < len {
            return None;
        }
        let payload = match length_bytes {
            0 => u64::from(short),
            bytes => long.iter().take(bytes).fold(0, |value, byte| value << 8 | u64::from(*byte)),
        };
        let mask = if masked { MASK } else { 0 };
        Some(FrameHead { control: first & 0x08 != 0, last: first & 0x80 != 0, payload, mask, len: len as u64 })
    }
}

/// GCRA for one key: the time at which the bucket is empty again. (The limits of core/security count callers; they know nothing
/// of bytes, and no door needs them to be open.)
#[derive(Debug)]
struct Bucket {
    per_second: u128,
    burst_ns: u64,
    empty_at_ns: u64,
}

impl Bucket {
    fn new(per_second: u32, burst: u32) -> Self {
        let per_second = u128::from(per_second.max(1));
        Self { per_second, burst_ns: time(u64::from(burst), per_second), empty_at_ns: 0 }
    }

    fn take(&mut self, cost: u64, now_ns: u64) -> bool {
        let empty_at_ns = self.empty_at_ns.max(now_ns).saturating_add(time(cost, self.per_second));
        let fits = empty_at_ns.saturating_sub(now_ns) <= self.burst_ns;
        if fits {
            self.empty_at_ns = empty_at_ns;
        }
        fits
    }
}

fn time(cost: u64, per_second: u128) -> u64 {
    let ns = u128::from(cost).saturating_mul(SECOND_NS).checked_div(per_second).unwrap_or(u128::MAX);
    u64::try_from(ns).unwrap_or(u64::MAX)
}

struct Metered {
    inner: BoxStream,
    clock: Arc<dyn Clock>,
    limits: MessageLimits,
    received: Walk,
    sent: Walk,
    /// Bytes of the message that is being received.
    message: u64,
    frames: Bucket,
    bytes: Bucket,
    excess: Option<Excess>,
    /// Bytes of the close frame that have left.
    told: usize,
    /// Ends the reading of what nobody looks at.
    linger: Option<BoxFuture<'static, ()>>,
    ignored: usize,
}

impl Metered {
    /// Looks at what was received; answers how much of it may go on.
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let now_ns = self.clock.mono_ns();
        let Self { received, limits, message, frames, bytes: volume, excess, .. } = self;
        let walked = received.over(bytes, |head| {
            let whole = if head.control { head.payload } else { message.saturating_add(head.payload) };
            if head.payload > limits.frame_bytes || whole > limits.message_bytes {
                *excess = Some(Excess::TooBig);
                return false;
            }
            if !head.control {
                *message = if head.last { 0 } else { whole };
            }
            let fits = frames.take(1, now_ns) && volume.take(head.payload.saturating_add(head.mask + head.len), now_ns);
            if !fits {
                *excess = Some(Excess::Flood);
            }
            fits
        });
        walked.err().unwrap_or(bytes.len())
    }

    /// Tells the peer why, if that does not cut a frame of ours in two, and ends.
    fn poll_part(&mut self, cx: &mut Context<'_>, excess: Excess) -> Poll<()> {
        if !self.sent.is_between() {
            return Poll::Ready(());
        }
        while let Some(rest) = excess.frame().get(self.told..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest)) {
                Ok(n @ 1..) => self.told = self.told.saturating_add(n),
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        // Whoever floods need not be listening; what cannot be flushed is cut with the connection.
        drop(ready!(Pin::new(&mut self.inner).poll_flush(cx)));
        drop(ready!(Pin::new(&mut self.inner).poll_shutdown(cx)));
        self.poll_linger(cx)
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { inner, clock, linger, ignored, .. } = self;
        if linger.get_or_insert_with(|| clock.sleep(LINGER)).as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scrap = [0; 4096];
        while *ignored < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut *inner).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => *ignored = ignored.saturating_add(buf.filled().len()),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    fn send(&mut self, polled: Poll<io::Result<usize>>, bufs: &[&[u8]]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(sent)) = &polled {
            let mut left = *sent;
            for buf in bufs {
                let here = left.min(buf.len());
                left = left.saturating_sub(here);
                self.sent.over(buf.get(..here).unwrap_or_default(), |_| true).unwrap_or_default();
            }
        }
        polled
    }

    /// Until the peer was told, what came before may still be answered.
    fn refusal(&self) -> Option<io::Error> {
        self.excess
            .filter(|_| self.told > 0)
            .map(|_| io::Error::new(io::ErrorKind::BrokenPipe, "closed: the peer sent too much"))
    }
}

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered").field("limits", &self.limits).field("excess", &self.excess).finish_non_exhaustive()
    }
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(excess) = self.excess {
                ready!(self.poll_part(cx, excess));
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            let fresh = buf.filled().get(before..).unwrap_or_default();
            let may_go_on = self.receive(fresh);
            buf.set_filled(before.saturating_add(may_go_on));
            // Nothing at all would look like the end before the peer was told.
            if may_go_on > 0 || self.excess.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(refusal) = self.refusal() {
            return Poll::Ready(Err(refusal));
        }
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.send(polled, &[bytes])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(refusal) = self.refusal() {
            return Poll::Ready(Err(refusal));
        }
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        let bufs: Vec<&[u8]> = bufs.iter().map(|buf| &**buf).collect();
        self.send(polled, &bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
