//! The ledger's records.

use super::state::{Entry, Stage, StoredReport};
use aitrading_model::{Signal, SignalId, Timestamp};
use aitrading_wire::{Reader, ReportEnvelope, WireError, Writer, decode_signal, encode_signal};

const VERSION: u8 = 1;
/// Longest signal or report in a record.
const PAYLOAD_MAX: usize = 16 * 1024;
/// Most open entries in a snapshot.
const ENTRIES_MAX: usize = 60_000;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The program started on this ledger.
    Opened {
        /// One more than the start before.
        generation: u64,
    },
    /// Checked, and about to be executed.
    Intent {
        /// What.
        signal: Signal,
        /// When its bytes arrived.
        received: Timestamp,
        /// When all checks had passed.
        validated: Timestamp,
    },
    /// Checked and refused.
    Refused {
        /// What.
        signal: Signal,
        /// What the server is told.
        report: StoredReport,
    },
    /// Handed to the terminal.
    Submitted {
        /// Which.
        signal: SignalId,
    },
    /// An outcome, or the news that it is unknown.
    Result {
        /// Which.
        signal: SignalId,
        /// What the server is told.
        report: StoredReport,
    },
    /// The server has the report.
    Confirmed {
        /// Which.
        report_seq: u64,
    },
    /// Everything that matters of what came before.
    Snapshot {
        /// Of the last start.
        generation: u64,
        /// Highest signal number ever admitted.
        last_signal_seq: u64,
        /// Highest report number ever written.
        last_report_seq: u64,
        /// Signals that are not settled and confirmed.
        entries: Vec<Entry>,
    },
}

fn put_report(w: &mut Writer, report: &StoredReport) {
    w.u64(report.seq).u8(u8::from(report.is_final)).u8(u8::from(report.confirmed));
    w.bytes16(&report.envelope.encode());
}

fn get_report(r: &mut Reader<'_>) -> Result<StoredReport, WireError> {
    Ok(StoredReport {
        seq: r.u64()?,
        is_final: r.u8()? != 0,
        confirmed: r.u8()? != 0,
        envelope: ReportEnvelope::decode(r.bytes16("report", PAYLOAD_MAX)?)?,
    })
}

fn get_signal(r: &mut Reader<'_>) -> Result<Signal, WireError> {
    decode_signal(r.bytes16("signal", PAYLOAD_MAX)?)
}

fn put_entry(w: &mut Writer, entry: &Entry) {
    w.bytes16(&encode_signal(&entry.signal)).u8(entry.stage as u8).i64(entry.received.0).i64(entry.validated.0);
    w.list(&entry.reports, put_report);
}

fn get_entry(r: &mut Reader<'_>) -> Result<Entry, WireError> {
    Ok(Entry {
        signal: get_signal(r)?,
        stage: Stage::from_number(r.u8()?).ok_or(WireError::BadValue("stage"))?,
        received: Timestamp(r.i64()?),
        validated: Timestamp(r.i64()?),
        reports: r.list("reports", 4, get_report)?,
    })
}

impl Event {
    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(512);
        w.u8(VERSION);
        match self {
            Self::Opened { generation } => _ = w.u8(1).u64(*generation),
            Self::Intent { signal, received, validated } => {
                w.u8(2).bytes16(&encode_signal(signal)).i64(received.0).i64(validated.0);
            }
            Self::Refused { signal, report } => {
                w.u8(3).bytes16(&encode_signal(signal));
                put_report(&mut w, report);
            }
            Self::Submitted { signal } => _ = w.u8(4).raw(&signal.0),
            Self::Result { signal, report } => {
                w.u8(5).raw(&signal.0);
                put_report(&mut w, report);
            }
            Self::Confirmed { report_seq } => _ = w.u8(6).u64(*report_seq),
            Self::Snapshot { generation, last_signal_seq, last_report_seq, entries } => {
                w.u8(7).u64(*generation).u64(*last_signal_seq).u64(*last_report_seq);
                w.list(entries, put_entry);
            }
        }
        w.into_bytes()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not exactly one record of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(bytes);
        let version = r.u8()?;
        if version != VERSION {
            return Err(WireError::Version(u16::from(version)));
        }
        let event = match r.u8()? {
            1 => Self::Opened { generation: r.u64()? },
            2 => {
                let (signal, received) = (get_signal(r)?, Timestamp(r.i64()?));
                Self::Intent { signal, received, validated: Timestamp(r.i64()?) }
            }
            3 => Self::Refused { signal: get_signal(r)?, report: get_report(r)? },
            4 => Self::Submitted { signal: SignalId(r.array()?) },
            5 => Self::Result { signal: SignalId(r.array()?), report: get_report(r)? },
            6 => Self::Confirmed { report_seq: r.u64()? },
            7 => Self::Snapshot {
                generation: r.u64()?,
                last_signal_seq: r.u64()?,
                last_report_seq: r.u64()?,
                entries: r.list("entries", ENTRIES_MAX, get_entry)?,
            },
            _ => return Err(WireError::BadValue("ledger record")),
        };
        if r.remaining() == 0 { Ok(event) } else { Err(WireError::Trailing) }
    }
}
