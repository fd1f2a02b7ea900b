//! The in-memory twin of every port: the same promises, minus surviving the process.

mod accounts;
mod cache;
mod signals;
mod ticks;

pub use accounts::{MemoryAccounts, MemoryDevices, MemoryMeta, MemorySubscriptions};
pub use cache::MemoryCache;
pub use signals::MemorySignals;
pub use ticks::MemoryTicks;

use crate::Stores;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Empty stores in memory. `now_ns` is the monotonic clock that cached values expire by.
pub fn stores(now_ns: impl Fn() -> u64 + Send + Sync + 'static) -> Stores {
    Stores {
        ticks: Arc::new(MemoryTicks::default()),
        signals: Arc::new(MemorySignals::default()),
        subscriptions: Arc::new(MemorySubscriptions::default()),
        accounts: Arc::new(MemoryAccounts::default()),
        devices: Arc::new(MemoryDevices::default()),
        meta: Arc::new(MemoryMeta::default()),
        cache: Arc::new(MemoryCache::new(now_ns)),
    }
}

/// A poisoned lock means that a reader panicked: every change here is made whole before the lock is let go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
