//! What the ledger's records add up to. Pure: bytes in, state out.

use super::{Event, LedgerError};
use aitrading_model::{Signal, SignalId, Timestamp};
use aitrading_wire::ReportEnvelope;
use std::collections::BTreeMap;

/// How far a signal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// About to be sent; after a restart: nobody knows.
    Intent = 0,
    /// Handed to the terminal; after a restart: nobody knows.
    Submitted = 1,
    /// Reported as unknown; being looked up.
    Unknown = 2,
    /// Settled; the server may not know it yet.
    Settled = 3,
}

impl Stage {
    pub(super) const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Intent,
            1 => Self::Submitted,
            2 => Self::Unknown,
            3 => Self::Settled,
            _ => return None,
        })
    }
}

/// A signed report in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// Its number among this device's reports.
    pub seq: u64,
    /// Does it settle the signal?
    pub is_final: bool,
    /// Does the server have it?
    pub confirmed: bool,
    /// The signed bytes: sent again unchanged until confirmed.
    pub envelope: ReportEnvelope,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What.
    pub signal: Signal,
    /// How far.
    pub stage: Stage,
    /// When its bytes arrived.
    pub received: Timestamp,
    /// When all checks had passed.
    pub validated: Timestamp,
    /// What the server is told: at most an "unknown" and a final one.
    pub reports: Vec<StoredReport>,
}

/// What to do with a signal that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Never seen: check it, then execute or refuse it.
    New,
    /// In the ledger already: acknowledge it, do nothing.
    Known,
    /// Its number was passed and it is not in the ledger: acknowledge, do nothing, never execute.
    Passed,
}

/// The ledger's content.
#[derive(Debug, Clone, Default)]
pub struct State {
    started: bool,
    generation: u64,
    last_signal_seq: u64,
    last_report_seq: u64,
    entries: BTreeMap<SignalId, Entry>,
}

impl State {
    /// Starts of the program on this ledger.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Highest signal number admitted; 0 if none.
    #[must_use]
    pub const fn last_signal_seq(&self) -> u64 {
        self.last_signal_seq
    }

    pub(super) const fn next_report_seq(&self) -> u64 {
        self.last_report_seq.saturating_add(1)
    }

    /// Signals that are not settled and confirmed, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Signals whose outcome must be looked up at the terminal: an intent, and no settled result.
    #[must_use]
    pub fn unsettled(&self) -> Vec<Entry> {
        let mut open: Vec<_> = self.entries.values().filter(|e| e.stage < Stage::Settled).cloned().collect();
        open.sort_by_key(|e| e.signal.seq);
        open
    }

    pub(super) fn unconfirmed(&self) -> Vec<(u64, ReportEnvelope)> {
        let reports = self.entries.values().flat_map(|e| &e.reports).filter(|r| !r.confirmed);
        let mut open: Vec<_> = reports.map(|r| (r.seq, r.envelope.clone())).collect();
        open.sort_by_key(|(seq, _)| *seq);
        open
    }

    /// A signal's number is used once: only a number above all that were seen is new.
    pub(super) fn admit(&self, signal: &Signal) -> Admission {
        if self.entries.contains_key(&signal.id) {
            Admission::Known
        } else if signal.seq > self.last_signal_seq {
            Admission::New
        } else {
            Admission::Passed
        }
    }

    pub(super) fn snapshot(&self) -> Event {
        Event::Snapshot {
            generation: self.generation,
            last_signal_seq: self.last_signal_seq,
            last_report_seq: self.last_report_seq,
            entries: self.entries.values().cloned().collect(),
        }
    }

    /// Takes one record.
    ///
    /// # Errors
    /// [`LedgerError::Contradiction`] for records that cannot follow what came before.
    pub fn apply(&mut self, event: &Event) -> Result<(), LedgerError> {
        match event {
            Event::Opened { generation } => {
                self.started = true;
                self.generation = self.generation.max(*generation);
            }
            Event::Snapshot { generation, last_signal_seq, last_report_seq, entries } => {
                self.started = true;
                self.generation = *generation;
                self.last_signal_seq = *last_signal_seq;
                self.last_report_seq = *last_report_seq;
                self.entries = entries.iter().map(|e| (e.signal.id, e.clone())).collect();
            }
            // The start of a compacted ledger may hold the end of what the snapshot replaced.
            _ if !self.started => {}
            Event::Intent { signal, received, validated } => {
                self.admit_new(signal, Stage::Intent, (*received, *validated), Vec::new())?;
            }
            Event::Refused { signal, report } => {
                self.last_report_seq = self.last_report_seq.max(report.seq);
                self.admit_new(signal, Stage::Settled, Default::default(), vec![report.clone()])?;
            }
            Event::Submitted { signal } => {
                let entry = self.entry(*signal)?;
                entry.stage = entry.stage.max(Stage::Submitted);
            }
            Event::Result { signal, report } => self.result(*signal, report)?,
            Event::Confirmed { report_seq } => self.confirm(*report_seq),
        }
        Ok(())
    }

    fn admit_new(
        &mut self,
        signal: &Signal,
        stage: Stage,
        (received, validated): (Timestamp, Timestamp),
        reports: Vec<StoredReport>,
    ) -> Result<(), LedgerError> {
        if self.admit(signal) != Admission::New {
            return Err(LedgerError::Contradiction(signal.id));
        }
        self.last_signal_seq = signal.seq;
        self.entries.insert(signal.id, Entry { signal: *signal, stage, received, validated, reports });
        Ok(())
    }

    fn entry(&mut self, signal: SignalId) -> Result<&mut Entry, LedgerError> {
        self.entries.get_mut(&signal).ok_or(LedgerError::Contradiction(signal))
    }

    fn result(&mut self, signal: SignalId, report: &StoredReport) -> Result<(), LedgerError> {
        self.last_report_seq = self.last_report_seq.max(report.seq);
        let entry = self.entry(signal)?;
        if entry.stage == Stage::Settled {
            return Err(LedgerError::Contradiction(signal));
        }
        entry.stage = if report.is_final { Stage::Settled } else { Stage::Unknown };
        entry.reports.push(report.clone());
        Ok(())
    }

    fn confirm(&mut self, report_seq: u64) {
        self.entries.retain(|_, entry| {
            for report in entry.reports.iter_mut().filter(|r| r.seq == report_seq) {
                report.confirmed = true;
            }
            // What is settled and confirmed needs no memory: its number is passed for ever.
            entry.stage < Stage::Settled || entry.reports.iter().any(|r| !r.confirmed)
        });
    }
}
