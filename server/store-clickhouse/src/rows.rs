//! Rows as they travel. The client compares their columns with the table's before it sends them.

use aitrading_model::{Source, Symbol};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// Which attempt at which commit a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The commit's number, from 1.
    pub(crate) number: u64,
    /// The attempt's rank: no two attempts share one, a later one has a higher one.
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct TickRow {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) time_ms: i64,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) bid: i64,
    pub(crate) spread: i64,
    pub(crate) last: i64,
    pub(crate) volume: i64,
    pub(crate) flags: u8,
    pub(crate) scale: u8,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct StoredTick {
    pub(crate) time_ms: i64,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) bid: i64,
    pub(crate) spread: i64,
    pub(crate) last: i64,
    pub(crate) volume: i64,
    pub(crate) flags: u8,
    pub(crate) scale: u8,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct StoredNumber {
    pub(crate) time_ms: i64,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct BarRow {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) timeframe_ms: i64,
    pub(crate) start_ms: i64,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) ticks: u32,
    pub(crate) spread_min: i64,
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct StoredBar {
    pub(crate) start_ms: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) ticks: u32,
    pub(crate) spread_min: i64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct GapRow {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) kind: u8,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) rank: u64,
    pub(crate) state: u8,
    pub(crate) attempts: u32,
    pub(crate) added: u64,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct StoredGap {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) kind: u8,
    pub(crate) now: u8,
    pub(crate) tries: u32,
    pub(crate) late: u64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct DayRow {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) day: i64,
    pub(crate) terminal: u64,
    pub(crate) stored: u64,
    pub(crate) refused: u64,
    pub(crate) hours: u32,
    pub(crate) at_ns: i64,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct StoredDay {
    pub(crate) day: i64,
    pub(crate) terminal: u64,
    pub(crate) stored: u64,
    pub(crate) refused: u64,
    pub(crate) hours: u32,
    pub(crate) at_ns: i64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct RejectRow {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) code: u8,
    pub(crate) ticks: u64,
    pub(crate) number: u64,
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct StoredRejects {
    pub(crate) code: u8,
    pub(crate) total: u64,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct CursorRow {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) number: u64,
    pub(crate) pos: u32,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) time_ms: i64,
    pub(crate) count_at_time: u32,
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Row, Deserialize)]
pub(crate) struct StoredCursor {
    pub(crate) tenant: u64,
    pub(crate) account: u64,
    pub(crate) symbol: String,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) time_ms: i64,
    pub(crate) count_at_time: u32,
}

#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct ImportRow {
    pub(crate) tenant: u64,
    pub(crate) key: String,
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) parts: u64,
    pub(crate) ticks: u64,
    pub(crate) bars: u64,
    pub(crate) done: u8,
    pub(crate) number: u64,
    pub(crate) rank: u64,
}

#[derive(Debug, Clone, Row, Deserialize)]
pub(crate) struct StoredImport {
    pub(crate) account: u64,
    pub(crate) symbol: String,
    pub(crate) parts: u64,
    pub(crate) ticks: u64,
    pub(crate) bars: u64,
    pub(crate) done: u8,
}

/// A claim that a number's content is what the attempt of rank `content` wrote; 0 says that it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Serialize)]
pub(crate) struct MarkRow {
    pub(crate) number: u64,
    /// Of the claims to one number the one with the highest rank holds.
    pub(crate) rank: u64,
    pub(crate) content: u64,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    /// Other attempts may have left rows under this number.
    pub(crate) contested: u8,
}

/// The claim that holds for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub(crate) struct Claim {
    pub(crate) number: u64,
    pub(crate) content: u64,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) contested: u8,
}

#[derive(Debug, Clone, Copy, Row, Serialize)]
pub(crate) struct WriterRow {
    pub(crate) writer: u64,
    pub(crate) nonce: u64,
}

#[derive(Debug, Clone, Copy, Row, Serialize)]
pub(crate) struct VersionRow {
    pub(crate) version: u32,
}

#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) ticks: u64,
}

/// A source's columns.
pub(crate) const fn key(source: &Source) -> (u64, u64) {
    (source.tenant.0, source.account.0)
}
