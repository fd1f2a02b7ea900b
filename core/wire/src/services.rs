//! The interfaces through which services meet: one asynchronous trait each. In one process they are called directly, across
//! processes through their remote implementation.

use crate::{ReportEnvelope, SignalEnvelope};
use aitrading_error::Dna;
use aitrading_model::{
    AccountId, AccountState, Bar, DeviceId, Epoch, Fence, Gap, PolicyHash, SignalId, Source, SymbolSpec, TenantId,
    Tick, TickBatch, Timestamp, TraceId,
};
use std::sync::Arc;

/// A service's refusal, as its peers see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// The code and its four facts.
    pub dna: Dna,
    /// Cause and cure.
    pub message: String,
}

impl aitrading_error::Coded for ServiceError {
    fn dna(&self) -> Dna {
        self.dna
    }
}

impl ServiceError {
    /// The public face of a coded error.
    pub fn from_coded(error: &impl aitrading_error::Coded) -> Self {
        Self { dna: error.dna(), message: error.public_message() }
    }
}

/// An account on the device that trades it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seat {
    /// Whose.
    pub tenant: TenantId,
    /// Account.
    pub account: AccountId,
    /// Device.
    pub device: DeviceId,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IngestReceipt {
    /// Ticks taken into the store.
    pub accepted: u32,
    /// Ticks refused with a code.
    pub rejected: u32,
    /// Ticks that were known already.
    pub duplicates: u32,
}

/// Takes ticks; the data bridge implements it.
#[async_trait::async_trait]
pub trait TickIngest: Send + Sync {
    /// Takes one batch; returns when it is durable.
    async fn ingest(&self, batch: TickBatch) -> Result<IngestReceipt, ServiceError>;
}

/// Durable ticks with what they closed.
#[derive(Debug, Clone)]
pub struct FeedBatch {
    /// Joins the batch to what it causes.
    pub trace: TraceId,
    /// Where from.
    pub source: Source,
    /// Epoch of `last_seq`.
    pub epoch: Epoch,
    /// Number of the last tick of the batch.
    pub last_seq: u64,
    /// Accepted ticks in order; "no quote" ticks included.
    pub ticks: Arc<[Tick]>,
    /// Bars that these ticks closed, in order of closing.
    pub bars: Vec<Bar>,
    /// Holes that were seen.
    pub gaps: Vec<Gap>,
    /// When the last byte of the batch arrived here.
    pub received: Timestamp,
}

/// Consumes durable ticks; the trading engine implements it.
#[async_trait::async_trait]
pub trait TickFeed: Send + Sync {
    /// Takes a batch in source order; waits while the consumer's queue is full.
    async fn publish(&self, batch: FeedBatch) -> Result<(), ServiceError>;
    /// Returns when everything of `source` up to `(epoch, seq)` is processed and no decision on its symbol is open.
    async fn settled(&self, source: Source, epoch: Epoch, seq: u64) -> Result<(), ServiceError>;
}

/// Brings signals to devices; the data bridge implements it.
#[async_trait::async_trait]
pub trait SignalDelivery: Send + Sync {
    /// Hands a signed signal to the device's session. `Ok` means sent, not received: [`ReportSink::delivered`] follows.
    async fn deliver(&self, seat: Seat, signal: SignalId, envelope: SignalEnvelope) -> Result<(), ServiceError>;
}

/// A client that has just said hello.
#[derive(Debug, Clone)]
pub struct SessionOpened {
    /// Who.
    pub seat: Seat,
    /// Joins log lines and audit leaves of this session.
    pub trace: TraceId,
    /// Ed25519 key of the device, from its certificate: its reports are signed with it.
    pub device_key: [u8; 32],
    /// Generation of the client's ledger.
    pub ledger_generation: u64,
    /// Highest signal number in the ledger.
    pub last_signal_seq: u64,
    /// Account and positions.
    pub state: AccountState,
    /// Symbols.
    pub specs: Vec<SymbolSpec>,
    /// When.
    pub at: Timestamp,
}

/// What a new session is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionGrant {
    /// Its fencing number.
    pub fence: Fence,
    /// Policy in force.
    pub policy: PolicyHash,
    /// Signing keys: current, then next.
    pub signal_keys: Vec<[u8; 32]>,
    /// Highest report number accepted from this device.
    pub last_report_seq: u64,
}

/// Hears what clients say; the trading engine implements it.
#[async_trait::async_trait]
pub trait ReportSink: Send + Sync {
    /// A client wants in. After `Ok` the engine sends again what the device has not acknowledged.
    async fn session_opened(&self, session: SessionOpened) -> Result<SessionGrant, ServiceError>;
    /// Its session is set up: signals may be delivered from now on.
    async fn session_ready(&self, seat: Seat, fence: Fence) -> Result<(), ServiceError>;
    /// It is gone. A late call for an older fence is ignored.
    async fn session_closed(&self, seat: Seat, fence: Fence, code: &'static str) -> Result<(), ServiceError>;
    /// A snapshot of the account.
    async fn account(&self, seat: Seat, state: AccountState, at: Timestamp) -> Result<(), ServiceError>;
    /// Specifications that changed.
    async fn specs(&self, seat: Seat, specs: Vec<SymbolSpec>, at: Timestamp) -> Result<(), ServiceError>;
    /// The device has the signal in its ledger.
    async fn delivered(&self, seat: Seat, signal: SignalId, at: Timestamp) -> Result<(), ServiceError>;
    /// A signed report. Returns when it is durable and audited: only then may it be acknowledged.
    async fn report(&self, seat: Seat, envelope: ReportEnvelope, at: Timestamp) -> Result<(), ServiceError>;
}

/// What other services put into the audit log. Numbers belong to the audit crate; these are its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditEventKind {
    /// A client's session opened.
    SessionOpened,
    /// A client's session closed.
    SessionClosed,
    /// A peer was refused: certificate, pin, hello.
    PeerRefused,
    /// The wall clock was stepped.
    ClockStep,
}

/// One event for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEvent {
    /// Kind.
    pub kind: AuditEventKind,
    /// Whom it concerns, if known.
    pub seat: Option<Seat>,
    /// Cause.
    pub trace: TraceId,
    /// Stable code, if there is one.
    pub code: Option<&'static str>,
}

/// Appends to the audit log; the trading engine, which owns the only writer, implements it.
#[async_trait::async_trait]
pub trait AuditSink: Send + Sync {
    /// Returns when the leaf is durable, with its index.
    async fn append(&self, event: AuditEvent) -> Result<u64, ServiceError>;
}

/// A change that somebody asks for through the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeAsked {
    /// Whose data.
    pub tenant: TenantId,
    /// Who: a user's or a device's id, or the first half of the SHA-256 of a service's name. It becomes a pseudonym.
    pub actor: [u8; 16],
    /// What: the interface's own name of the operation, for instance `users.lock`; at most 48 printable ASCII characters.
    pub what: &'static str,
    /// SHA-256 of the request.
    pub request: [u8; 32],
    /// Joins it to what it causes.
    pub trace: TraceId,
}

/// Takes down what is about to be changed; the trading engine, which owns the only writer, implements it.
#[async_trait::async_trait]
pub trait ChangeSink: Send + Sync {
    /// Returns when the leaf is durable, with its index. Without it nothing may be changed.
    async fn asked(&self, change: ChangeAsked) -> Result<u64, ServiceError>;
}

/// Tells of the audit log what may be published; whoever owns the log implements it.
pub trait CheckpointSource: Send + Sync {
    /// The newest published checkpoint as a signed note; `None` if there is none. Cheap, and without waiting.
    fn newest(&self) -> Option<String>;
}
