//! The gate that every batch of a source passes: sequence, duplicates, validation, silence.

use super::record::BatchRecord;
use aitrading_model::{Cursor, Epoch, Gap, GapKind, MarketTime, Source, Tick, TickBatch, TickReject, Timestamp};

/// 1990-01-01 UTC: no electronic quote is older.
const EARLIEST: MarketTime = MarketTime(631_152_000_000);
const DAY_MS: i64 = 86_400_000;
/// 1970-01-03 was the first Saturday.
const FIRST_SATURDAY: i64 = 2;

/// What counts as silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A source that says nothing for longer than this has a hole, in milliseconds of market time; 0 turns the check off.
    pub silence_ms: i64,
    /// Silence that touches a Saturday (UTC) is the weekend, and no hole.
    pub weekend_closed: bool,
}

/// A batch that cannot be taken as a whole. The client is told the cursor, and goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its epoch is not the one that the source is in.
    Epoch,
    /// Sequence numbers before it are missing.
    Hole,
}

/// How far a source has been taken in, durable or on its way to the disk, and which epoch may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gate {
    /// What was taken. An announcement does not move it: nothing of an announced epoch would ever make it durable.
    pub(crate) cursor: Cursor,
    /// An announced epoch that has no tick yet. Batches of any other are refused meanwhile.
    announced: Option<Epoch>,
    /// The highest epoch ever announced: none is announced twice, so no two lives of a client share one.
    highest: Epoch,
}

impl Gate {
    /// A source that nobody has announced anything for.
    pub(crate) fn at(cursor: Cursor) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Announces a new epoch if nothing was taken since the client was told the cursor `from`.
    pub(crate) fn start_epoch(&mut self, epoch: Epoch, from: Cursor) -> bool {
        let fits = from == self.cursor && epoch > self.cursor.epoch.max(self.highest);
        if fits {
            self.announced = Some(epoch);
            self.highest = epoch;
        }
        fits
    }

    /// Forgets an announcement that no tick followed: who asks where the source stands goes on there, in its own epoch or a
    /// new one. Nothing can come twice, as nothing was taken behind the cursor.
    pub(crate) fn withdraw(&mut self) {
        self.announced = None;
    }

    /// The sequence number that a batch has to begin with, at the latest.
    fn expected(&self, batch: &TickBatch) -> Result<u64, Refused> {
        // The very first batch of a source needs no announcement: there is no history that it could repeat.
        let unknown = self.announced.is_none() && self.cursor == Cursor::default() && batch.first_seq == 1;
        let open = self.announced.unwrap_or(if unknown { batch.epoch } else { self.cursor.epoch });
        if batch.epoch != open {
            return Err(Refused::Epoch);
        }
        Ok(if open == self.cursor.epoch { self.cursor.seq.saturating_add(1) } else { 1 })
    }

    /// Judges a batch tick by tick and moves the cursor behind it. It was received at `received`; `latest` is the latest
    /// wall time that was ever seen, which a clock set back does not change.
    pub(crate) fn take(
        &mut self,
        batch: TickBatch,
        (received, latest): (Timestamp, Timestamp),
        rules: &Rules,
    ) -> Result<BatchRecord, Refused> {
        let expected = self.expected(&batch)?;
        let Some(known) = expected.checked_sub(batch.first_seq) else { return Err(Refused::Hole) };
        let TickBatch { trace, source, epoch, mut ticks, .. } = batch;
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(ticks.len());
        ticks.drain(..known);
        let count = u32::try_from(ticks.len()).unwrap_or(u32::MAX);
        let (mut rejected, mut gaps) = (Vec::new(), Vec::new());
        if count > 0 {
            // From here on the epoch has a tick, and an announcement did its work.
            (self.cursor.epoch, self.cursor.seq, self.announced) = (epoch, expected.saturating_sub(1), None);
        }
        let mut index = 0;
        let latest_plausible = MarketTime(latest.0.div_euclid(1_000_000).saturating_add(DAY_MS));
        // `retain` visits in order, so `rejected` is sorted by index.
        ticks.retain(|tick| {
            let verdict = self.judge(tick, latest_plausible, rules, &source, &mut gaps);
            if let Err(code) = verdict {
                rejected.push((index, code));
            }
            index = u16::saturating_add(index, 1);
            verdict.is_ok()
        });
        self.cursor.seq = self.cursor.seq.saturating_add(u64::from(count));
        Ok(BatchRecord {
            trace,
            source,
            received,
            first_seq: expected,
            count,
            duplicates: u32::try_from(known).unwrap_or(u32::MAX),
            cursor: Cursor { epoch, ..self.cursor },
            accepted: ticks,
            rejected,
            gaps,
        })
    }

    /// Judges one tick. One with a believable time moves the cursor, refused or not: a reader must not bring it again.
    fn judge(
        &mut self,
        tick: &Tick,
        latest: MarketTime,
        rules: &Rules,
        source: &Source,
        gaps: &mut Vec<Gap>,
    ) -> Result<(), TickReject> {
        if tick.time < EARLIEST || tick.time > latest {
            return Err(TickReject::TimeImplausible);
        }
        let before = self.cursor.time;
        if tick.time < before {
            return Err(TickReject::TimeBackwards);
        }
        if tick.time == before {
            self.cursor.count_at_time = self.cursor.count_at_time.saturating_add(1);
        } else {
            self.cursor.time = tick.time;
            self.cursor.count_at_time = 1;
            if is_silence(before, tick.time, rules) {
                gaps.push(Gap { source: *source, from: before, to: tick.time, kind: GapKind::Silence });
            }
        }
        tick.check()
    }
}

fn is_silence(from: MarketTime, to: MarketTime, rules: &Rules) -> bool {
    let long = rules.silence_ms > 0 && from >= EARLIEST && to.since_ms(from) > rules.silence_ms;
    long && !(rules.weekend_closed && touches_saturday(from, to))
}

fn touches_saturday(from: MarketTime, to: MarketTime) -> bool {
    let days_to_saturday = (FIRST_SATURDAY - from.day()).rem_euclid(7);
    from.day() + days_to_saturday <= to.day()
}
