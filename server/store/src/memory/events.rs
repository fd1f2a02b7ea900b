//! An event bus in memory: every consumer has the events that it has not acknowledged.

use super::lock;
use crate::{Delivery, Event, EventBus, EventStream, StoreError, Topic, check_consumer};
use aitrading_model::TenantId;
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

/// Events that wait for one consumer at most; beyond it publishing is refused, so that nothing is lost unseen.
const WAITING_MAX: usize = 65_536;
/// Consumers of one topic of one tenant at most.
const CONSUMERS_MAX: usize = 256;
/// Ids that are remembered at most; within [`Event::DEDUPLICATED_S`] no more can be published on one topic.
const IDS_MAX: usize = 1_048_576;
const DEDUPLICATED_NS: u64 = Event::DEDUPLICATED_S.saturating_mul(1_000_000_000);

type Address = (TenantId, Topic);

/// Carries events in memory. A consumer is remembered as long as the bus lives; streams end when it is dropped.
pub struct MemoryEventBus(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    now_ns: Box<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<Address, Log>,
    streams: u64,
    closed: bool,
}

#[derive(Default)]
struct Log {
    last_place: u64,
    ids: BTreeSet<[u8; 16]>,
    ids_by_age: VecDeque<(u64, [u8; 16])>,
    /// What each consumer has not acknowledged.
    consumers: BTreeMap<String, BTreeMap<u64, Arc<Event>>>,
    waiting: BTreeMap<u64, Waker>,
}

fn full(what: &'static str) -> StoreError {
    StoreError::Full { doing: "publishing an event", source: what.into() }
}

impl Log {
    fn forget_ids(&mut self, now: u64) {
        while let Some((at, id)) = self.ids_by_age.front().copied() {
            if at.saturating_add(DEDUPLICATED_NS) > now {
                break;
            }
            self.ids_by_age.pop_front();
            self.ids.remove(&id);
        }
    }

    fn publish(&mut self, event: Event, now: u64) -> Result<bool, StoreError> {
        self.forget_ids(now);
        if self.ids.contains(&event.id) {
            return Ok(false);
        }
        if self.ids.len() >= IDS_MAX {
            return Err(full("more ids than can be recognised"));
        }
        if self.consumers.values().any(|waiting| waiting.len() >= WAITING_MAX) {
            return Err(full("a consumer has fallen too far behind"));
        }
        self.ids.insert(event.id);
        self.ids_by_age.push_back((now, event.id));
        self.last_place = self.last_place.saturating_add(1);
        let event = Arc::new(event);
        for waiting in self.consumers.values_mut() {
            waiting.insert(self.last_place, Arc::clone(&event));
        }
        std::mem::take(&mut self.waiting).into_values().for_each(Waker::wake);
        Ok(true)
    }
}

impl MemoryEventBus {
    /// A bus without events. `now_ns` is the monotonic clock that published ids are forgotten by.
    pub fn new(now_ns: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), now_ns: Box::new(now_ns) }))
    }
}

impl fmt::Debug for MemoryEventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEventBus").finish_non_exhaustive()
    }
}

impl Drop for MemoryEventBus {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.closed = true;
        for log in state.topics.values_mut() {
            std::mem::take(&mut log.waiting).into_values().for_each(Waker::wake);
        }
    }
}

#[async_trait]
impl EventBus for MemoryEventBus {
    fn is_durable(&self) -> bool {
        false
    }

    async fn publish(&self, event: Event) -> Result<bool, StoreError> {
        event.check()?;
        let mut state = lock(&self.0.state);
        let address = (event.tenant, event.topic.clone());
        state.topics.entry(address).or_default().publish(event, (self.0.now_ns)())
    }

    async fn subscribe(
        &self,
        tenant: TenantId,
        topic: &Topic,
        consumer: &str,
    ) -> Result<Box<dyn EventStream>, StoreError> {
        check_consumer(consumer)?;
        let address = (tenant, topic.clone());
        let mut state = lock(&self.0.state);
        state.streams = state.streams.saturating_add(1);
        let number = state.streams;
        let log = state.topics.entry(address.clone()).or_default();
        if log.consumers.len() >= CONSUMERS_MAX && !log.consumers.contains_key(consumer) {
            return Err(StoreError::Full { doing: "adding a consumer", source: "too many on this topic".into() });
        }
        log.consumers.entry(consumer.to_owned()).or_default();
        let shared = Arc::clone(&self.0);
        Ok(Box::new(Stream { shared, address, consumer: consumer.to_owned(), number, last: 0 }))
    }
}

struct Stream {
    shared: Arc<Shared>,
    address: Address,
    consumer: String,
    /// Tells this stream's waker from those of other streams.
    number: u64,
    /// The place that was handed out last.
    last: u64,
}

impl Stream {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<Delivery>> {
        let mut state = lock(&self.shared.state);
        let closed = state.closed;
        let Some(log) = state.topics.get_mut(&self.address) else { return Poll::Ready(None) };
        let after = self.last.saturating_add(1);
        let next = log.consumers.get(&self.consumer).and_then(|waiting| waiting.range(after..).next());
        if let Some((place, event)) = next {
            self.last = *place;
            return Poll::Ready(Some(Delivery { place: *place, event: (**event).clone() }));
        }
        if closed {
            return Poll::Ready(None);
        }
        log.waiting.insert(self.number, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(log) = lock(&self.shared.state).topics.get_mut(&self.address) {
            log.waiting.remove(&self.number);
        }
    }
}

#[async_trait]
impl EventStream for Stream {
    async fn next(&mut self) -> Result<Option<Delivery>, StoreError> {
        Ok(poll_fn(|context| self.poll(context)).await)
    }

    async fn acknowledge(&mut self, place: u64) -> Result<(), StoreError> {
        let mut state = lock(&self.shared.state);
        let waiting = state.topics.get_mut(&self.address).and_then(|log| log.consumers.get_mut(&self.consumer));
        if let Some(waiting) = waiting {
            waiting.remove(&place);
        }
        Ok(())
    }
}
