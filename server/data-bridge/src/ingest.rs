//! The way of a batch: judged, queued for the journal, and when it is durable applied, answered and handed on.
//!
//! Nobody waits for a sync per batch: the caller goes on with the next one, and the answer comes through a callback from
//! the journal's writer, in the order of the batches.

use crate::{
    BridgeError, Prices, Rules,
    meters::Meters,
    publish::{Outgoing, Published},
    sources::{Slot, Sources},
    tick::BatchRecord,
};
use aitrading_env::Env;
use aitrading_journal::Journal;
use aitrading_model::{Bar, TickBatch, Timestamp};
use aitrading_wire::{
    limits::TICKS_PER_BATCH_MAX,
    services::{FeedBatch, IngestReceipt, ServiceError, TickIngest},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot};

/// Called once with a batch's fate, from the journal's writer thread: it must not block.
pub(crate) type Answer = Box<dyn FnOnce(Result<IngestReceipt, BridgeError>) + Send>;

/// Takes batches in.
pub(crate) struct Ingest {
    pub(crate) env: Env,
    pub(crate) journal: Journal,
    pub(crate) sources: Arc<Sources>,
    pub(crate) rules: Rules,
    pub(crate) outgoing: mpsc::Sender<Published>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) prices: Arc<Prices>,
    /// Highest wall time seen: a clock that is set back must not make honest ticks look like ones of the future.
    pub(crate) latest: AtomicI64,
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Ingest {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.env.clock.wall_ns())
    }

    /// Queues a batch; waits while the queues behind are full. `answer` comes when the batch is durable or failed.
    ///
    /// # Errors
    /// If the batch was not queued; `answer` is then not called.
    pub(crate) async fn submit(
        &self,
        slot: &Arc<Slot>,
        batch: TickBatch,
        outgoing: Outgoing,
        answer: Answer,
    ) -> Result<(), BridgeError> {
        if batch.ticks.is_empty() || batch.ticks.len() > TICKS_PER_BATCH_MAX {
            return Err(BridgeError::BatchSize { max: TICKS_PER_BATCH_MAX });
        }
        // Room behind the journal is taken first: the writer's callback must never have to wait for it.
        let place = self.outgoing.clone().reserve_owned().await.map_err(|_| BridgeError::Stopping)?;
        let permit = self.journal.reserve().await?;
        let now = self.now();
        let latest = Timestamp(self.latest.fetch_max(now.0, Ordering::Relaxed).max(now.0));
        slot.take(batch, (now, latest), &self.rules, |record| {
            let bytes = record.encode();
            let (slot, meters, prices) = (Arc::clone(slot), Arc::clone(&self.meters), Arc::clone(&self.prices));
            let done = move |written: Result<_, _>| match written {
                Ok(_) => durable(&slot, (&meters, &prices), record, outgoing, place, answer),
                Err(error) => {
                    slot.fall_back();
                    meters.failed.increment(1);
                    answer(Err(BridgeError::Journal(error)));
                }
            };
            permit.append_with(bytes, Box::new(done)).map_err(BridgeError::from)
        })
    }
}

/// Runs on the journal's writer thread, in journal order.
fn durable(
    slot: &Slot,
    (meters, prices): (&Meters, &Prices),
    record: BatchRecord,
    outgoing: Outgoing,
    place: mpsc::OwnedPermit<Published>,
    answer: Answer,
) {
    let (bars, state) = slot.applied(|state| (state.apply(&record), *state));
    meters.duplicates.increment(u64::from(record.duplicates));
    let receipt = IngestReceipt {
        accepted: u32::try_from(record.accepted.len()).unwrap_or(u32::MAX),
        rejected: u32::try_from(record.rejected.len()).unwrap_or(u32::MAX),
        duplicates: record.duplicates,
    };
    let covered = state.cursor.epoch == record.cursor.epoch && state.cursor.seq >= record.cursor.seq;
    match bars {
        Some(bars) => {
            meters.count(&record);
            prices.take(&record.source, &record.accepted);
            answer(Ok(receipt));
            drop(place.send(Published { batch: Some(feed_batch(record, bars)), outgoing }));
        }
        // All of it was known, and is durable by now.
        None if record.count == 0 && covered => {
            answer(Ok(receipt));
            drop(place.send(Published { batch: None, outgoing }));
        }
        None => {
            meters.failed.increment(1);
            answer(Err(BridgeError::Void));
        }
    }
}

fn feed_batch(record: BatchRecord, bars: Vec<Bar>) -> FeedBatch {
    FeedBatch {
        trace: record.trace,
        source: record.source,
        epoch: record.cursor.epoch,
        last_seq: record.cursor.seq,
        ticks: record.accepted.into(),
        bars,
        gaps: record.gaps,
        received: record.received,
    }
}

#[async_trait::async_trait]
impl TickIngest for Ingest {
    async fn ingest(&self, batch: TickBatch) -> Result<IngestReceipt, ServiceError> {
        let (tell, told) = oneshot::channel();
        // The asker may have given up.
        let answer: Answer = Box::new(move |fate| tell.send(fate).map_or((), |()| ()));
        let outcome = match self.sources.find_or_add(&batch.source) {
            Ok(slot) => match self.submit(&slot, batch, Outgoing::none(), answer).await {
                Ok(()) => told.await.unwrap_or(Err(BridgeError::Stopping)),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        outcome.map_err(|error| ServiceError::from_coded(&error))
    }
}
