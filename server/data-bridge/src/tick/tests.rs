//! Validation, cursors, bars and their bytes: no clock, no files.

mod gate_tests;
mod real_day;
mod record_tests;

use super::*;
use crate::tick::record::BatchRecord;
use aitrading_model::{
    AccountId, Cursor, Epoch, GapKind, MarketTime, OpenBars, Price, Source, TenantId, Tick, TickBatch, TickFlags,
    TickReject, Timeframe, Timestamp, TraceId, Volume,
};

/// 2012-12-03 00:00 UTC, a Monday.
const MONDAY: i64 = 1_354_492_800_000;
const RULES: Rules = Rules { silence_ms: 60_000, weekend_closed: true };

fn now() -> Timestamp {
    Timestamp((MONDAY + 86_400_000) * 1_000_000)
}

fn source() -> Source {
    Source { tenant: TenantId(1), account: AccountId(42), symbol: "GBPJPY".parse().unwrap() }
}

/// A quote at `ms` after Monday midnight; prices in thousandths.
fn quote(ms: i64, bid: i64, ask: i64) -> Tick {
    Tick {
        time: MarketTime(MONDAY + ms),
        bid: Price::from_raw(bid * 100_000),
        ask: Price::from_raw(ask * 100_000),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID.with(TickFlags::ASK),
    }
}

fn batch(epoch: u64, first_seq: u64, ticks: Vec<Tick>) -> TickBatch {
    TickBatch { trace: TraceId([7; 16]), source: source(), epoch: Epoch(epoch), first_seq, ticks }
}

fn take(gate: &mut Gate, epoch: u64, first_seq: u64, ticks: Vec<Tick>) -> Result<BatchRecord, Refused> {
    gate.take(batch(epoch, first_seq, ticks), (now(), now()), &RULES)
}
