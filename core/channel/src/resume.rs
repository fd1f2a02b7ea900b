//! What outlives one connection: both halves of the session's memory, and which connection holds them now.

use crate::{
    ChannelError, CloseReason, MAX_BODY, StreamId,
    control::{Ack, Delivered},
    frame::{CONTROL, Frame},
    limits::Window,
    receive::Receive,
    transmit::{OutFrame, Transmit},
};
use aitrading_env::{Clock, Env, RngExt};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// A session's memory. Keep it across connections: frames that were not acknowledged are sent again by the next one.
#[derive(Debug)]
pub struct Resume {
    id: [u8; 16],
    state: Mutex<State>,
}

impl Resume {
    /// An empty memory with a random name.
    #[must_use]
    pub fn new(env: &Env) -> Arc<Self> {
        Self::with_id(env.rng.bytes())
    }

    pub(crate) fn with_id(id: [u8; 16]) -> Arc<Self> {
        Arc::new(Self { id, state: Mutex::new(State::default()) })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> [u8; 16] {
        self.id
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before the lock is given back, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds the memory during a client's handshake and lets go of it when that fails or is dropped.
pub(crate) struct Claim {
    resume: Arc<Resume>,
    generation: u64,
    clock: Option<Arc<dyn Clock>>,
}

impl Claim {
    pub(crate) fn take(env: &Env, resume: &Arc<Resume>, window: Window) -> (Self, Arc<Bells>) {
        let (generation, bells) = resume.lock().attach(window);
        (Self { resume: Arc::clone(resume), generation, clock: Some(Arc::clone(&env.clock)) }, bells)
    }

    /// The session's task lets go of the memory from here on.
    pub(crate) fn keep(mut self) -> u64 {
        self.clock = None;
        self.generation
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            let lost = Some(ChannelError::Truncated);
            self.resume.lock().end(self.generation, clock.mono_ns(), CloseReason::GoingAway, lost);
        }
    }
}

/// Wakes the parties of one connection.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    /// For the connection's task: something is to be written.
    pub(crate) work: Notify,
    /// For the receiver: something arrived.
    pub(crate) arrived: Notify,
    /// For senders: the window opened, acknowledgements went out, or the session ended.
    pub(crate) moved: Notify,
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: CloseReason,
    /// Told to the receiver once; `None` for an orderly close.
    pub(crate) error: Option<ChannelError>,
    told: bool,
}

/// What the receiver is to be told next.
#[derive(Debug)]
pub(crate) enum Told {
    Frame(Frame),
    Acked(StreamId, u64),
    Heartbeat(Bytes),
    Closed(CloseReason),
}

/// Guarded by the memory's lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Which connection holds the memory: others are stale.
    generation: u64,
    /// Grows when both sides start from 1 again: acknowledgements from before mean nothing.
    pub(crate) epoch: u64,
    /// Has the peer confirmed this session?
    pub(crate) established: bool,
    pub(crate) transmit: Transmit,
    receive: Receive,
    window: Option<Window>,
    own_window: Option<Window>,
    bells: Arc<Bells>,
    acked: BTreeMap<StreamId, u64>,
    heartbeat: Option<Bytes>,
    acks_noted: u64,
    pub(crate) acks_written: u64,
    pub(crate) closing: Option<CloseReason>,
    ended: Option<Ended>,
    /// Is there a connection, and since when not?
    connected: bool,
    pub(crate) disconnected_at: u64,
}

impl State {
    /// A connection is about to attach: the table must not let go of the memory.
    pub(crate) fn claim(&mut self) {
        self.connected = true;
    }

    /// A new connection takes over; the one before is stale from here on.
    pub(crate) fn attach(&mut self, own_window: Window) -> (u64, Arc<Bells>) {
        let before = std::mem::take(&mut self.bells);
        self.generation += 1;
        self.own_window = Some(own_window);
        self.window = None;
        self.receive.reconnect();
        self.acked.clear();
        self.heartbeat = None;
        self.closing = None;
        self.ended = None;
        self.connected = true;
        self.acks_written = self.acks_noted;
        before.work.notify_one();
        before.arrived.notify_one();
        before.moved.notify_waiters();
        (self.generation, Arc::clone(&self.bells))
    }

    /// Both sides start from 1; what was unacknowledged is forgotten.
    pub(crate) fn reset(&mut self) {
        self.epoch += 1;
        self.transmit = Transmit::default();
        self.receive = Receive::default();
        self.acked.clear();
    }

