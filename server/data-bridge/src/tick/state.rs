//! What is durably known of one source: built by applying its journal records in order, live and at every start alike.

use super::record::BatchRecord;
use aitrading_model::{Bar, Cursor, OpenBars, Tick, TickReject};

/// How many ticks a source brought in its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Taken into the store.
    pub accepted: u64,
    /// Refused, in the order of [`TickReject::ALL`].
    pub rejected: [u64; TickReject::ALL.len()],
    /// Known already.
    pub duplicates: u64,
    /// Holes seen.
    pub gaps: u64,
}

impl Counters {
    /// Refused ticks of all codes.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    fn add(&mut self, record: &BatchRecord) {
        self.accepted += record.accepted.len() as u64;
        self.gaps += record.gaps.len() as u64;
        for (_, code) in &record.rejected {
            let slots = TickReject::ALL.into_iter().zip(&mut self.rejected);
            slots.filter(|(known, _)| known == code).for_each(|(_, count)| *count += 1);
        }
    }
}

/// Everything durable about one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceState {
    /// How far it was read.
    pub cursor: Cursor,
    /// Counts of its whole life.
    pub counters: Counters,
    /// Last accepted tick; may be "no quote".
    pub latest: Option<Tick>,
    /// Most decimals that a price of this source has had.
    pub digits: u8,
    pub(crate) bars: OpenBars,
}

impl SourceState {
    /// Does the record follow on what is known? One that does not is void: an append before it failed, nobody was promised
    /// anything, and the client sends its ticks again.
    pub(crate) fn continues(&self, record: &BatchRecord) -> bool {
        let (now, next) = (&self.cursor, &record.cursor);
        record.count > 0
            && if next.epoch == now.epoch {
                record.first_seq == now.seq.saturating_add(1)
            } else {
                next.epoch > now.epoch && record.first_seq == 1
            }
    }

    /// Applies a durable record; returns the bars that it closed, or `None` if there is nothing to apply.
    pub(crate) fn apply(&mut self, record: &BatchRecord) -> Option<Vec<Bar>> {
        self.counters.duplicates += u64::from(record.duplicates);
        if !self.continues(record) {
            return None;
        }
        self.counters.add(record);
        self.cursor = record.cursor;
        let mut closed = Vec::new();
        for tick in &record.accepted {
            self.bars.push(tick, &mut closed);
        }
        self.digits = self.digits.max(record.digits());
        self.latest = record.accepted.last().copied().or(self.latest);
        Some(closed)
    }
}
