//! What the connector tells about itself: counts, positions, latencies, the last error. For people and for the demo's report.

mod server;

pub use server::{AuditAlarms, AuditState, AuditStatus, SubscriptionStatus, SubscriptionWord};

use crate::{
    latency::{Histogram, Percentiles},
    witness,
};
use aitrading_error::Coded;
use aitrading_model::{ReportState, SignalId, Symbol};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Signals that are remembered for display.
const LAST_SIGNALS: usize = 10;
/// Longest error message that is kept.
const MESSAGE_CHARS: usize = 400;

/// Everything at one moment.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Status {
    /// Is there a session with the server?
    pub connected: bool,
    /// Is a terminal connected?
    pub terminal: bool,
    /// Position in the terminal's history of the last tick handed to the channel, summed over symbols.
    pub sent: u64,
    /// The same for the last tick that the server acknowledged.
    pub acknowledged: u64,
    /// Every symbol's history was sent, acknowledged and reported as ended.
    pub feed_end: bool,
    /// Seconds from the arrival of the program's first tick to the newest acknowledgement.
    pub stream_s: f64,
    /// By symbol.
    pub symbols: BTreeMap<String, SymbolStatus>,
    /// What became of signals since the program started.
    pub signals: SignalCounts,
    /// The newest signals.
    pub last_signals: VecDeque<LastSignal>,
    /// Latencies in microseconds.
    pub latency_us: Latencies,
    /// The account's subscription, as the server says.
    pub subscription: SubscriptionStatus,
    /// The server's audit log, as far as it can be checked from here.
    pub audit: AuditStatus,
    /// The last thing that went wrong; it may be over.
    pub last_error: Option<LastError>,
}

/// One symbol's feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SymbolStatus {
    /// Position of the last tick sent.
    pub sent: u64,
    /// Position of the last tick acknowledged.
    pub acknowledged: u64,
    /// The history's length, once its end was reached.
    pub total: Option<u64>,
    /// The server was told of the end.
    pub ended: bool,
}

/// Signals by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SignalCounts {
    /// New ones that arrived with a good signature.
    pub received: u64,
    /// Executed.
    pub executed: u64,
    /// Refused by the terminal or the broker.
    pub rejected: u64,
    /// Refused by the client's own checks.
    pub refused: u64,
    /// Expired.
    pub expired: u64,
    /// Ever had an unknown outcome.
    pub unknown: u64,
    /// Looked up and found not executed.
    pub not_executed: u64,
    /// Arrived with a wrong key or signature.
    pub hostile: u64,
}

/// A signal for display.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LastSignal {
    /// Which.
    pub id: SignalId,
    /// On what.
    pub symbol: Symbol,
    /// Outcome.
    pub state: ReportState,
    /// Why, if it was not executed.
    pub reason: String,
}

/// Latencies.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Latencies {
    /// From a tick's arrival at the connector to its acknowledgement.
    pub tick_to_ack: Percentiles,
    /// From a signal's arrival to the terminal's call of `OrderSend`.
    pub signal_to_ordersend: Percentiles,
}

/// An error for display.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LastError {
    /// Stable code.
    pub code: String,
    /// Cause and cure.
    pub message: String,
}

/// Where the parts write what [`Status`] shows.
#[derive(Debug, Default)]
pub struct Board(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    connected: bool,
    signals: SignalCounts,
    last_signals: VecDeque<LastSignal>,
    tick_to_ack: Histogram,
    /// Monotonic times of the first tick's arrival and of the newest acknowledgement.
    stream: Option<(u64, u64)>,
    signal_to_ordersend: Histogram,
    subscription: SubscriptionStatus,
    /// With the wall time at which its checkpoint was first seen.
    audit: (AuditStatus, Option<i64>),
    last_error: Option<LastError>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self, connected: bool) {
        self.lock().connected = connected;
    }

    pub(crate) fn error(&self, error: &impl Coded) {
        self.problem(error.dna().code, &error.public_message());
    }

    pub(crate) fn problem(&self, code: &str, message: &str) {
        let message = message.chars().take(MESSAGE_CHARS).collect();
        self.lock().last_error = Some(LastError { code: code.to_owned(), message });
    }

    pub(crate) fn signal_received(&self) {
        self.lock().signals.received += 1;
    }

    pub(crate) fn hostile(&self) {
        self.lock().signals.hostile += 1;
    }

    pub(crate) fn signal(&self, signal: LastSignal) {
        let mut facts = self.lock();
        let counts = &mut facts.signals;
        let count = match signal.state {
            ReportState::Executed => &mut counts.executed,
            ReportState::Rejected => &mut counts.rejected,
            ReportState::Refused => &mut counts.refused,
            ReportState::Expired => &mut counts.expired,
            ReportState::Unknown => &mut counts.unknown,
            ReportState::NotExecuted => &mut counts.not_executed,
        };
        *count += 1;
        facts.last_signals.push_front(signal);
        facts.last_signals.truncate(LAST_SIGNALS);
    }

    /// A frame of `ticks` that had `arrived` was acknowledged `now`; both are monotonic times.
    pub(crate) fn ticks_acked(&self, arrived: u64, now: u64, ticks: u64) {
        let mut facts = self.lock();
        facts.tick_to_ack.add(now.saturating_sub(arrived) / 1000, ticks);
        let first = facts.stream.map_or(arrived, |(first, _)| first.min(arrived));
        facts.stream = Some((first, now));
    }

    /// Latencies of this run's acknowledged ticks.
    pub(crate) fn tick_to_ack(&self) -> Histogram {
        self.lock().tick_to_ack.clone()
    }

    pub(crate) fn order_sent(&self, ns: u64) {
        self.lock().signal_to_ordersend.add(ns / 1000, 1);
    }

    pub(crate) fn subscription(&self, subscription: SubscriptionStatus) {
        self.lock().subscription = subscription;
    }

    pub(crate) fn audit(&self, audit: AuditStatus, since_ns: Option<i64>) {
        self.lock().audit = (audit, since_ns);
    }

    /// `now_ns` is the wall time.
    pub(crate) fn status(&self, terminal: bool, symbols: BTreeMap<String, SymbolStatus>, now_ns: i64) -> Status {
        let facts = self.lock();
        let (audit, since_ns) = facts.audit.clone();
        Status {
            connected: facts.connected,
            terminal,
            stream_s: facts.stream.map_or(0.0, |(first, last)| last.saturating_sub(first) as f64 / 1e9),
            sent: symbols.values().map(|s| s.sent).sum(),
            acknowledged: symbols.values().map(|s| s.acknowledged).sum(),
            feed_end: !symbols.is_empty() && symbols.values().all(|s| s.ended),
            symbols,
            signals: facts.signals,
            last_signals: facts.last_signals.clone(),
            latency_us: Latencies {
                tick_to_ack: facts.tick_to_ack.percentiles(),
                signal_to_ordersend: facts.signal_to_ordersend.percentiles(),
            },
            subscription: facts.subscription.clone(),
            audit: witness::aged(audit, since_ns, now_ns),
            last_error: facts.last_error.clone(),
        }
    }
}
