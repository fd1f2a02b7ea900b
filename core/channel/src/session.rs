//! What an application holds of a session: a sender, a receiver, and who the peer is.

use crate::{
    ChannelError, ClockEstimate, CloseReason, MAX_EXTRA, Resume, StreamId,
    clock::ClockKeeper,
    resume::{Bells, Told},
};
use aitrading_env::{Clock, Env};
use aitrading_security::PeerIdentity;
use bytes::Bytes;
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// An established session.
#[derive(Debug)]
pub struct Session {
    /// Sends; can be cloned.
    pub sender: Sender,
    /// Receives. Dropping it ends the session.
    pub receiver: Receiver,
    /// Who the peer is (on the server).
    pub peer: Option<PeerIdentity>,
    /// Do both sides continue where the last connection ended? If not, every stream starts from 1, what was unacknowledged is
    /// gone, and the application has to open its work again.
    pub resumed: bool,
    /// Names this session to other protocols: both sides have the same value, no other session has it.
    pub handshake_hash: [u8; 32],
    /// The peer's static Noise key.
    pub peer_key: [u8; 32],
}

/// Something from the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A frame. Every frame must be acknowledged sooner or later, or the peer's window fills up.
    Frame {
        /// Its stream.
        stream: StreamId,
        /// Its number in the stream.
        seq: u64,
        /// The application's type.
        kind: u8,
        /// The body.
        body: Bytes,
    },
    /// The peer made our frames durable.
    Acked {
        /// The stream.
        stream: StreamId,
        /// Every frame up to this number is acknowledged.
        through: u64,
    },
    /// A heartbeat with what the peer's application put in it. Only the newest is kept if several wait.
    Heartbeat {
        /// The application's part.
        extra: Bytes,
    },
    /// The session ended in good order, or the peer named its reason.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Shared by the application's ends and the connection's task.
pub(crate) struct Shared {
    pub(crate) resume: Arc<Resume>,
    pub(crate) generation: u64,
    pub(crate) epoch: u64,
    pub(crate) bells: Arc<Bells>,
    pub(crate) server: bool,
    pub(crate) keeper: Mutex<ClockKeeper>,
    pub(crate) extra: Mutex<Bytes>,
    /// The application wants a heartbeat out of turn.
    pub(crate) beat: AtomicBool,
    pub(crate) done: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        env: &Env,
        resume: Arc<Resume>,
        generation: u64,
        bells: Arc<Bells>,
        server: bool,
        keeper: ClockKeeper,
    ) -> Arc<Self> {
        let epoch = resume.lock().epoch;
        Arc::new(Self {
            resume,
            generation,
            epoch,
            bells,
            server,
            keeper: Mutex::new(keeper),
            extra: Mutex::default(),
            beat: AtomicBool::new(false),
            done: AtomicBool::new(false),
            clock: Arc::clone(&env.clock),
        })
    }

    pub(crate) fn extra(&self) -> Bytes {
        self.extra.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn request_close(&self, reason: CloseReason) {
        let mut state = self.resume.lock();
        if state.holds(self.generation) && state.closing.is_none() {
            state.closing = Some(reason);
            self.bells.work.notify_one();
            self.bells.moved.notify_waiters();
        }
    }
}

/// The sending end.
#[derive(Debug, Clone)]
pub struct Sender(pub(crate) Arc<Shared>);

impl Sender {
    /// Queues a frame and returns its number in the stream; waits while the window is full. The frame is kept until the peer
    /// acknowledges it, over reconnects as long as the session is resumed.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] or [`ChannelError::Superseded`] if this connection is over: the frame was not taken.
    /// [`ChannelError::FrameTooLarge`] beyond [`crate::MAX_BODY`].
    pub async fn send(&self, stream: StreamId, kind: u8, body: Bytes) -> Result<u64, ChannelError> {
        loop {
            if let Some(seq) = self.try_send(stream, kind, &body)? {
                return Ok(seq);
            }
            let mut moved = std::pin::pin!(self.0.bells.moved.notified());
            // Registered before the second look, so that an acknowledgement in between is not missed.
            moved.as_mut().enable();
            if let Some(seq) = self.try_send(stream, kind, &body)? {
                return Ok(seq);
            }
            moved.await;
        }
    }

