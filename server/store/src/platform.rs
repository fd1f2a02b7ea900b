//! The stores of the platform around trading.

use crate::{
    AuditMirror, ChainGraph, ChainStore, ChainTraceStore, EventBus, IdempotencyStore, InviteStore, LockoutStore,
    LogPolicyStore, LogStore, LoginSessionStore, OrderStore, PatternIndex, PositionStore, RevocationStore, RiskStore,
    SecurityEventStore, SequenceStore, SharedCache, UserStore,
};
use std::{fmt, sync::Arc};

/// Stores beside the trading set ([`Stores`](crate::Stores)) of one deployment. Cheap to clone.
#[derive(Clone)]
pub struct PlatformStores {
    /// Who logs in.
    pub users: Arc<dyn UserStore>,
    /// Who may enrol once.
    pub invites: Arc<dyn InviteStore>,
    /// Who is logged in, and how that goes on.
    pub login_sessions: Arc<dyn LoginSessionStore>,
    /// What is not believed any more.
    pub revocations: Arc<dyn RevocationStore>,
    /// Who may not try again until when.
    pub lockouts: Arc<dyn LockoutStore>,
    /// Changes that were asked for, and their answers.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// Orders and what happened to them.
    pub orders: Arc<dyn OrderStore>,
    /// Positions.
    pub positions: Arc<dyn PositionStore>,
    /// Limits and what is used of them.
    pub risk: Arc<dyn RiskStore>,
    /// Numbers that are given once.
    pub sequences: Arc<dyn SequenceStore>,
    /// Logs.
    pub logs: Arc<dyn LogStore>,
    /// How long logs are kept and what they cost.
    pub log_policies: Arc<dyn LogPolicyStore>,
    /// What happened to security.
    pub security_events: Arc<dyn SecurityEventStore>,
    /// The audit log's copy that can be searched.
    pub audit: Arc<dyn AuditMirror>,
    /// Chains.
    pub chains: Arc<dyn ChainStore>,
    /// What was seen of requests along chains.
    pub chain_traces: Arc<dyn ChainTraceStore>,
    /// The graph of services and chains.
    pub graph: Arc<dyn ChainGraph>,
    /// What is like what.
    pub patterns: Arc<dyn PatternIndex>,
    /// Events between instances.
    pub events: Arc<dyn EventBus>,
    /// What instances share for a while.
    pub shared: Arc<dyn SharedCache>,
}

impl fmt::Debug for PlatformStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformStores").finish_non_exhaustive()
    }
}
