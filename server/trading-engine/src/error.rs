//! What the engine refuses and what can fail in it.

use aitrading_audit::AuditError;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_journal::JournalError;
use aitrading_risk::Denied;
use aitrading_store::StoreError;
use aitrading_wire::WireError;

/// Why a caller is refused. Each is a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Journal or audit log failed.
    Halted,
    /// The client's ledger is older than what it has confirmed.
    LedgerRollback,
    /// The session is not the account's current one.
    Fenced,
    /// The report's signature does not fit the device key.
    BadSignature,
    /// The report's bytes are no report.
    BadReport,
    /// The snapshot belongs to another account.
    WrongAccount,
    /// Too many accounts or symbols.
    TooMany,
    /// No such signal.
    UnknownSignal,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Halted => "ENGINE_HALTED",
            Self::LedgerRollback => "LEDGER_ROLLBACK",
            Self::Fenced => "FENCED",
            Self::BadSignature => "REPORT_SIGNATURE",
            Self::BadReport => "REPORT_MALFORMED",
            Self::WrongAccount => "WRONG_ACCOUNT",
            Self::TooMany => "ENGINE_TOO_MANY",
            Self::UnknownSignal => "UNKNOWN_SIGNAL",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Halted => "the engine halted because its journal or audit log failed; check the disk, then restart",
            Self::LedgerRollback => {
                "the client's ledger is older than what it has confirmed; reconcile it with the terminal's history, \
                 then an operator resumes the account"
            }
            Self::Fenced => "another session took over this account; only the newest one counts",
            Self::BadSignature => "the report's signature does not fit the device's key; enrol the device anew",
            Self::BadReport => "the report's bytes are no report of this version; update the client",
            Self::WrongAccount => "the snapshot names another account than the session",
            Self::TooMany => "too many accounts or symbols in one engine; start another instance",
            Self::UnknownSignal => "there is no such signal for this account",
        }
    }
}

/// Everything that can go wrong with the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting contradicts itself.
    #[error("trading engine settings: {0}")]
    Settings(String),
    /// The journal failed.
    #[error("the trading engine's journal failed")]
    Journal(#[source] JournalError),
    /// The audit log failed.
    #[error("the audit log failed; without it no signal leaves until the server is started again")]
    Audit(#[source] AuditError),
    /// The audit log was removed or put back.
    #[error(
        "the trading engine's journal knows {known} entries of the audit log that are not there: the log was removed or put back \
         to an earlier state; restore its folder from a backup, and find out who did it"
    )]
    AuditGone {
        /// Entries that were durable once.
        known: u64,
    },
    /// A record of the journal cannot be read.
    #[error("the trading engine's journal holds a record that cannot be read: was it written by a newer version?")]
    Record(#[source] WireError),
    /// A store failed.
    #[error("a store failed under the trading engine")]
    Store(#[source] StoreError),
    /// A thread could not be started.
    #[error("the trading engine could not start a thread: raise the limit of threads")]
    Thread(#[source] std::io::Error),
    /// The caller is refused.
    #[error("{}", .0.text())]
    Refused(Refusal),
    /// A manual order was denied by risk.
    #[error("risk denied the order: {0}")]
    Denied(Denied),
    /// The engine was shut down.
    #[error("the trading engine was shut down")]
    Closed,
}

impl Coded for EngineError {
    fn dna(&self) -> Dna {
        let new = |code, category| Dna::new("trading-engine", code, category);
        match self {
            Self::Settings(_) => new("ENGINE_SETTINGS", Category::Config).side(FaultSide::Caller),
            Self::Journal(error) => error.dna(),
            Self::Audit(error) => error.dna(),
            Self::AuditGone { .. } => {
                new("ENGINE_AUDIT_GONE", Category::Storage).severity(Severity::Critical).retry(Retry::VerifyFirst)
            }
            Self::Record(_) => new("ENGINE_RECORD", Category::Storage).severity(Severity::Critical),
            Self::Store(error) => error.dna(),
            Self::Thread(_) => new("ENGINE_THREAD", Category::Capacity).side(FaultSide::Dependency),
            Self::Refused(Refusal::Halted) => {
                new("ENGINE_HALTED", Category::Storage).severity(Severity::Critical).retry(Retry::VerifyFirst)
            }
            Self::Refused(refusal) => new(refusal.code(), Category::Trading).side(FaultSide::Caller),
            Self::Denied(denied) => denied.dna(),
            Self::Closed => new("ENGINE_CLOSED", Category::Internal).retry(Retry::Later),
        }
    }
}
