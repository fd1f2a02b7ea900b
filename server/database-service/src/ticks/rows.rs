//! Ticks with their numbers, and the plain form in which a running day's last ones wait inside SQLite.

use aitrading_model::{MarketTime, Price, Tick, TickFlags, Volume};
use aitrading_store::{SeqRun, StoreError};

/// Bytes of one waiting tick: time, bid, ask, last, volume, epoch, number (8 each, little endian), flags.
pub(crate) const TAIL_TICK_BYTES: usize = 57;

/// Ticks of one source and their sequence numbers, side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) ticks: Vec<Tick>,
    pub(crate) epochs: Vec<u64>,
    pub(crate) seqs: Vec<u64>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.ticks.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }

    pub(crate) fn push(&mut self, tick: Tick, epoch: u64, seq: u64) {
        self.ticks.push(tick);
        self.epochs.push(epoch);
        self.seqs.push(seq);
    }

    /// Appends ticks that follow each other; `numbers` gives each its epoch and number.
    pub(crate) fn extend(&mut self, ticks: &[Tick], numbers: &mut impl Iterator<Item = (u64, u64)>) {
        self.ticks.extend_from_slice(ticks);
        self.epochs.reserve(ticks.len());
        self.seqs.reserve(ticks.len());
        for (epoch, seq) in numbers.take(ticks.len()) {
            self.epochs.push(epoch);
            self.seqs.push(seq);
        }
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.ticks.append(&mut other.ticks);
        self.epochs.append(&mut other.epochs);
        self.seqs.append(&mut other.seqs);
    }

    /// Cuts off and returns everything behind the first `n`.
    pub(crate) fn split_off(&mut self, n: usize) -> Self {
        Self { ticks: self.ticks.split_off(n), epochs: self.epochs.split_off(n), seqs: self.seqs.split_off(n) }
    }

    /// Into the order of time; ticks of one millisecond keep theirs.
    pub(crate) fn sort(&mut self) {
        let mut all: Vec<_> = self.iter().map(|(tick, epoch, seq)| (*tick, epoch, seq)).collect();
        all.sort_by_key(|(tick, _, _)| tick.time);
        *self = Self::default();
        all.into_iter().for_each(|(tick, epoch, seq)| self.push(tick, epoch, seq));
    }

    fn iter(&self) -> impl Iterator<Item = (&Tick, u64, u64)> {
        self.ticks.iter().zip(&self.epochs).zip(&self.seqs).map(|((tick, epoch), seq)| (tick, *epoch, *seq))
    }

    pub(crate) fn to_tail(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len().saturating_mul(TAIL_TICK_BYTES));
        for (tick, epoch, seq) in self.iter() {
            let prices = [tick.bid.raw(), tick.ask.raw(), tick.last.raw(), tick.volume.raw()];
            out.extend_from_slice(&tick.time.0.to_le_bytes());
            prices.iter().for_each(|raw| out.extend_from_slice(&raw.to_le_bytes()));
            out.extend_from_slice(&epoch.to_le_bytes());
            out.extend_from_slice(&seq.to_le_bytes());
            out.push(tick.flags.bits());
        }
        out
    }

    /// Appends what [`Rows::to_tail`] wrote.
    pub(crate) fn push_tail(&mut self, body: &[u8]) -> Result<(), StoreError> {
        let (records, rest) = body.as_chunks::<TAIL_TICK_BYTES>();
        if !rest.is_empty() {
            return Err(StoreError::corrupt("waiting ticks end inside a tick"));
        }
        for record in records {
            let (numbers, flags) = record.split_at(TAIL_TICK_BYTES - 1);
            let mut numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
            let mut next = || numbers.next().unwrap_or_default();
            let tick = Tick {
                time: MarketTime(next()),
                bid: Price::from_raw(next()),
                ask: Price::from_raw(next()),
                last: Price::from_raw(next()),
                volume: Volume::from_raw(next()),
                flags: TickFlags::from_bits(flags.first().copied().unwrap_or_default().into()),
            };
            let (epoch, seq) = (next().cast_unsigned(), next().cast_unsigned());
            self.push(tick, epoch, seq);
        }
        Ok(())
    }
}

/// Every tick's number, from the runs that cover them.
pub(crate) fn numbers(runs: &[SeqRun]) -> impl Iterator<Item = (u64, u64)> + '_ {
    runs.iter().flat_map(|run| (0..u64::from(run.count)).map(|i| (run.epoch.0, run.first_seq.wrapping_add(i))))
}
