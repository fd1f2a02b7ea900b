//! Reading and flushing at once: a side that only flushed while its peer only flushed would wait for ever.

use crate::{
    ChannelError,
    limits::READ_MESSAGES,
    pipe::{Socket, socket_error},
};
use futures_util::{Sink, Stream};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio_websockets::Message;

/// What the last poll brought.
pub(super) struct Io {
    /// Something queued in the socket is not written yet.
    pub(super) flushing: bool,
    /// The last flush ended.
    pub(super) flushed: bool,
    /// Messages to be worked off.
    pub(super) inbound: Vec<Message>,
    /// Why no more messages will come.
    pub(super) broken: Option<ChannelError>,
}

impl Io {
    pub(super) const fn new() -> Self {
        Self { flushing: false, flushed: false, inbound: Vec::new(), broken: None }
    }

    /// Ready when something was read, or a flush ended, or the connection broke.
    pub(super) fn poll(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<()> {
        if self.flushing {
            match Pin::new(&mut *socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => (self.flushing, self.flushed) = (false, true),
                // A peer that named its reason before it hung up is heard below; a broken pipe shows there as well.
                Poll::Ready(Err(_)) => self.flushing = false,
                Poll::Pending => {}
            }
        }
        while self.inbound.len() < READ_MESSAGES {
            match Pin::new(&mut *socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => self.inbound.push(message),
                Poll::Ready(Some(Err(error))) => {
                    self.broken = Some(socket_error(error));
                    break;
                }
                Poll::Ready(None) => {
                    self.broken = Some(ChannelError::Truncated);
                    break;
                }
                Poll::Pending => break,
            }
        }
        if self.flushed || self.broken.is_some() || !self.inbound.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}
