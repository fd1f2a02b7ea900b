//! All tick sources: where each stands, on its way to the disk and durably.

use crate::{
    BridgeError, SourceState,
    tick::{BatchRecord, Gate, Refused, Rules},
};
use aitrading_model::{Cursor, Epoch, Source, TickBatch, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use tokio::sync::Notify;

#[cfg(test)]
mod tests;

/// One source.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) source: Source,
    /// Taken in, maybe not yet durable. Held while a record is queued, so that records are queued in order.
    flow: Mutex<Flow>,
    /// Durable. The authority: the gate goes back to it when an append fails.
    state: Mutex<SourceState>,
    /// Rung when a record was applied or failed.
    moved: Notify,
}

/// What has passed the gate.
#[derive(Debug, Clone, Copy)]
struct Flow {
    gate: Gate,
    /// Records on their way to the disk.
    in_flight: u64,
}

impl Slot {
    pub(crate) fn new(source: Source, state: SourceState) -> Self {
        let flow = Flow { gate: Gate::at(state.cursor), in_flight: 0 };
        Self { source, flow: Mutex::new(flow), state: Mutex::new(state), moved: Notify::new() }
    }

    /// Durable state.
    pub(crate) fn state(&self) -> SourceState {
        *lock(&self.state)
    }

    /// Judges a batch (`now`: receive time, and latest wall time ever seen) and hands its record to `queue` before any other batch of this source can pass.
    pub(crate) fn take<T>(
        &self,
        batch: TickBatch,
        now: (Timestamp, Timestamp),
        rules: &Rules,
        queue: impl FnOnce(BatchRecord) -> Result<T, BridgeError>,
    ) -> Result<T, BridgeError> {
        let mut flow = lock(&self.flow);
        let before = *flow;
        match flow.gate.take(batch, now, rules) {
            Ok(record) => {
                flow.in_flight = flow.in_flight.saturating_add(1);
                queue(record).inspect_err(|_| *flow = before)
            }
            Err(Refused::Epoch | Refused::Hole) => {
                drop(flow);
                Err(BridgeError::OutOfStep { cursor: self.state().cursor })
            }
        }
    }

    /// Announces a new epoch behind the durable cursor `from`; otherwise says where the source stands.
    pub(crate) fn start_epoch(&self, epoch: Epoch, from: Cursor) -> Result<(), Cursor> {
        let mut flow = lock(&self.flow);
        // While something is on its way to the disk nobody knows where the source stands: the client has to ask again.
        if flow.in_flight == 0 && flow.gate.start_epoch(epoch, from) { Ok(()) } else { Err(self.state().cursor) }
    }

    /// Forgets an announced epoch that has no tick: somebody asks where the source stands, and goes on there.
    pub(crate) fn withdraw(&self) {
        lock(&self.flow).gate.withdraw();
    }

    /// Applies a durable record.
    pub(crate) fn applied<T>(&self, apply: impl FnOnce(&mut SourceState) -> T) -> T {
        let out = apply(&mut lock(&self.state));
        self.landed(false);
        out
    }

    /// An append failed: what is behind the durable cursor was not taken.
    pub(crate) fn fall_back(&self) {
        self.landed(true);
    }

    fn landed(&self, failed: bool) {
        let mut flow = lock(&self.flow);
        flow.in_flight = flow.in_flight.saturating_sub(1);
        // With nothing in flight the durable cursor is right, also where records behind a failed one were void.
        if failed || flow.in_flight == 0 {
            flow.gate.cursor = self.state().cursor;
        }
        drop(flow);
        self.moved.notify_waiters();
    }

    /// The cursor, if nothing of this source is on its way to the disk.
    pub(crate) fn at_rest(&self) -> Option<Cursor> {
        let flow = lock(&self.flow);
        (flow.in_flight == 0).then(|| self.state().cursor)
    }

    /// Waits until nothing of this source is on its way to the disk; returns the cursor. An announced epoch is nothing to wait
    /// for: no tick may ever follow it.
    pub(crate) async fn settled(&self) -> Cursor {
        loop {
            // Registered before the look, so that a move in between is not missed.
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if let Some(cursor) = self.at_rest() {
                return cursor;
            }
            moved.await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All sources.
#[derive(Debug)]
pub(crate) struct Sources {
    slots: RwLock<BTreeMap<Source, Arc<Slot>>>,
    max: usize,
}

impl Sources {
    pub(crate) fn new(states: BTreeMap<Source, SourceState>, max: usize) -> Self {
        let slots = states.into_iter().map(|(source, state)| (source, Arc::new(Slot::new(source, state))));
        Self { slots: RwLock::new(slots.collect()), max }
    }

    pub(crate) fn find(&self, source: &Source) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(source).map(Arc::clone)
    }

    pub(crate) fn find_or_add(&self, source: &Source) -> Result<Arc<Slot>, BridgeError> {
        if let Some(slot) = self.find(source) {
            return Ok(slot);
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.max && !slots.contains_key(source) {
            return Err(BridgeError::TooManySources { max: self.max });
        }
        let slot = slots.entry(*source).or_insert_with(|| Arc::new(Slot::new(*source, SourceState::default())));
        Ok(Arc::clone(slot))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
