//! A shared cache that is a map, with a bounded queue for each listener.

use super::lock;
use crate::{
    CacheKey, Invalidation, Invalidations, SharedCache, StoreError, check_shared_key, check_shared_ttl,
    check_shared_value,
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Values that are kept at most; beyond it the one that expires first goes.
const ENTRIES_MAX: usize = 10_000;
/// Changes that wait for one listener at most.
const CHANGES_MAX: usize = 1_024;

/// Keeps values in memory by the clock that it is given. Every holder of the same one is an instance.
pub struct MemorySharedCache {
    state: Mutex<State>,
    now_ns: Box<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<CacheKey, (u64, Arc<[u8]>)>,
    listeners: Vec<Weak<Mutex<Queue>>>,
}

#[derive(Default)]
struct Queue {
    changes: VecDeque<Invalidation>,
    missed: bool,
    closed: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn push(&mut self, change: Invalidation) {
        if self.missed || self.changes.len() >= CHANGES_MAX {
            // What is told as "everything" includes what waits.
            self.changes.clear();
            self.missed = true;
        } else {
            self.changes.push_back(change);
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<Invalidation>> {
        if std::mem::take(&mut self.missed) {
            return Poll::Ready(Some(Invalidation::Everything));
        }
        match self.changes.pop_front() {
            Some(change) => Poll::Ready(Some(change)),
            None if self.closed => Poll::Ready(None),
            None => {
                self.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl State {
    fn live(&self, key: &CacheKey, now: u64) -> Option<&Arc<[u8]>> {
        self.entries.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value)
    }

    fn put(&mut self, key: &CacheKey, value: &[u8], until: u64) {
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(key) {
            let first = self.entries.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            if let Some(first) = first {
                self.entries.remove(&first);
            }
        }
        self.entries.insert(key.clone(), (until, Arc::from(value)));
        self.tell(key);
    }

    fn remove(&mut self, key: &CacheKey) {
        self.entries.remove(key);
        self.tell(key);
    }

    fn tell(&mut self, key: &CacheKey) {
        self.listeners.retain(|listener| {
            let Some(queue) = listener.upgrade() else { return false };
            let space = key.space.clone().into_owned();
            let change = Invalidation::Key { tenant: key.tenant, space, name: key.name.clone() };
            lock(&queue).push(change);
            true
        });
    }
}

impl MemorySharedCache {
    /// An empty cache. `now_ns` is a monotonic clock.
    pub fn new(now_ns: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { state: Mutex::default(), now_ns: Box::new(now_ns) }
    }

    fn until(&self, ttl: Duration) -> u64 {
        (self.now_ns)().saturating_add(u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Debug for MemorySharedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySharedCache").finish_non_exhaustive()
    }
}

impl Drop for MemorySharedCache {
    fn drop(&mut self) {
        for queue in lock(&self.state).listeners.iter().filter_map(Weak::upgrade) {
            let mut queue = lock(&queue);
            queue.closed = true;
            queue.wake();
        }
    }
}

#[async_trait]
impl SharedCache for MemorySharedCache {
    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        check_shared_key(key)?;
        Ok(lock(&self.state).live(key, (self.now_ns)()).cloned())
    }

    async fn put(&self, key: &CacheKey, value: &[u8], ttl: Duration) -> Result<(), StoreError> {
        check_shared_key(key)?;
        check_shared_value(value)?;
        check_shared_ttl(ttl)?;
        lock(&self.state).put(key, value, self.until(ttl));
        Ok(())
    }

    async fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        check_shared_key(key)?;
        lock(&self.state).remove(key);
        Ok(())
    }

    async fn compare_and_set(
        &self,
        key: &CacheKey,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        check_shared_key(key)?;
        check_shared_ttl(ttl)?;
        new.map_or(Ok(()), check_shared_value)?;
        let mut state = lock(&self.state);
        if state.live(key, (self.now_ns)()).map(AsRef::as_ref) != expected {
            return Ok(false);
        }
        match new {
            Some(value) => state.put(key, value, self.until(ttl)),
            None if expected.is_some() => state.remove(key),
            None => {}
        }
        Ok(true)
    }

    async fn invalidations(&self) -> Result<Box<dyn Invalidations>, StoreError> {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let mut state = lock(&self.state);
        state.listeners.retain(|listener| listener.strong_count() > 0);
        state.listeners.push(Arc::downgrade(&queue));
        Ok(Box::new(Listener(queue)))
    }
}

struct Listener(Arc<Mutex<Queue>>);

#[async_trait]
impl Invalidations for Listener {
    async fn next(&mut self) -> Option<Invalidation> {
        poll_fn(|context| lock(&self.0).poll(context)).await
    }
}
