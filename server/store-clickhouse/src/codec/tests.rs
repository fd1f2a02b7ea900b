//! Digits are a hint: whatever a tick looks like, it comes back as it went in.

use super::{scaled, tick};
use crate::rows::StoredTick;
use aitrading_model::{MarketTime, Price, Tick, TickFlags, Volume};
use aitrading_store::StoreError;

fn there_and_back(original: &Tick, digits: u8) -> Tick {
    let small = scaled(original, digits);
    let row = StoredTick {
        time_ms: original.time.0,
        number: 1,
        pos: 0,
        bid: small.bid,
        spread: small.spread,
        last: small.last,
        volume: original.volume.raw(),
        flags: original.flags.bits(),
        scale: small.scale,
    };
    tick(&row).unwrap()
}

fn quote(bid: i64, ask: i64, last: i64) -> Tick {
    let (bid, ask, last) = (Price::from_raw(bid), Price::from_raw(ask), Price::from_raw(last));
    Tick { time: MarketTime(5), bid, ask, last, volume: Volume::from_raw(3), flags: TickFlags::from_bits(0x7e) }
}

#[test]
fn every_price_survives_every_scale() {
    let values = [0, 1, -1, 13_214_100_000, 13_215_800_000, 100_000_000, i64::MAX, i64::MIN, i64::MAX - 1];
    for bid in values {
        for ask in values {
            for (last, digits) in values.into_iter().zip((0..=8).cycle()) {
                let original = quote(bid, ask, last);
                assert_eq!(there_and_back(&original, digits), original, "{original:?} with {digits} digits");
            }
        }
    }
}

#[test]
fn prices_with_the_symbols_digits_are_stored_in_points() {
    let small = scaled(&quote(13_214_100_000, 13_215_800_000, 0), 3);
    assert_eq!((small.scale, small.bid, small.spread, small.last), (3, 132_141, 17, 0));
    assert_eq!(scaled(&quote(13_214_100_001, 13_215_800_000, 0), 3).scale, 8);
}

#[test]
fn a_row_that_nobody_wrote_is_damage() {
    let row = StoredTick { time_ms: 0, number: 1, pos: 0, bid: 1, spread: 0, last: 0, volume: 0, flags: 0, scale: 9 };
    for damaged in [row, StoredTick { bid: i64::MAX, scale: 0, ..row }] {
        assert!(matches!(tick(&damaged), Err(StoreError::Corrupt { .. })), "{damaged:?}");
    }
}
