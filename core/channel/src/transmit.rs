//! The sending half of a session's memory: numbers, what is unacknowledged, what is still to be written.

use crate::{
    ChannelError, MAX_STREAMS, StreamId,
    control::{Ack, Delivered},
    limits::Window,
};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// A frame to be written.
#[derive(Debug, Clone)]
pub(crate) struct OutFrame {
    pub(crate) stream: StreamId,
    pub(crate) kind: u8,
    pub(crate) seq: u64,
    pub(crate) body: Bytes,
}

/// A frame that was sent or is to be sent; `None` once it is selectively acknowledged.
type Slot = Option<(u8, Bytes)>;

#[derive(Debug)]
struct TxStream {
    /// Everything up to here is acknowledged.
    acked: u64,
    /// Everything up to here was written on the present connection, or delivered on an earlier one.
    written: u64,
    /// Frames `acked + 1`, `acked + 2`, ...
    slots: VecDeque<Slot>,
}

impl TxStream {
    const fn new() -> Self {
        Self { acked: 0, written: 0, slots: VecDeque::new() }
    }

    fn last(&self) -> u64 {
        self.acked + self.slots.len() as u64
    }

    fn slot(&mut self, seq: u64) -> Option<&mut Slot> {
        let index = seq.checked_sub(self.acked + 1)?;
        self.slots.get_mut(usize::try_from(index).ok()?)
    }
}

/// All streams that this side sends on.
#[derive(Debug, Default)]
pub(crate) struct Transmit {
    streams: BTreeMap<StreamId, TxStream>,
    pending: VecDeque<(StreamId, u64)>,
    frames: usize,
    bytes: u64,
}

impl Transmit {
    pub(crate) fn admits(&self, window: Window, len: usize) -> bool {
        window.admits(self.frames, self.bytes, len as u64)
    }

    /// Takes a frame into custody until it is acknowledged, and numbers it.
    pub(crate) fn push(&mut self, stream: StreamId, kind: u8, body: Bytes) -> Result<u64, ChannelError> {
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&stream) {
            return Err(ChannelError::BadFrame("too many streams"));
        }
        let entry = self.streams.entry(stream).or_insert_with(TxStream::new);
        self.frames += 1;
        self.bytes += body.len() as u64;
        entry.slots.push_back(Some((kind, body)));
        let seq = entry.last();
        self.pending.push_back((stream, seq));
        Ok(seq)
    }

    /// Moves frames that are to be written into `out`, up to both bounds.
    pub(crate) fn take(&mut self, max_frames: usize, max_bytes: usize, out: &mut Vec<OutFrame>) {
        let mut bytes = 0;
        while out.len() < max_frames && bytes < max_bytes {
            let Some((stream, seq)) = self.pending.pop_front() else { return };
            let Some(entry) = self.streams.get_mut(&stream) else { continue };
            entry.written = entry.written.max(seq);
            if let Some(Some((kind, body))) = entry.slot(seq) {
                bytes += body.len();
                out.push(OutFrame { stream, kind: *kind, seq, body: body.clone() });
            }
        }
    }

    /// Works off an acknowledgement. Returns the new cumulative number if it grew.
    pub(crate) fn acknowledge(&mut self, ack: Ack) -> Result<Option<u64>, ChannelError> {
        let highest = match ack.bitmap {
            0 => ack.through,
            bits => ack.through.saturating_add(64 - u64::from(bits.leading_zeros())),
        };
        let Some(entry) = self.streams.get_mut(&StreamId(ack.stream)).filter(|entry| highest <= entry.written) else {
            return Err(ChannelError::BadFrame("acknowledges what was never sent"));
        };
        let before = entry.acked;
        let mut freed = (0, 0);
        while entry.acked < ack.through {
            // Guarded by `written`: a slot exists for every number up to it.
            free(entry.slots.pop_front().flatten(), &mut freed);
            entry.acked += 1;
        }
        let mut bits = ack.bitmap;
        while bits != 0 {
            let seq = ack.through + 1 + u64::from(bits.trailing_zeros());
            free(entry.slot(seq).and_then(Option::take), &mut freed);
            bits &= bits - 1;
        }
        while matches!(entry.slots.front(), Some(None)) {
            entry.slots.pop_front();
            entry.acked += 1;
        }
        let grown = (entry.acked > before).then_some(entry.acked);
        self.frames = self.frames.saturating_sub(freed.0);
        self.bytes = self.bytes.saturating_sub(freed.1);
        Ok(grown)
    }

    /// Does what the peer says it received fit what we remember?
    pub(crate) fn fits(&self, delivered: &[Delivered]) -> bool {
        let through = |stream: StreamId| delivered.iter().find(|d| d.stream == stream.0).map_or(0, |d| d.through);
        let known = self.streams.iter().all(|(id, entry)| (entry.acked..=entry.written).contains(&through(*id)));
        known && delivered.iter().all(|d| d.through == 0 || self.streams.contains_key(&StreamId(d.stream)))
    }

    /// After a reconnect: exactly what the peer did not receive is to be written again.
    pub(crate) fn rewind(&mut self, delivered: &[Delivered]) {
        self.pending.clear();
        for (id, entry) in &mut self.streams {
            let through = delivered.iter().find(|d| d.stream == id.0).map_or(0, |d| d.through);
            entry.written = through;
            self.pending.extend((through + 1..=entry.last()).map(|seq| (*id, seq)));
        }
    }
}

fn free(slot: Slot, freed: &mut (usize, u64)) {
    if let Some((_, body)) = slot {
        freed.0 += 1;
        freed.1 += body.len() as u64;
    }
}
