//! How far one symbol has come: numbers of its epoch, and positions in the terminal's history.

use super::progress::Record;
use crate::status::SymbolStatus;
use aitrading_model::{Cursor, Epoch};

/// One symbol's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Track {
    pub(super) epoch: Epoch,
    /// Ticks of the history before the epoch's first.
    base: u64,
    /// Is `base` known, or guessed until the history's end tells?
    certain: bool,
    sent: u64,
    acked: u64,
    /// The feed stands behind this tick until it is settled.
    stands_at: Option<u64>,
    total: Option<u64>,
    ended: bool,
}

impl Track {
    pub(super) fn begin(epoch: Epoch, base: u64, certain: bool) -> Self {
        Self { epoch, base, certain, ..Self::default() }
    }

    pub(super) const fn record(&self) -> Record {
        Record { epoch: self.epoch, base: self.base, certain: self.certain }
    }

    /// Is the cursor within our own epoch, so that counting goes on?
    pub(super) fn continues(&self, cursor: Cursor) -> bool {
        self.epoch.0 != 0 && cursor.epoch == self.epoch
    }

    pub(super) fn rewind(&mut self, seq: u64) {
        *self = Self { sent: seq, acked: seq, ..Self::begin(self.epoch, self.base, self.certain) };
    }

    pub(super) const fn next_seq(&self) -> u64 {
        self.sent.saturating_add(1)
    }

    /// About to be handed to the channel: noted first, since what is settled may come back before the sender returns.
    pub(super) fn standing(&mut self, seq: u64) {
        self.stands_at = Some(seq);
    }

    pub(super) fn sent(&mut self, seq: u64) {
        self.sent = self.sent.max(seq);
    }

    pub(super) fn acked(&mut self, epoch: Epoch, seq: u64) {
        if epoch == self.epoch {
            self.acked = self.acked.max(seq);
        }
    }

    /// True if the feed may go on now.
    pub(super) fn settled(&mut self, epoch: Epoch, seq: u64) -> bool {
        let goes_on = epoch == self.epoch && self.stands_at.is_some_and(|at| seq >= at);
        if goes_on {
            self.stands_at = None;
        }
        goes_on
    }

    pub(super) const fn is_acked(&self) -> bool {
        self.acked >= self.sent
    }

    /// The history's end: it tells how many ticks lie before the epoch. True if that was not known.
    pub(super) fn end(&mut self, total: u64) -> bool {
        let base = total.saturating_sub(self.sent);
        let news = !self.certain || self.base != base;
        (self.base, self.certain, self.total) = (base, true, Some(total));
        news
    }

    pub(super) fn told_end(&mut self) {
        self.ended = true;
    }

    pub(super) fn status(&self) -> SymbolStatus {
        SymbolStatus {
            sent: self.base.saturating_add(self.sent),
            acknowledged: self.base.saturating_add(self.acked),
            total: self.total,
            ended: self.ended,
        }
    }
}
