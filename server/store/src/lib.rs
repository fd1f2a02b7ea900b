//! What the server keeps, as ports in the words of trading, each with an in-memory twin and a conformance suite.
//!
//! Every store that is fed from a journal keeps the journal's position ([`JournalMark`]) in the same transaction as what it
//! was told, so that feeding can go on after a crash without losing or repeating anything. This crate does no I/O.
#![warn(missing_docs)]

mod accounts;
mod cache;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod mark;
pub mod memory;
mod meta;
mod signals;
mod subscriptions;
#[cfg(test)]
mod tests;
mod ticks;

pub use accounts::{AccountStore, Device, DeviceStore, StateAt};
pub use cache::{Cache, CacheKey};
pub use error::{Source as ErrorSource, StoreError};
pub use mark::JournalMark;
pub use meta::MetaStore;
pub use signals::{
    DenialRow, Outcome, ReportHead, ReportRow, SignalChange, SignalCounts, SignalHead, SignalRow, SignalState,
    SignalStore, SignalView, StoredReport,
};
pub use subscriptions::{Subscription, SubscriptionStatus, SubscriptionStore, SymbolScope};
pub use ticks::{SeqRun, SourceCommit, TickCommit, TickCounts, TickStore, Visit};

use std::{fmt, sync::Arc};

/// All stores of one deployment. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    /// Ticks, bars, gaps.
    pub ticks: Arc<dyn TickStore>,
    /// Signals, denials, reports.
    pub signals: Arc<dyn SignalStore>,
    /// Who is entitled to what.
    pub subscriptions: Arc<dyn SubscriptionStore>,
    /// Account snapshots and symbol specifications.
    pub accounts: Arc<dyn AccountStore>,
    /// Enrolled devices.
    pub devices: Arc<dyn DeviceStore>,
    /// Facts about the deployment itself.
    pub meta: Arc<dyn MetaStore>,
    /// What may be forgotten.
    pub cache: Arc<dyn Cache>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}
