//! Both edges of a lock, for the audit log.

use super::Source;
use aitrading_model::Timestamp;

/// Whom a lock concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One source.
    Source(Source),
    /// Everybody who does not come from a known installation of the account: together they tried too often.
    Strangers,
}

/// Why a lock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Time,
    /// An operator said so.
    Operator,
}

/// A lock began or ended. Each is told once, and to every beginning belongs one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutEvent {
    /// It began.
    Locked {
        /// For whom.
        scope: Scope,
        /// The first moment at which it is over by itself.
        until: Timestamp,
        /// Failures that led to it; 0 for the strangers, whose pace it is.
        failures: u32,
    },
    /// It ended.
    Unlocked {
        /// For whom.
        scope: Scope,
        /// Why.
        ended: Ended,
    },
}
