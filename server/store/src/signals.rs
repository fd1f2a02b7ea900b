//! The port for signals, denials and reports.

use crate::{JournalMark, StoreError};
use aitrading_model::{
    AccountId, DeviceId, MarketTime, PolicyHash, Price, Report, ReportState, Side, Signal, SignalId, SignalKind,
    StrategyId, Symbol, TenantId, Timestamp, TraceId,
};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Where a signal is, as the server knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum SignalState {
    /// Signed; not known to be anywhere else.
    Issued = 0,
    /// In the client's ledger.
    Delivered = 1,
    /// Sent to the broker, and nobody knows yet.
    Unknown = 2,
    /// Executed.
    Executed = 3,
    /// The client's own checks refused it.
    Refused = 4,
    /// The terminal or the broker refused it.
    Rejected = 5,
    /// Nobody executed it in time.
    Expired = 6,
    /// Looked up after an unknown outcome and found not executed.
    NotExecuted = 7,
    /// The report contradicts the signal or the tick store: a human must look.
    Disputed = 8,
}

impl SignalState {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Issued,
            1 => Self::Delivered,
            2 => Self::Unknown,
            3 => Self::Executed,
            4 => Self::Refused,
            5 => Self::Rejected,
            6 => Self::Expired,
            7 => Self::NotExecuted,
            8 => Self::Disputed,
            _ => return None,
        })
    }

    /// Is a report or a decision of the server still to come?
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Issued | Self::Delivered | Self::Unknown)
    }
}

/// A signed signal. Its bytes are `encode_signal(&signal)`, so the envelope can be made again from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalRow {
    /// The signal.
    pub signal: Signal,
    /// Which of the server's keys signed it.
    #[serde(with = "crate::hex")]
    pub key_id: [u8; 8],
    /// The signature.
    #[serde(with = "crate::hex")]
    pub signature: [u8; 64],
}

/// A candidate that risk or entitlement refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenialRow {
    /// Whose.
    pub tenant: TenantId,
    /// The account that it was for.
    pub account: AccountId,
    /// The strategy that wanted it.
    pub strategy: StrategyId,
    /// On which symbol.
    pub symbol: Symbol,
    /// Joins it to its cause.
    pub trace: TraceId,
    /// Stable code of the denial: the first control that failed.
    pub code: String,
    /// When.
    pub at: Timestamp,
    /// What it was decided on; `None` in rows of before it was kept.
    pub verdict: Option<Verdict>,
}

/// What a denial was decided on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Way of the order.
    pub side: Side,
    /// Open or close.
    pub kind: SignalKind,
    /// The price that the order was wanted at.
    pub price: Price,
    /// Market time of the symbol.
    pub market: MarketTime,
    /// Name of the limit, empty if the control has none.
    pub limit: String,
    /// What was found, in the unit of the limit (fixed-point values in 10^-8).
    pub value: Option<i64>,
    /// What the limit allows, in the same unit.
    pub bound: Option<i64>,
    /// Version of the limits in force.
    pub limits_version: u32,
    /// Hash of the policy in force, which covers every limit; `None` where older records do not have it.
    pub policy: Option<PolicyHash>,
}

/// A denial with its place in the store.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredDenial {
    /// Grows with every denial; hand the last one back to go on.
    pub id: u64,
    /// The denial.
    pub row: DenialRow,
}

/// A report as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRow {
    /// The report. Its bytes are `encode_report(&report)`.
    pub report: Report,
    /// The device's signature.
    #[serde(with = "crate::hex")]
    pub signature: [u8; 64],
    /// When its last byte arrived.
    pub received_at: Timestamp,
    /// Stable code of what the server's check found wrong; `None` if everything fits.
    pub finding: Option<String>,
}

/// One step in the life of signals.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub enum SignalChange {
    /// A signal was signed.
    Issued(SignalRow),
    /// A candidate was refused.
    Denied(DenialRow),
    /// The signal is in the client's ledger. A second delivery does not change the first one's time.
    Delivered {
        /// Whose.
        tenant: TenantId,
        /// Which.
        signal: SignalId,
        /// When.
        at: Timestamp,
    },
    /// A report was accepted. The same report again changes nothing; another one under its number is a conflict.
    Reported(ReportRow),
    /// The server's view changed.
    State {
        /// Whose.
        tenant: TenantId,
        /// Which.
        signal: SignalId,
        /// The new state.
        state: SignalState,
    },
}

/// What became of a signal, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// No word yet.
    Open,
    /// At least one report says executed.
    Executed,
    /// The terminal or broker refused it.
    Rejected,
    /// The client refused it.
    Refused,
    /// Sent, and nobody knows.
    Unknown,
    /// Not executed in time.
    Expired,
    /// Looked up and found not executed.
    NotExecuted,
}

