//! The receiving half of a session's memory: what came, what the application took, what it made durable.

use crate::{
    ChannelError, MAX_STREAMS, StreamId,
    control::{Ack, Delivered},
    frame::Frame,
    limits::Window,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug, Default)]
struct RxStream {
    /// Number of the last frame that came on this connection (or was delivered before it).
    last: u64,
    /// Has a frame beyond `delivered` come on this connection?
    moving: bool,
    /// The application took everything up to here.
    delivered: u64,
    /// The application made everything up to here durable ...
    acked: u64,
    /// ... and these beyond it.
    later: BTreeSet<u64>,
    /// An acknowledgement is to be written.
    dirty: bool,
}

/// All streams that this side receives on, and the frames that the application has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Receive {
    streams: BTreeMap<StreamId, RxStream>,
    inbox: VecDeque<Frame>,
    inbox_bytes: u64,
}

impl Receive {
    /// Takes a frame from the wire: the next of its stream, within the window.
    pub(crate) fn push(&mut self, window: Window, frame: Frame) -> Result<(), ChannelError> {
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&frame.stream) {
            return Err(ChannelError::BadFrame("too many streams"));
        }
        let entry = self.streams.entry(frame.stream).or_default();
        if frame.seq <= entry.delivered && !entry.moving {
            // Sent again after a reconnect although it had arrived: the application has it.
            return Ok(());
        }
        let expected = entry.last + 1;
        if frame.seq != expected {
            return Err(ChannelError::SeqGap { stream: frame.stream.0, expected, got: frame.seq });
        }
        if !window.admits(self.inbox.len(), self.inbox_bytes, frame.body.len() as u64) {
            return Err(ChannelError::WindowExceeded);
        }
        entry.last = frame.seq;
        entry.moving = true;
        self.inbox_bytes += frame.body.len() as u64;
        self.inbox.push_back(frame);
        Ok(())
    }

    /// Hands the next frame to the application.
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.inbox.pop_front()?;
        self.inbox_bytes = self.inbox_bytes.saturating_sub(frame.body.len() as u64);
        if let Some(entry) = self.streams.get_mut(&frame.stream) {
            entry.delivered = frame.seq;
        }
        Some(frame)
    }

    /// The application made frame `seq` durable. Numbers that it never took are ignored.
    pub(crate) fn acknowledge(&mut self, stream: StreamId, seq: u64) -> bool {
        let Some(entry) = self.streams.get_mut(&stream).filter(|e| seq > e.acked && seq <= e.delivered) else {
            return false;
        };
        if seq == entry.acked + 1 {
            entry.acked = seq;
            while entry.later.first() == Some(&(entry.acked + 1)) {
                entry.later.pop_first();
                entry.acked += 1;
            }
        } else {
            entry.later.insert(seq);
        }
        entry.dirty = true;
        true
    }

    /// The application made everything up to `seq` durable.
    pub(crate) fn acknowledge_through(&mut self, stream: StreamId, seq: u64) -> bool {
        let Some(entry) = self.streams.get_mut(&stream).filter(|e| seq > e.acked && seq <= e.delivered) else {
            return false;
        };
        entry.acked = seq;
        entry.later = entry.later.split_off(&(seq + 1));
        while entry.later.first() == Some(&(entry.acked + 1)) {
            entry.later.pop_first();
            entry.acked += 1;
        }
        entry.dirty = true;
        true
    }

    /// Acknowledgements that are to be written.
    pub(crate) fn take_acks(&mut self, out: &mut Vec<Ack>) {
        for (id, entry) in &mut self.streams {
            if std::mem::take(&mut entry.dirty) {
                let bits =
                    entry.later.iter().map_while(|seq| 1u64.checked_shl(u32::try_from(seq - entry.acked - 1).ok()?));
                let bitmap = bits.fold(0, |all, bit| all | bit);
                out.push(Ack { stream: id.0, through: entry.acked, bitmap });
            }
        }
    }

    /// What the application took, for the peer to continue after.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        let entry = |(id, entry): (&StreamId, &RxStream)| Delivered { stream: id.0, through: entry.delivered };
        self.streams.iter().map(entry).collect()
    }

    /// A new connection takes over: what was not taken comes again, what was acknowledged is said again.
    pub(crate) fn reconnect(&mut self) {
        self.inbox.clear();
        self.inbox_bytes = 0;
        for entry in self.streams.values_mut() {
            entry.last = entry.delivered;
            entry.moving = false;
            entry.dirty = entry.acked > 0 || !entry.later.is_empty();
        }
    }
}
