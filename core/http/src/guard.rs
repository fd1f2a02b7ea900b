//! Looks at request heads before the parser does, and stops what the parser would read more kindly than others.
//!
//! The parser takes a bare line feed for the end of a line, and two lengths for one if they are equal. A proxy in front may
//! read the same bytes otherwise, and that difference is what smuggling lives on (T61). This guard follows the connection from
//! head to head: lines end with CR LF, a length is given once and in digits alone. A byte that breaks this is replaced by NUL,
//! which the parser takes nowhere in a head, and nothing follows it: the parser answers 400 and closes by itself. So there
//! remains one parser, and the guard has nothing to say about what the bytes mean.
//!
//! Behind a Transfer-Encoding, an Upgrade or a CONNECT it cannot know where the next head begins; the connection then ends
//! with the answer to that request, unless it became something else (see `Service::answer`).

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a line that are looked at. A length that does not fit is none.
const LINE_KEPT: usize = 48;
/// What a head never contains.
const REFUSED: u8 = 0;

/// A stream whose heads are looked at.
pub(crate) struct HeadGuard<S> {
    inner: S,
    scan: Scan,
}

impl<S> HeadGuard<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner, scan: Scan::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// Not followed any more.
    Unfollowed,
    /// A head was refused: nothing gets through.
    Refused,
}

/// Where in the conversation the stream is.
#[derive(Debug)]
pub(crate) struct Scan {
    part: Part,
    /// Lines of this head so far.
    lines: usize,
    /// The beginning of the present line.
    kept: [u8; LINE_KEPT],
    /// Its length so far, without its end.
    len: usize,
    last: u8,
    length: Option<u64>,
    unfollowed: bool,
}

impl Scan {
    pub(crate) const fn new() -> Self {
        Self { part: Part::Head, lines: 0, kept: [0; LINE_KEPT], len: 0, last: 0, length: None, unfollowed: false }
    }

    /// Follows `bytes`; answers how many of them may go on.
    pub(crate) fn follow(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0_usize;
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            match self.part {
                Part::Unfollowed => return bytes.len(),
                Part::Refused => return at,
                Part::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let left = left.saturating_sub(here as u64);
                    self.part = if left == 0 { Part::Head } else { Part::Body(left) };
                    at = at.saturating_add(here);
                }
                Part::Head => {
                    at = at.saturating_add(1);
                    if let Some(byte) = rest.first_mut()
                        && !self.take(*byte)
                    {
                        *byte = REFUSED;
                        self.part = Part::Refused;
                    }
                }
            }
        }
        at
    }

    /// One byte of a head; `false` if it must not be there.
    fn take(&mut self, byte: u8) -> bool {
        let last = std::mem::replace(&mut self.last, byte);
        if byte != b'\n' {
            if let Some(place) = self.kept.get_mut(self.len) {
                *place = byte;
            }
            self.len = self.len.saturating_add(1);
            return true;
        }
        last == b'\r' && self.end_line()
    }

    fn end_line(&mut self) -> bool {
        // The carriage return was counted.
        let len = std::mem::take(&mut self.len).saturating_sub(1);
        let kept = self.kept;
        let line = kept.get(..len.min(LINE_KEPT)).unwrap_or_default();
        if len == 0 {
            // The parser passes over empty lines before a request as well.
            if self.lines > 0 {
                self.end_head();
            }
            return true;
        }
        let first = self.lines == 0;
        self.lines = self.lines.saturating_add(1);
        if first {
            self.unfollowed |= line.starts_with(b"CONNECT ");
            return true;
        }
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        if name.eq_ignore_ascii_case(b"transfer-encoding") || name.eq_ignore_ascii_case(b"upgrade") {
            self.unfollowed = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = digits(value).filter(|_| len <= LINE_KEPT && self.length.is_none());
            self.length = length;
            return length.is_some();
        }
        true
    }

    fn end_head(&mut self) {
        let part = match self.length {
            _ if self.unfollowed => Part::Unfollowed,
            Some(left @ 1..) => Part::Body(left),
            _ => Part::Head,
        };
        *self = Self { part, ..Self::new() };
    }
}

/// The number behind the colon: digits, with blanks around them and nothing else.
fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value.strip_prefix(b":")?).ok()?.trim_matches([' ', '\t']);
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadGuard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.scan.part == Part::Refused {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let may_go_on = self.scan.follow(buf.filled_mut().get_mut(before..).unwrap_or_default());
        buf.set_filled(before.saturating_add(may_go_on));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
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

impl<S> fmt::Debug for HeadGuard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadGuard").field("scan", &self.scan).finish_non_exhaustive()
    }
}