impl Outcome {
    /// A report's word counts; without one, the server's own state.
    #[must_use]
    pub const fn of(report: Option<ReportState>, state: SignalState) -> Self {
        match (report, state) {
            (Some(ReportState::Executed), _) | (None, SignalState::Executed) => Self::Executed,
            (Some(ReportState::Rejected), _) | (None, SignalState::Rejected) => Self::Rejected,
            (Some(ReportState::Refused), _) | (None, SignalState::Refused) => Self::Refused,
            (Some(ReportState::Unknown), _) | (None, SignalState::Unknown | SignalState::Disputed) => Self::Unknown,
            (Some(ReportState::Expired), _) | (None, SignalState::Expired) => Self::Expired,
            (Some(ReportState::NotExecuted), _) | (None, SignalState::NotExecuted) => Self::NotExecuted,
            (None, SignalState::Issued | SignalState::Delivered) => Self::Open,
        }
    }
}

/// What is stored of one tenant's signals, computed from the rows. `issued` is the sum of `executed` to `open`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalCounts {
    /// Signed signals.
    pub issued: u64,
    /// Refused candidates by code.
    pub denied: BTreeMap<String, u64>,
    /// Signals known to be in the client's ledger.
    pub delivered: u64,
    /// Signals with a report that says executed.
    pub executed: u64,
    /// Refused by terminal or broker.
    pub rejected: u64,
    /// Refused by the client's own checks.
    pub refused: u64,
    /// Outcome unknown.
    pub unknown: u64,
    /// Expired.
    pub expired: u64,
    /// Found not executed after an unknown outcome.
    pub not_executed: u64,
    /// No word yet.
    pub open: u64,
    /// Accepted reports.
    pub reports: u64,
    /// Reports that the server's check found something wrong with.
    pub disputed_reports: u64,
    /// Most orders at a broker that name the same signal, by the deals reported. More than 1 is a defect.
    pub executions_per_signal_max: u64,
}

impl SignalCounts {
    /// Adds `n` signals of one outcome.
    pub fn add(&mut self, outcome: Outcome, n: u64) {
        let place = match outcome {
            Outcome::Open => &mut self.open,
            Outcome::Executed => &mut self.executed,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Refused => &mut self.refused,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Expired => &mut self.expired,
            Outcome::NotExecuted => &mut self.not_executed,
        };
        *place = place.saturating_add(n);
        self.issued = self.issued.saturating_add(n);
    }
}

/// A signal with what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalView {
    /// The signal.
    pub row: SignalRow,
    /// The server's view.
    pub state: SignalState,
    /// When it was in the client's ledger.
    pub delivered_at: Option<Timestamp>,
}

/// A report with its place in the store and the time that latencies are measured from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredReport {
    /// Grows with every report; hand the last one back to go on.
    pub id: u64,
    /// When the signal was decided.
    pub issued_at: Timestamp,
    /// The report.
    pub row: ReportRow,
}

/// The last signal of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalHead {
    /// Whose.
    pub tenant: TenantId,
    /// Account.
    pub account: AccountId,
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub signal: SignalId,
}

/// The last report of a device for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportHead {
    /// Whose.
    pub tenant: TenantId,
    /// Account.
    pub account: AccountId,
    /// Device.
    pub device: DeviceId,
    /// Highest report number.
    pub seq: u64,
}

/// Keeps signals, denials and reports.
#[async_trait]
pub trait SignalStore: Send + Sync {
    /// Takes changes in order: all of them or, after an error or a crash, none. Returns when they are durable.
    ///
    /// # Errors
    /// [`StoreError::AlreadyDone`] if `mark` is not beyond [`SignalStore::mark`]; [`StoreError::Conflict`] if a change names
    /// a signal that was never issued, issues one twice, or reports something else under a known number.
    async fn apply(&self, mark: JournalMark, changes: Vec<SignalChange>) -> Result<(), StoreError>;
    /// How far the journal has been taken; [`JournalMark::START`] at first.
    async fn mark(&self) -> Result<JournalMark, StoreError>;
    /// What is stored of one tenant, computed from the rows.
    async fn counts(&self, tenant: TenantId) -> Result<SignalCounts, StoreError>;
    /// One signal.
    async fn signal(&self, tenant: TenantId, signal: SignalId) -> Result<Option<SignalView>, StoreError>;
    /// The last `limit` signals of a tenant, newest first.
    async fn latest(&self, tenant: TenantId, limit: usize) -> Result<Vec<SignalView>, StoreError>;
    /// Up to `limit` signals of all tenants whose state is open, oldest first: what a restarted engine must look after.
    async fn open(&self, limit: usize) -> Result<Vec<SignalView>, StoreError>;
    /// Up to `limit` reports of a tenant after `after` (0: from the first), in order of their acceptance.
    async fn reports(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<StoredReport>, StoreError>;
    /// Up to `limit` denials of a tenant after `after` (0: from the first), in order.
    async fn denials(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<StoredDenial>, StoreError>;
    /// The last signal of every account of every tenant.
    async fn signal_heads(&self) -> Result<Vec<SignalHead>, StoreError>;
    /// The last report of every account on every device.
    async fn report_heads(&self) -> Result<Vec<ReportHead>, StoreError>;
}
