//! What is taken, in flight and durable of one source; the journal is a list.

use super::*;
use aitrading_model::{AccountId, MarketTime, Price, TenantId, Tick, TickFlags, TraceId, Volume};

/// 2012-12-03 00:00 UTC, a Monday.
const MONDAY: i64 = 1_354_492_800_000;
const RULES: Rules = Rules { silence_ms: 0, weekend_closed: true };

fn source() -> Source {
    Source { tenant: TenantId(1), account: AccountId(42), symbol: "GBPJPY".parse().unwrap() }
}

fn slot() -> Slot {
    Slot::new(source(), SourceState::default())
}

fn take(slot: &Slot, epoch: u64, first_seq: u64, len: i64) -> Result<BatchRecord, BridgeError> {
    let tick = |n| Tick {
        time: MarketTime(MONDAY + n),
        bid: Price::ONE,
        ask: Price::ONE,
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    };
    let from = slot.state().cursor.time.0.max(MONDAY) - MONDAY + 1000;
    let ticks = (from..from + len).map(tick).collect();
    let batch = TickBatch { trace: TraceId([1; 16]), source: source(), epoch: Epoch(epoch), first_seq, ticks };
    let now = Timestamp((MONDAY + 80_000_000) * 1_000_000);
    slot.take(batch, (now, now), &RULES, Ok)
}

fn land(slot: &Slot, record: &BatchRecord) -> bool {
    slot.applied(|state| state.apply(record).is_some())
}

#[tokio::test]
async fn an_announced_epoch_is_nothing_to_wait_for() {
    let slot = slot();
    land(&slot, &take(&slot, 1, 1, 3).unwrap());
    let told = slot.state().cursor;
    for epoch in 2..5 {
        slot.start_epoch(Epoch(epoch), told).unwrap();
        assert_eq!(slot.settled().await, told);
    }
    assert!(take(&slot, 1, 4, 1).is_err(), "an older epoch is over");
    assert!(land(&slot, &take(&slot, 4, 1, 2).unwrap()));
    assert_eq!((slot.settled().await.epoch, slot.settled().await.seq), (Epoch(4), 2));
}

#[test]
fn no_epoch_starts_while_something_is_in_flight() {
    let slot = slot();
    let first = take(&slot, 1, 1, 3).unwrap();
    assert_eq!(slot.start_epoch(Epoch(2), Cursor::default()), Err(Cursor::default()));
    assert_eq!(slot.at_rest(), None);
    land(&slot, &first);
    let told = slot.at_rest().unwrap();
    assert_eq!(slot.start_epoch(Epoch(2), Cursor::default()), Err(told), "the cursor moved meanwhile");
    slot.start_epoch(Epoch(2), told).unwrap();
}

#[test]
fn a_failed_first_batch_leaves_the_source_open_for_the_next_epoch() {
    let slot = slot();
    land(&slot, &take(&slot, 1, 1, 3).unwrap());
    let told = slot.state().cursor;
    slot.start_epoch(Epoch(2), told).unwrap();
    take(&slot, 2, 1, 3).unwrap();
    slot.fall_back();
    assert_eq!(slot.at_rest(), Some(told));
    assert!(take(&slot, 2, 4, 1).is_err(), "its epoch ended with it");
    slot.start_epoch(Epoch(3), told).unwrap();
    assert!(land(&slot, &take(&slot, 3, 1, 3).unwrap()));
}

#[test]
fn failures_that_overtake_each_other_do_not_leave_taken_and_durable_apart() {
    let slot = slot();
    let (first, second) = (take(&slot, 1, 1, 3).unwrap(), take(&slot, 1, 4, 3).unwrap());
    slot.fall_back();
    let again = take(&slot, 1, 1, 3).unwrap();
    assert_eq!(first.accepted, again.accepted);
    assert_eq!(second.first_seq, 4);
    slot.fall_back();
    assert_eq!(slot.at_rest(), None, "one is still under way");
    assert!(land(&slot, &again));
    assert_eq!(slot.at_rest().unwrap().seq, 3);
    assert!(land(&slot, &take(&slot, 1, 4, 3).unwrap()));
}
