//! The in-memory twin of every port: the same promises, minus surviving the process.

mod accounts;
mod books;
mod cache;
mod chains;
mod events;
mod evidence;
mod graph;
mod identity;
mod logs;
mod orders;
mod patterns;
mod placed;
mod shared_cache;
mod shelf;
mod signals;
mod ticks;
mod users;

pub use accounts::{MemoryAccounts, MemoryDevices, MemoryMeta};
pub use books::{MemoryPositions, MemoryRisk, MemorySequences};
pub use cache::MemoryCache;
pub use chains::{MemoryChainTraces, MemoryChains};
pub use events::MemoryEventBus;
pub use evidence::{MemoryAudit, MemorySecurityEvents};
pub use graph::MemoryGraph;
pub use identity::{MemoryIdempotency, MemoryInvites, MemoryLockouts, MemoryLoginSessions};
pub use logs::{MemoryLogPolicies, MemoryLogs};
pub use orders::MemoryOrders;
pub use patterns::MemoryPatterns;
pub use placed::{MemoryRevocations, MemorySubscriptions};
pub use shared_cache::MemorySharedCache;
pub use signals::MemorySignals;
pub use ticks::MemoryTicks;
pub use users::MemoryUsers;

use crate::{PlatformStores, Stores};
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

/// Empty stores of the platform in memory. `now_ns` is the monotonic clock that shared values expire by and published ids
/// are forgotten by.
pub fn platform_stores(now_ns: impl Fn() -> u64 + Clone + Send + Sync + 'static) -> PlatformStores {
    PlatformStores {
        users: Arc::new(MemoryUsers::default()),
        invites: Arc::new(MemoryInvites::default()),
        login_sessions: Arc::new(MemoryLoginSessions::default()),
        revocations: Arc::new(MemoryRevocations::default()),
        lockouts: Arc::new(MemoryLockouts::default()),
        idempotency: Arc::new(MemoryIdempotency::default()),
        orders: Arc::new(MemoryOrders::default()),
        positions: Arc::new(MemoryPositions::default()),
        risk: Arc::new(MemoryRisk::default()),
        sequences: Arc::new(MemorySequences::default()),
        logs: Arc::new(MemoryLogs::default()),
        log_policies: Arc::new(MemoryLogPolicies::default()),
        security_events: Arc::new(MemorySecurityEvents::default()),
        audit: Arc::new(MemoryAudit::default()),
        chains: Arc::new(MemoryChains::default()),
        chain_traces: Arc::new(MemoryChainTraces::default()),
        graph: Arc::new(MemoryGraph::default()),
        patterns: Arc::new(MemoryPatterns::default()),
        events: Arc::new(MemoryEventBus::new(now_ns.clone())),
        shared: Arc::new(MemorySharedCache::new(now_ns)),
    }
}

/// A poisoned lock means that a reader panicked: every change here is made whole before the lock is let go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
