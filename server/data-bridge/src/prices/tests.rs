//! A price is the one of its moment, or none.

use super::{Prices, REMEMBERED};
use aitrading_model::{AccountId, MarketTime, Price, Source, TenantId, Tick, TickFlags, Volume};

fn source(tenant: u64) -> Source {
    Source { tenant: TenantId(tenant), account: AccountId(7), symbol: "GBPJPY".parse().unwrap() }
}

/// At `ms` the bid was `bid`.
fn tick(ms: i64, bid: i64) -> Tick {
    let ask = if bid == 0 { 0 } else { bid + 2 };
    Tick {
        time: MarketTime(ms),
        bid: Price::from_raw(bid),
        ask: Price::from_raw(ask),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    }
}

fn bid(prices: &Prices, ms: i64) -> Option<i64> {
    prices.at(&source(1), MarketTime(ms)).map(|quoted| quoted.bid.raw())
}

#[test]
fn the_price_of_a_moment_is_the_last_one_before_it() {
    let prices = Prices::default();
    prices.take(&source(1), &[tick(10, 5), tick(20, 6), tick(20, 7)]);
    prices.take(&source(1), &[tick(35, 8)]);
    for (ms, expected) in [(9, None), (10, Some(5)), (19, Some(5)), (20, Some(7)), (34, Some(7)), (99, Some(8))] {
        assert_eq!(bid(&prices, ms), expected, "{ms}");
    }
    let at = prices.at(&source(1), MarketTime(34)).unwrap();
    assert_eq!((at.since, at.ask), (MarketTime(20), Price::from_raw(9)));
    assert_eq!(prices.at(&source(2), MarketTime(34)), None, "another tenant's source");
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let prices = Prices::default();
    let all: Vec<_> = (0..=REMEMBERED as i64).map(|n| tick(n, n + 1)).collect();
    prices.take(&source(1), &all);
    assert_eq!(bid(&prices, 0), None, "longer ago than is remembered");
    assert_eq!(bid(&prices, 1), Some(2));
    prices.take(&source(1), &[tick(9_000, 0)]);
    assert_eq!(bid(&prices, 9_000), None, "the book was empty");
    assert_eq!(bid(&prices, 8_999), Some(REMEMBERED as i64 + 1));
    prices.take(&source(1), &[tick(50, 3)]);
    assert_eq!((bid(&prices, 49), bid(&prices, 9_000)), (None, Some(3)), "it began anew");
}
