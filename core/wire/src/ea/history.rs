//! Ticks of the past, on the history connection: what `CopyTicksRange` returns, in rows as feeds have them.

use super::{
    fields::{Field, Take, layout},
    ticks::{put_rows, take_rows},
};
use crate::WireError;
use aitrading_model::{MarketTime, Symbol, Tick};

/// Connector: every tick of a symbol with `from <= time <= to`, both ends included. At most an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Never used twice on a connection; one is open at a time.
    pub request_id: u64,
    /// Symbol.
    pub symbol: Symbol,
    /// First millisecond.
    pub from: MarketTime,
    /// Last millisecond.
    pub to: MarketTime,
}
layout!(HistoryRequest { request_id, symbol, from, to });

/// Terminal: ticks of the answer in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryTicks {
    /// The request.
    pub request_id: u64,
    /// 1 to 256 ticks.
    pub ticks: Vec<Tick>,
}

impl Field for HistoryTicks {
    fn put(&self, out: &mut Vec<u8>) {
        self.request_id.put(out);
        put_rows(&self.ticks, out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        Ok(Self { request_id: u64::take(from)?, ticks: take_rows(from)? })
    }
}

/// Terminal: the answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryEnd {
    /// The request.
    pub request_id: u64,
    /// Ticks of the whole answer.
    pub total: u64,
    /// 0: that is all that there is. Otherwise the terminal's error, as `GetLastError` has it.
    pub error: u32,
}
layout!(HistoryEnd { request_id, total, error });

impl HistoryEnd {
    /// `ERR_HISTORY_TIMEOUT`: the terminal is still loading; what came is not all.
    pub const TIMEOUT: u32 = 4403;
    /// `ERR_MARKET_UNKNOWN_SYMBOL`.
    pub const UNKNOWN_SYMBOL: u32 = 4301;
}