    /// The handshake is complete: continue after what the peer has.
    pub(crate) fn begin(&mut self, peer: Window, delivered: &[Delivered]) {
        self.established = true;
        self.window = self.own_window.map(|own| own.smaller(peer));
        self.transmit.rewind(delivered);
    }

    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.receive.delivered()
    }

    pub(crate) const fn is_connected(&self) -> bool {
        self.connected
    }

    pub(crate) const fn holds(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// Fails for a connection that was superseded or has ended.
    pub(crate) fn check(&self, generation: u64) -> Result<(), ChannelError> {
        if !self.holds(generation) {
            return Err(ChannelError::Superseded);
        }
        let over = self.ended.as_ref().map(|ended| ended.reason).or(self.closing);
        over.map_or(Ok(()), |reason| Err(ChannelError::Closed { reason }))
    }

    /// Takes a frame if the window admits it.
    pub(crate) fn send(
        &mut self,
        generation: u64,
        stream: StreamId,
        kind: u8,
        body: &Bytes,
    ) -> Result<Option<u64>, ChannelError> {
        self.check(generation)?;
        if stream == CONTROL {
            return Err(ChannelError::BadFrame("stream 0 is the channel's own"));
        }
        if body.len() > MAX_BODY {
            return Err(ChannelError::FrameTooLarge { len: body.len(), limit: MAX_BODY });
        }
        if !self.window.is_some_and(|window| self.transmit.admits(window, body.len())) {
            return Ok(None);
        }
        let seq = self.transmit.push(stream, kind, body.clone())?;
        self.bells.work.notify_one();
        Ok(Some(seq))
    }

    /// Notes that a received frame (or all up to it) is durable. The present connection writes it, whichever received the frame.
    pub(crate) fn note_durable(&mut self, epoch: u64, stream: StreamId, seq: u64, all: bool) {
        if epoch != self.epoch {
            return;
        }
        let noted =
            if all { self.receive.acknowledge_through(stream, seq) } else { self.receive.acknowledge(stream, seq) };
        if noted {
            self.acks_noted += 1;
            self.bells.work.notify_one();
        }
    }

    pub(crate) const fn acks_noted(&self) -> u64 {
        self.acks_noted
    }

    /// What is to be written now. Returns how many noted acknowledgements it covers.
    pub(crate) fn take_output(&mut self, frames: (usize, usize), acks: &mut Vec<Ack>, out: &mut Vec<OutFrame>) -> u64 {
        self.receive.take_acks(acks);
        self.transmit.take(frames.0, frames.1, out);
        self.acks_noted
    }

    /// Takes frames from the wire.
    pub(crate) fn take_frames(&mut self, frames: impl Iterator<Item = Frame>) -> Result<(), ChannelError> {
        let window = self.own_window.ok_or(ChannelError::WindowExceeded)?;
        let mut result = Ok(());
        for frame in frames {
            result = self.receive.push(window, frame);
            if result.is_err() {
                break;
            }
        }
        self.bells.arrived.notify_one();
        result
    }

    /// Takes acknowledgements from the wire.
    pub(crate) fn take_peer_acks(&mut self, acks: Vec<Ack>) -> Result<(), ChannelError> {
        for ack in acks {
            if let Some(through) = self.transmit.acknowledge(ack)? {
                self.acked.insert(StreamId(ack.stream), through);
            }
        }
        self.bells.arrived.notify_one();
        self.bells.moved.notify_waiters();
        Ok(())
    }

    pub(crate) fn take_heartbeat(&mut self, extra: Bytes) {
        self.heartbeat = Some(extra);
        self.bells.arrived.notify_one();
    }

    /// What the receiver of that connection is to be told next.
    pub(crate) fn next(&mut self, generation: u64) -> Result<Option<Told>, ChannelError> {
        if !self.holds(generation) {
            return Err(ChannelError::Superseded);
        }
        if let Some((stream, through)) = self.acked.pop_first() {
            return Ok(Some(Told::Acked(stream, through)));
        }
        if let Some(extra) = self.heartbeat.take() {
            return Ok(Some(Told::Heartbeat(extra)));
        }
        if let Some(frame) = self.receive.pop() {
            return Ok(Some(Told::Frame(frame)));
        }
        let Some(ended) = &mut self.ended else { return Ok(None) };
        match ended.error.take() {
            Some(error) => {
                ended.told = true;
                Err(error)
            }
            None if ended.told => Err(ChannelError::Closed { reason: ended.reason }),
            None => {
                ended.told = true;
                Ok(Some(Told::Closed(ended.reason)))
            }
        }
    }

    /// The connection of that generation is over.
    pub(crate) fn end(&mut self, generation: u64, now: u64, reason: CloseReason, error: Option<ChannelError>) {
        if self.holds(generation) && self.ended.is_none() {
            self.ended = Some(Ended { reason, error, told: false });
            self.connected = false;
            self.disconnected_at = now;
            self.bells.arrived.notify_one();
            self.bells.moved.notify_waiters();
        }
    }
}