    /// As [`Sender::send`], but gives `None` instead of waiting while the window is full.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn try_send(&self, stream: StreamId, kind: u8, body: &Bytes) -> Result<Option<u64>, ChannelError> {
        self.0.resume.lock().send(self.0.generation, stream, kind, body)
    }

    /// Says that a received frame is durable. Acknowledgements are coalesced. Works after a reconnect as well: the connection
    /// that then holds the session sends it.
    pub fn ack(&self, stream: StreamId, seq: u64) {
        self.0.resume.lock().note_durable(self.0.epoch, stream, seq, false);
    }

    /// Says that a received frame and all before it in its stream are durable.
    pub fn ack_through(&self, stream: StreamId, seq: u64) {
        self.0.resume.lock().note_durable(self.0.epoch, stream, seq, true);
    }

    /// Waits until everything acknowledged so far has been written to the network.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] or [`ChannelError::Superseded`] if the connection ended first; the acknowledgements then go out
    /// with the next one.
    pub async fn flush_acks(&self) -> Result<(), ChannelError> {
        let wanted = self.0.resume.lock().acks_noted();
        loop {
            let mut moved = std::pin::pin!(self.0.bells.moved.notified());
            moved.as_mut().enable();
            {
                let state = self.0.resume.lock();
                if state.acks_written >= wanted {
                    return Ok(());
                }
                state.check(self.0.generation)?;
            }
            moved.await;
        }
    }

    /// The server's wall clock against this machine's monotonic one. On the server it is its own, without error.
    #[must_use]
    pub fn clock(&self) -> ClockEstimate {
        let now = self.0.clock.mono_ns();
        let own = || {
            let offset_ns = self.0.clock.wall_ns().saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
            // A client without a sample knows nothing: the error says so.
            ClockEstimate { offset_ns, err_ns: if self.0.server { 0 } else { u64::MAX } }
        };
        let keeper = *self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.at(now).unwrap_or_else(own)
    }

    /// What the next heartbeats carry for the peer's application, at most [`MAX_EXTRA`] bytes.
    ///
    /// # Errors
    /// [`ChannelError::FrameTooLarge`]; the former content stays.
    pub fn set_heartbeat_extra(&self, extra: Bytes) -> Result<(), ChannelError> {
        if extra.len() > MAX_EXTRA {
            return Err(ChannelError::FrameTooLarge { len: extra.len(), limit: MAX_EXTRA });
        }
        *self.0.extra.lock().unwrap_or_else(PoisonError::into_inner) = extra;
        Ok(())
    }

    /// Sends a heartbeat out of turn, so that the peer's answer need not be waited for; the regular ones follow it. A server
    /// only answers heartbeats: there this does nothing.
    pub fn heartbeat_now(&self) {
        self.0.beat.store(true, Ordering::Release);
        self.0.bells.work.notify_one();
    }

    /// Ends the session: what is queued is written first, the peer is told the reason, and the connection is closed, all within
    /// the close timeout. The session can still be resumed.
    pub async fn close(&self, reason: CloseReason) {
        self.0.request_close(reason);
        loop {
            let mut moved = std::pin::pin!(self.0.bells.moved.notified());
            moved.as_mut().enable();
            if self.0.done.load(Ordering::Acquire) {
                return;
            }
            moved.await;
        }
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct Receiver(pub(crate) Arc<Shared>);

impl Receiver {
    /// Waits for the next event. Frames come in order within their stream, each once. Safe to drop while waiting.
    ///
    /// # Errors
    /// Why the connection ended, once; then [`ChannelError::Closed`].
    pub async fn recv(&mut self) -> Result<Event, ChannelError> {
        loop {
            if let Some(told) = self.0.resume.lock().next(self.0.generation)? {
                return Ok(match told {
                    Told::Frame(f) => Event::Frame { stream: f.stream, seq: f.seq, kind: f.kind, body: f.body },
                    Told::Acked(stream, through) => Event::Acked { stream, through },
                    Told::Heartbeat(extra) => Event::Heartbeat { extra },
                    Told::Closed(reason) => Event::Closed { reason },
                });
            }
            // One receiver per connection: a bell rung between look and wait is kept for it.
            self.0.bells.arrived.notified().await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.request_close(CloseReason::GoingAway);
    }
}
