//! What goes into a step and what comes out.

use super::event::{AccountKey, Event};
use crate::error::Refusal;
use aitrading_audit::Entry;
use aitrading_model::{
    AccountState, Epoch, Fence, MarketTime, Price, Side, SignalId, Source, StrategyId, Symbol, SymbolSpec, Tick,
    Timestamp, TraceId,
};
use aitrading_risk::{Action, Denied, StateScope, TradingState};
use aitrading_store::Subscription;
use aitrading_wire::{
    ReportEnvelope, SignalEnvelope,
    services::{FeedBatch, Seat, SessionGrant, SessionOpened},
};

/// Names a caller who waits for an answer.
pub(crate) type Token = u64;

/// An operator's order for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManualOrder {
    /// Whose account.
    pub account: AccountKeyPublic,
    /// In whose name; its limits apply.
    pub strategy: StrategyId,
    /// Symbol.
    pub symbol: Symbol,
    /// Way of the order.
    pub side: Side,
    /// Open or close.
    pub action: Action,
    /// The price that the operator saw.
    pub price: Price,
    /// Idempotency key: the same order under it is made once, and asking again gives the same answer. A UUID of version 7: its
    /// time says for how long it is remembered (24 hours); an older one is denied.
    pub key: [u8; 16],
    /// Cause.
    pub trace: TraceId,
}

/// Tenant and account.
pub type AccountKeyPublic = (aitrading_model::TenantId, aitrading_model::AccountId);

/// One thing that happened outside.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Feed(FeedBatch),
    Settled {
        token: Token,
        source: Source,
        epoch: Epoch,
        seq: u64,
    },
    SessionOpened {
        token: Token,
        session: Box<SessionOpened>,
    },
    SessionReady {
        seat: Seat,
        fence: Fence,
    },
    SessionClosed {
        seat: Seat,
        fence: Fence,
    },
    Account {
        seat: Seat,
        state: Box<AccountState>,
        at: Timestamp,
    },
    Specs {
        seat: Seat,
        specs: Vec<SymbolSpec>,
        at: Timestamp,
    },
    Entitlement {
        account: AccountKey,
        answer: Result<Option<Subscription>, ()>,
    },
    Delivered {
        token: Token,
        seat: Seat,
        signal: SignalId,
        at: Timestamp,
    },
    /// The bridge did not take a signal. `kept`: it certainly has not left.
    NotDelivered {
        seat: Seat,
        signal: SignalId,
        kept: bool,
    },
    Report {
        token: Token,
        seat: Seat,
        envelope: ReportEnvelope,
        at: Timestamp,
    },
    /// Stored ticks that a report needs; `None` if they cannot be read.
    Ticks {
        token: Token,
        stored: Option<StoredTicks>,
    },
    Manual {
        token: Token,
        order: Box<ManualOrder>,
    },
    SetState {
        token: Token,
        scope: StateScope,
        state: TradingState,
        code: String,
        trace: TraceId,
    },
    Committed {
        through: u64,
    },
    CommitFailed {
        code: &'static str,
    },
    /// Decisions whose audit leaf is missing after a restart.
    Void {
        signals: Vec<SignalId>,
    },
    Timer,
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Done,
    Grant(SessionGrant),
    Issued(SignalId),
    Denied(Denied),
    Refused(Refusal),
}

/// Something that a human should see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) code: &'static str,
    pub(crate) account: Option<AccountKey>,
    pub(crate) trace: TraceId,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Make these durable in journal and audit log; then `Committed`.
    Commit {
        ticket: u64,
        events: Vec<Event>,
        leaves: Vec<Entry>,
    },
    Deliver {
        seat: Seat,
        signal: SignalId,
        envelope: SignalEnvelope,
        /// Counts attempts per account: what failed is overtaken by nothing of its own round.
        round: u64,
    },
    Reply {
        token: Token,
        answer: Answer,
    },
    LookupTicks {
        token: Token,
        source: Source,
        from: MarketTime,
        to: MarketTime,
    },
    Alert(Alert),
    /// For metrics.
    Count(&'static str),
}

/// Ticks of a range of market time as the store has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredTicks {
    pub(crate) ticks: Vec<Tick>,
    /// The store has ticks from behind the range too, so that it gets no more of it. Until then they may wait in the journal.
    pub(crate) complete: bool,
}

/// What happens when a commit is durable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum After {
    Deliver(SignalId),
    Reply { token: Token, answer: Answer },
}
