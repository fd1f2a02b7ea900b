//! What the server keeps, as ports in the words of trading, each with an in-memory twin and a conformance suite.
//!
//! Every store that is fed from a journal keeps the journal's position ([`JournalMark`]) in the same transaction as what it
//! was told, so that feeding can go on after a crash without losing or repeating anything. This crate does no I/O.
#![warn(missing_docs)]

mod accounts;
mod audit_mirror;
mod bounds;
mod cache;
mod chain_traces;
mod chains;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod devices;
mod error;
mod events;
mod graph;
mod hex;
mod idempotency;
mod imports;
mod invites;
mod lockouts;
mod log_policies;
mod login_sessions;
mod logs;
mod mark;
pub mod memory;
mod meta;
mod orders;
mod patterns;
mod places;
mod platform;
mod positions;
mod revocations;
mod risk;
mod security_events;
mod sequences;
mod shared_cache;
mod signals;
mod subscriptions;
#[cfg(test)]
mod tests;
mod ticks;
mod users;

pub use accounts::{AccountStore, StateAt};
pub use audit_mirror::{AuditMirror, AuditRow, check_audit_rows};
pub use bounds::{PAGE_MAX, Version, Versioned, check_limit};
pub use cache::{Cache, CacheKey};
pub use chain_traces::{ChainSpan, ChainTraceStore, SpanPlace, check_spans};
pub use chains::{ChainDefinition, ChainDependency, ChainEdge, ChainId, ChainNode, ChainStatus, ChainStore};
pub use devices::{Device, DeviceStore, not_enrolled};
pub use error::{Source as ErrorSource, StoreError};
pub use events::{Delivery, Event, EventBus, EventStream, Topic, check_consumer};
pub use graph::{ChainGraph, ChainShape, Direction, GraphEdge, GraphName, Reached};
pub use idempotency::{
    Begun, IdempotencyKey, IdempotencyStore, RUN_TAKEN_OVER_AFTER, RunAnswer, RunAsked, RunName, RunState, StoredRun,
};
pub use imports::{IMPORT_EPOCH, IMPORT_PART_MAX, ImportCommit, ImportKey, ImportProgress};
pub use invites::{Invite, InviteId, InvitePurpose, InviteStore, Redeemed, Redemption, check_invite_name};
pub use lockouts::{Lockout, LockoutKey, LockoutStore};
pub use log_policies::{LogCost, LogPolicyStore, RetentionPolicy, StorageTier, TIER_NAME_MAX};
pub use login_sessions::{Ended, LoginSession, LoginSessionId, LoginSessionStore};
pub use logs::{LogBatch, LogLevel, LogLine, LogPartition, LogPlace, LogQuery, LogStore, StoredLogLine, day_of};
pub use mark::JournalMark;
pub use meta::MetaStore;
pub use orders::{OrderEvent, OrderId, OrderState, OrderStore, OrderView, StoredOrderEvent, check_order};
pub use patterns::{Match, Near, Pattern, PatternIndex, PatternKind, check_patterns, check_vector};
pub use places::{Place, Placed};
pub use platform::PlatformStores;
pub use positions::{PositionBook, PositionStore};
pub use revocations::{Revocation, RevocationKind, RevocationStore};
pub use risk::{RiskPart, RiskRecord, RiskScope, RiskStore};
pub use security_events::{
    SecurityEvent, SecurityEventStore, SecurityPlace, SecurityQuery, SecuritySeverity, check_security_events,
};
pub use sequences::{LAST_NUMBER, NUMBERS_MAX, SequenceName, SequenceStore, numbers_after};
pub use shared_cache::{
    Invalidation, Invalidations, SHARED_NAME_MAX, SHARED_SPACE_MAX, SHARED_TTL_MAX, SHARED_VALUE_MAX, SharedCache,
    check_shared_key, check_shared_ttl, check_shared_value,
};
pub use signals::{
    DenialRow, Outcome, ReportHead, ReportRow, SignalChange, SignalCounts, SignalHead, SignalRow, SignalState,
    SignalStore, SignalView, StoredDenial, StoredReport, Verdict,
};
pub use subscriptions::{Entitlement, PaymentState, Subscription, SubscriptionStatus, SubscriptionStore, SymbolScope};
pub use ticks::{GapChange, LATE_EPOCH, SeqRun, SourceCommit, TickCommit, TickCounts, TickStore, Visit};
pub use users::{LoginName, User, UserId, UserRole, UserStatus, UserStore};

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
