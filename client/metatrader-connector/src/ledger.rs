//! The durable order ledger: what this client was told to do, and what it knows of the outcome.
//!
//! A signal's life is `RECEIVED -> VALIDATED -> INTENT -> SUBMITTED -> RESULT -> REPORTED -> CONFIRMED`. The first three are one
//! record, because a signal is either executable at once or refused: so the way to the terminal costs one sync. After a crash
//! an intent without a result is looked up at the terminal and never sent again.

mod event;
mod state;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use state::{Admission, Entry, Stage, State, StoredReport};

use aitrading_env::Env;
use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
use aitrading_journal::{Journal, JournalError, Settings};
use aitrading_model::{Signal, SignalId, Timestamp};
use aitrading_wire::{ReportEnvelope, WireError};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Replayed records beyond which the ledger is rewritten as one snapshot.
const COMPACT_AFTER: u64 = 10_000;

/// Why the ledger refused.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The journal under it failed.
    #[error("the order ledger could not be written; nothing is executed without it")]
    Journal(#[source] JournalError),
    /// A record cannot be read.
    #[error("the order ledger holds a record that cannot be read; restore the directory or enrol the device anew")]
    Record(#[source] WireError),
    /// Two different orders under one number, or an outcome without an intent.
    #[error("the order ledger contradicts itself about signal {0}")]
    Contradiction(SignalId),
}

impl Coded for LedgerError {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::Journal(_) => "LEDGER_WRITE",
            Self::Record(_) => "LEDGER_RECORD",
            Self::Contradiction(_) => "LEDGER_CONTRADICTION",
        };
        Dna::new("metatrader-connector", code, Category::Storage)
            .side(FaultSide::Dependency)
            .severity(Severity::Critical)
    }
}

/// The ledger of one account on this machine.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    journal: Journal,
}

impl Ledger {
    /// Opens or creates the ledger in `dir`, replays it, and starts a new generation. Blocks: call it at start.
    ///
    /// # Errors
    /// [`LedgerError`] if files cannot be read or contradict each other.
    pub fn open(env: &Env, dir: &Path) -> Result<Self, LedgerError> {
        let mut state = State::default();
        let mut first_fault = None;
        let mut visit = |_, bytes: &[u8]| {
            let applied = Event::decode(bytes).map_err(LedgerError::Record).and_then(|event| state.apply(&event));
            if let (Err(fault), None) = (applied, &first_fault) {
                first_fault = Some(fault);
            }
            Ok(())
        };
        let settings = Settings { segment_bytes: 1 << 20, ..Settings::new(*b"ATLG") };
        let (journal, recovery) = Journal::open(env, dir, settings, &mut visit).map_err(LedgerError::Journal)?;
        if let Some(fault) = first_fault {
            return Err(fault);
        }
        let opened = Event::Opened { generation: state.generation().saturating_add(1) };
        let ledger = Self { state: Mutex::new(state), journal };
        ledger.append_blocking(&opened)?;
        if recovery.records > COMPACT_AFTER {
            ledger.compact()?;
        }
        Ok(ledger)
    }

    fn compact(&self) -> Result<(), LedgerError> {
        let snapshot = self.state().snapshot();
        let position = self.journal.append_blocking(snapshot.encode()).map_err(LedgerError::Journal)?;
        self.journal.remove_before(position).map(drop).map_err(LedgerError::Journal)
    }

    fn append_blocking(&self, event: &Event) -> Result<(), LedgerError> {
        self.journal.append_blocking(event.encode()).map_err(LedgerError::Journal)?;
        self.state().apply(event)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of what the ledger knows.
    #[must_use]
    pub fn view(&self) -> State {
        self.state().clone()
    }

    /// May this signal be executed, is it known, or is it too old?
    #[must_use]
    pub fn admit(&self, signal: &Signal) -> Admission {
        self.state().admit(signal)
    }

    /// Writes the intent to execute. Only after `Ok` may the order go to the terminal and the signal be acknowledged.
    ///
    /// # Errors
    /// [`LedgerError`]: then nothing may be sent.
    pub async fn intent(&self, signal: &Signal, received: Timestamp, validated: Timestamp) -> Result<(), LedgerError> {
        self.append(Event::Intent { signal: *signal, received, validated }).await
    }

    /// Notes that the order was handed to the terminal. Not waited for: an intent alone already forbids a second sending.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn submitted(&self, signal: SignalId) -> Result<(), LedgerError> {
        let event = Event::Submitted { signal };
        self.journal.append_with(event.encode(), Box::new(drop)).map_err(LedgerError::Journal)?;
        self.state().apply(&event)
    }

    /// The number for the next report. Numbers of reports that were never written are used again.
    #[must_use]
    pub fn next_report_seq(&self) -> u64 {
        self.state().next_report_seq()
    }

    /// Writes a signal that was refused, with its report, as one record.
    ///
    /// # Errors
    /// [`LedgerError`]: then the signal may not be acknowledged.
    pub async fn refused(&self, signal: &Signal, report: StoredReport) -> Result<(), LedgerError> {
        self.append(Event::Refused { signal: *signal, report }).await
    }

    /// Writes an outcome with its signed report. Only after `Ok` may the report be sent.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn result(&self, signal: SignalId, report: StoredReport) -> Result<(), LedgerError> {
        self.append(Event::Result { signal, report }).await
    }

    /// The server has this report, durably. Not waited for: a lost note costs one repeated report.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn confirmed(&self, report_seq: u64) -> Result<(), LedgerError> {
        let event = Event::Confirmed { report_seq };
        self.journal.append_with(event.encode(), Box::new(drop)).map_err(LedgerError::Journal)?;
        self.state().apply(&event)
    }

    /// Reports that the server has not confirmed, by number.
    #[must_use]
    pub fn unconfirmed(&self) -> Vec<(u64, ReportEnvelope)> {
        self.state().unconfirmed()
    }

    /// Writes what was accepted and ends. Later writes are refused.
    pub async fn shutdown(&self) {
        self.journal.clone().shutdown().await;
    }

    async fn append(&self, event: Event) -> Result<(), LedgerError> {
        self.journal.append(event.encode()).await.map_err(LedgerError::Journal)?;
        self.state().apply(&event)
    }
}
