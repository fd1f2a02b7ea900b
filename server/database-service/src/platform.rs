//! The stores of the platform: those that keep rows, and what stands beside them where there is only one instance.

use aitrading_env::Env;
use aitrading_store::{
    AuditMirror, ChainGraph, ChainStore, ChainTraceStore, IdempotencyStore, InviteStore, LockoutStore, LogPolicyStore,
    LogStore, LoginSessionStore, OrderStore, PatternIndex, PlatformStores, PositionStore, RevocationStore, RiskStore,
    SecurityEventStore, SequenceStore, UserStore,
    memory::{MemoryEventBus, MemorySharedCache},
};
use std::{fmt, sync::Arc};

/// Those of the platform's stores that keep rows, over one relational database. Cheap to clone.
#[derive(Clone)]
pub struct PlatformRows {
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
}

impl fmt::Debug for PlatformRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformRows").finish_non_exhaustive()
    }
}

impl PlatformRows {
    /// `stores` with these in the place of its own; graph, patterns, events and shared cache stay.
    #[must_use]
    pub fn within(self, stores: PlatformStores) -> PlatformStores {
        let Self {
            users,
            invites,
            login_sessions,
            revocations,
            lockouts,
            idempotency,
            orders,
            positions,
            risk,
            sequences,
            logs,
            log_policies,
            security_events,
            audit,
            chains,
            chain_traces,
        } = self;
        PlatformStores {
            users,
            invites,
            login_sessions,
            revocations,
            lockouts,
            idempotency,
            orders,
            positions,
            risk,
            sequences,
            logs,
            log_policies,
            security_events,
            audit,
            chains,
            chain_traces,
            ..stores
        }
    }

    /// With this graph and these patterns, and with the events and the shared cache in this process, empty and bounded. Where
    /// there is only one instance, the in-memory twins of the event bus and the shared cache keep all that these promise.
    pub(crate) fn alone(
        self,
        env: &Env,
        graph: Arc<dyn ChainGraph>,
        patterns: Arc<dyn PatternIndex>,
    ) -> PlatformStores {
        let clock = Arc::clone(&env.clock);
        let now_ns = move || clock.mono_ns();
        PlatformStores {
            users: self.users,
            invites: self.invites,
            login_sessions: self.login_sessions,
            revocations: self.revocations,
            lockouts: self.lockouts,
            idempotency: self.idempotency,
            orders: self.orders,
            positions: self.positions,
            risk: self.risk,
            sequences: self.sequences,
            logs: self.logs,
            log_policies: self.log_policies,
            security_events: self.security_events,
            audit: self.audit,
            chains: self.chains,
            chain_traces: self.chain_traces,
            graph,
            patterns,
            events: Arc::new(MemoryEventBus::new(now_ns.clone())),
            shared: Arc::new(MemorySharedCache::new(now_ns)),
        }
    }
}
