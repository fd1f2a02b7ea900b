//! The bridge's settings: raw as they are written, resolved as they are used.

use crate::{BridgeError, Rules};
use aitrading_wire::link::Pacing;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// Settings as written in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSettings {
    /// A source silent for longer (market time) has a hole; 0 turns the check off.
    pub silence_ms: u32,
    /// Silence over a Saturday (UTC) is no hole.
    pub weekend_closed: bool,
    /// `true`: replayed feeds wait for open decisions.
    pub lock_step: bool,
    /// Tick sources that may be known.
    pub sources_max: u32,
    /// Client sessions at the same time.
    pub sessions_max: u32,
    /// Durable batches that may wait for the engine.
    pub feed_queue: u32,
    /// Journal segment size.
    pub segment_kib: u32,
    /// Records that may wait for the journal's writer.
    pub journal_queue: u32,
    /// Pause between two hand-overs to the tick store.
    pub drain_interval_ms: u32,
    /// Records in one hand-over to the tick store.
    pub drain_records: u32,
    /// Time for the client's first message.
    pub hello_timeout_ms: u32,
    /// How often it is looked for holes and days to ask terminals about; 0: they are never asked.
    pub backfill_interval_ms: u32,
    /// Tries in vain after which a hole is given up.
    pub backfill_attempts: u32,
    /// Pause after the first try in vain; it grows with every one.
    pub backfill_retry_ms: u32,
    /// Time for a whole answer from a terminal's history.
    pub history_timeout_ms: u32,
}

impl Default for RawSettings {
    fn default() -> Self {
        Self {
            silence_ms: 60_000,
            weekend_closed: true,
            lock_step: false,
            sources_max: 65_536,
            sessions_max: 1_024,
            feed_queue: 4_096,
            segment_kib: 8 * 1_024,
            journal_queue: 4_096,
            drain_interval_ms: 200,
            drain_records: 4_096,
            hello_timeout_ms: 10_000,
            backfill_interval_ms: 1_000,
            backfill_attempts: 5,
            backfill_retry_ms: 30_000,
            history_timeout_ms: 120_000,
        }
    }
}

/// Settings that were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where journal and checkpoint lie. The caller holds the lock of the data directory.
    pub dir: PathBuf,
    /// What a hole is.
    pub rules: Rules,
    /// Pacing that clients are told.
    pub pacing: Pacing,
    /// Tick sources that may be known.
    pub sources_max: usize,
    /// Client sessions at the same time.
    pub sessions_max: usize,
    /// Durable batches that may wait for the engine.
    pub feed_queue: usize,
    /// The journal's settings.
    pub journal: aitrading_journal::Settings,
    /// Pause between two hand-overs to the tick store.
    pub drain_interval: Duration,
    /// Records in one hand-over.
    pub drain_records: usize,
    /// Time for the client's first message.
    pub hello_timeout: Duration,
    /// How terminals are asked for what is missing.
    pub backfill: Backfill,
}

/// How terminals are asked for what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// Pause between two looks; zero: nobody is asked.
    pub interval: Duration,
    /// Tries in vain after which a hole is given up.
    pub attempts: u32,
    /// Pause after the first try in vain; the n-th is n times as long.
    pub retry: Duration,
    /// Time for a whole answer.
    pub answer_timeout: Duration,
}

/// Purpose tag of the tick journal.
const JOURNAL_TAG: [u8; 4] = *b"TICK";
/// A batch of 256 ticks whose every field is as long as it can be.
const RECORD_MAX: usize = 32 << 10;
/// Smallest segment: a few full groups.
const SEGMENT_KIB_MIN: u32 = 256;

impl Settings {
    /// Checks raw settings; `dir` is the bridge's own directory.
    ///
    /// # Errors
    /// [`BridgeError::Settings`] naming the rule that is broken.
    pub fn resolve(raw: &RawSettings, dir: PathBuf) -> Result<Self, BridgeError> {
        let wrong = |what| Err(BridgeError::Settings { what });
        let positive = [raw.sources_max, raw.sessions_max, raw.feed_queue, raw.journal_queue, raw.drain_records];
        if [raw.backfill_attempts, raw.history_timeout_ms].contains(&0) {
            return wrong("backfill_attempts and history_timeout_ms must be at least 1");
        }
        if positive.contains(&0) {
            return wrong("sources_max, sessions_max, feed_queue, journal_queue and drain_records must be at least 1");
        }
        if raw.segment_kib < SEGMENT_KIB_MIN {
            return wrong("segment_kib must be at least 256");
        }
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let millis = |n: u32| Duration::from_millis(u64::from(n));
        Ok(Self {
            dir,
            rules: Rules { silence_ms: i64::from(raw.silence_ms), weekend_closed: raw.weekend_closed },
            pacing: if raw.lock_step { Pacing::LockStep } else { Pacing::Live },
            sources_max: size(raw.sources_max),
            sessions_max: size(raw.sessions_max),
            feed_queue: size(raw.feed_queue),
            journal: aitrading_journal::Settings {
                segment_bytes: u64::from(raw.segment_kib) << 10,
                queue: size(raw.journal_queue),
                max_record: RECORD_MAX,
                max_group_bytes: (size(raw.segment_kib) << 10) / 8,
                ..aitrading_journal::Settings::new(JOURNAL_TAG)
            },
            drain_interval: millis(raw.drain_interval_ms),
            drain_records: size(raw.drain_records),
            hello_timeout: millis(raw.hello_timeout_ms),
            backfill: Backfill {
                interval: millis(raw.backfill_interval_ms),
                attempts: raw.backfill_attempts,
                retry: millis(raw.backfill_retry_ms),
                answer_timeout: millis(raw.history_timeout_ms),
            },
        })
    }
}
