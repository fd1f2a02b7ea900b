//! Hands what the server tells to every listener of this process, each with a bounded queue of its own.

#[cfg(test)]
mod tests;

use aitrading_store::{Invalidation, Invalidations, StoreError};
use async_trait::async_trait;
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

/// Changes that wait for one listener at most; who falls further behind is told to forget everything.
const CHANGES_MAX: usize = 1_024;
/// Listeners of one process at most.
const LISTENERS_MAX: usize = 1_024;

/// All listeners of one process.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<Listeners>);

#[derive(Debug, Default)]
struct Listeners {
    all: Vec<Weak<Mutex<Queue>>>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    changes: VecDeque<Invalidation>,
    /// Something was missed; what waits is part of it.
    everything: bool,
    closed: bool,
    waker: Option<Waker>,
}

// Held for a few instructions, never across an await.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Tells all of a change, or that anything may have changed.
    pub(crate) fn tell(&self, change: &Invalidation) {
        self.each(|queue| queue.push(change));
    }

    /// No more will be told: listeners end after what they were told so far.
    pub(crate) fn close(&self) {
        lock(&self.0).closed = true;
        self.each(|queue| {
            queue.closed = true;
            queue.wake();
        });
    }

    /// A listener for what is told from now on.
    pub(crate) fn listen(&self, doing: &'static str) -> Result<Listener, StoreError> {
        let mut listeners = lock(&self.0);
        listeners.all.retain(|listener| listener.strong_count() > 0);
        if listeners.all.len() >= LISTENERS_MAX {
            return Err(StoreError::Full { doing, source: "too many listeners in this process".into() });
        }
        let queue = Arc::new(Mutex::new(Queue { closed: listeners.closed, ..Queue::default() }));
        listeners.all.push(Arc::downgrade(&queue));
        Ok(Listener(queue))
    }

    fn each(&self, tell: impl Fn(&mut Queue)) {
        lock(&self.0).all.retain(|listener| {
            let Some(queue) = listener.upgrade() else { return false };
            tell(&mut lock(&queue));
            true
        });
    }
}

impl Queue {
    fn push(&mut self, change: &Invalidation) {
        if self.everything || *change == Invalidation::Everything || self.changes.len() >= CHANGES_MAX {
            self.changes.clear();
            self.everything = true;
        } else {
            self.changes.push_back(change.clone());
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<Invalidation>> {
        if std::mem::take(&mut self.everything) {
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

/// One listener.
#[derive(Debug)]
pub(crate) struct Listener(Arc<Mutex<Queue>>);

#[async_trait]
impl Invalidations for Listener {
    async fn next(&mut self) -> Option<Invalidation> {
        poll_fn(|context| lock(&self.0).poll(context)).await
    }
}
