//! One thread's part of a scan, a batch at a time.

use super::{
    Body, Job, Unit,
    batch::Raw,
    file::{FileReader, Wanted},
    prune::TIMES,
};
use crate::view::WaitingTicks;
use aitrading_model::Tick;
use datafusion::{
    arrow::{
        array::{AsArray, BooleanArray, RecordBatch, TimestampMillisecondArray},
        compute::filter_record_batch,
    },
    error::Result,
    execution::{
        TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
};
use std::sync::Arc;

/// A waiting tick, its epoch and its number in memory.
const WAITING_TICK_BYTES: usize = size_of::<Tick>() + 16;

/// A unit that is being read.
enum Reader {
    File(Box<FileReader>),
    /// From this tick on.
    Waiting(usize),
    /// Only counted: so many rows are left.
    Counted(usize),
}

/// What one thread has to read.
pub(super) struct Part {
    job: Arc<Job>,
    units: Arc<[Unit]>,
    next: usize,
    reader: Option<Reader>,
    left: usize,
    batch: usize,
    memory: MemoryReservation,
}

impl Part {
    pub(super) fn new(job: Arc<Job>, units: Arc<[Unit]>, context: &TaskContext) -> Self {
        let memory = MemoryConsumer::new("ticks").register(context.memory_pool());
        let left = job.limit.unwrap_or(usize::MAX);
        let batch = context.session_config().batch_size();
        Self { job, units, next: 0, reader: None, left, batch, memory }
    }

    /// The next batch, perhaps an empty one; `None` at the end.
    pub(super) fn step(&mut self) -> Result<Option<RecordBatch>> {
        self.job.home.check()?;
        let units = Arc::clone(&self.units);
        loop {
            let Some(unit) = units.get(self.next).filter(|_| self.left > 0) else {
                self.memory.free();
                return Ok(None);
            };
            let mut reader = match self.reader.take() {
                Some(reader) => reader,
                None => self.open(unit)?,
            };
            if let Some(batch) = self.read(&mut reader, unit)? {
                self.reader = Some(reader);
                let batch = batch.slice(0, batch.num_rows().min(self.left));
                self.left = self.left.saturating_sub(batch.num_rows());
                return Ok(Some(batch));
            }
            self.next = self.next.saturating_add(1);
        }
    }

    fn wanted(&self, unit: &Unit) -> Wanted {
        Wanted::of(&self.job.columns, !unit.inside)
    }

    fn open(&mut self, unit: &Unit) -> Result<Reader> {
        match &unit.body {
            // Where only the number of rows matters, the list tells it.
            _ if self.job.columns.is_empty() && unit.inside => {
                Ok(Reader::Counted(usize::try_from(unit.rows).unwrap_or(usize::MAX)))
            }
            Body::Waiting(waiting) => {
                self.memory.try_resize(waiting.ticks.len().saturating_mul(WAITING_TICK_BYTES))?;
                Ok(Reader::Waiting(0))
            }
            Body::File(file) => {
                let reader = FileReader::open(&self.job, file, self.wanted(unit))?;
                self.memory.try_resize(reader.bytes())?;
                Ok(Reader::File(Box::new(reader)))
            }
        }
    }

    fn read(&self, reader: &mut Reader, unit: &Unit) -> Result<Option<RecordBatch>> {
        let raw = match reader {
            Reader::Counted(left) => {
                let rows = (*left).min(self.batch);
                *left = left.saturating_sub(rows);
                Raw { rows, ..Raw::default() }
            }
            Reader::Waiting(from) => {
                let Body::Waiting(waiting) = &unit.body else { return Ok(None) };
                let raw = waiting_rows(waiting, *from, self.batch);
                *from = from.saturating_add(raw.rows);
                raw
            }
            Reader::File(reader) => return self.read_file(reader, unit),
        };
        if raw.rows == 0 {
            return Ok(None);
        }
        let kept = self.kept(unit, &raw.time)?;
        let batch = raw.batch(&unit.source, &self.job.columns, &self.job.schema)?;
        Ok(Some(match kept {
            Some(kept) => filter_record_batch(&batch, &kept)?,
            None => batch,
        }))
    }

    /// Times first: where none passes, the other columns are skipped.
    fn read_file(&self, reader: &mut FileReader, unit: &Unit) -> Result<Option<RecordBatch>> {
        let Some(mut raw) = reader.times(self.batch)? else { return Ok(None) };
        let kept = self.kept(unit, &raw.time)?;
        if kept.as_ref().is_some_and(|kept| kept.true_count() == 0) {
            reader.skip(raw.rows)?;
            return Ok(Some(RecordBatch::new_empty(Arc::clone(&self.job.schema))));
        }
        reader.fill(&mut raw)?;
        let batch = raw.batch(&unit.source, &self.job.columns, &self.job.schema)?;
        Ok(Some(match kept {
            Some(kept) if kept.true_count() < kept.len() => filter_record_batch(&batch, &kept)?,
            _ => batch,
        }))
    }

    /// Which rows pass the filter on time; `None` if all do.
    fn kept(&self, unit: &Unit, times: &[i64]) -> Result<Option<BooleanArray>> {
        let Some(filter) = self.job.filter.as_ref().filter(|_| !unit.inside) else { return Ok(None) };
        let column = TimestampMillisecondArray::from_iter_values(times.iter().copied()).with_timezone("UTC");
        let batch = RecordBatch::try_new(Arc::clone(&TIMES), vec![Arc::new(column)])?;
        let kept = filter.evaluate(&batch)?.into_array(times.len())?;
        Ok(Some(kept.as_boolean().clone()))
    }
}

/// Up to `most` waiting ticks, as they would be stored with 8 digits.
fn waiting_rows(waiting: &WaitingTicks, from: usize, most: usize) -> Raw {
    let ticks = || waiting.ticks.iter().skip(from).take(most);
    let given = |raw: i64| (raw != 0).then_some(raw);
    Raw {
        rows: ticks().len(),
        unit: 1,
        time: ticks().map(|tick| tick.time.0).collect(),
        bid: ticks().map(|tick| tick.bid.raw()).collect(),
        spread: ticks().map(|tick| tick.ask.raw().wrapping_sub(tick.bid.raw())).collect(),
        last: ticks().map(|tick| given(tick.last.raw())).collect(),
        volume: ticks().map(|tick| given(tick.volume.raw())).collect(),
        flags: ticks().map(|tick| tick.flags.bits()).collect(),
        epoch: waiting.epochs.iter().skip(from).take(most).copied().collect(),
        seq: waiting.seqs.iter().skip(from).take(most).copied().collect(),
    }
}
