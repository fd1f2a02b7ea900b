//! What the smaller stores promise.

use super::sample::symbol;
use crate::{Cache, CacheKey, StateAt, StoreError, Stores};
use aitrading_model::{
    AccountId, AccountState, CalcMode, ExecutionMode, FillingModes, MarginMode, MarketTime, Money, Permissions,
    PositionState, PositionTicket, Price, Session, Side, SymbolSpec, TenantId, Timestamp, TradeMode, TradeSessions,
    Volume,
};

use std::{sync::Arc, time::Duration};

type Checked = Result<(), StoreError>;

const KEY: (TenantId, AccountId) = (TenantId(1), AccountId(7));

#[expect(clippy::expect_used, reason = "a property's own constant")]
fn snapshot(balance: i64, at: i64) -> StateAt {
    let position = PositionState {
        ticket: PositionTicket(u64::MAX),
        symbol: symbol("GBPJPY"),
        side: Side::Sell,
        volume: Volume::from_raw(1),
        price_open: Price::from_raw(2),
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        profit: Money::from_raw(-3),
        magic: u64::MAX,
    };
    let state = AccountState {
        account: KEY.1,
        server: "Broker-Demo \"x\"".to_owned(),
        currency: "USD".parse().expect("a currency"),
        margin_mode: MarginMode::RetailHedging,
        leverage: 100,
        balance: Money::from_raw(balance),
        equity: Money::from_raw(i64::MAX),
        margin: Money::ZERO,
        free_margin: Money::from_raw(-1),
        stop_out_percent: 50,
        permissions: Permissions { account_trade_allowed: false, ..Permissions::ALL },
        time: MarketTime(5),
        positions: vec![position],
    };
    StateAt { state, at: Timestamp(at) }
}

/// Snapshots may arrive out of order; the newest one stands.
pub async fn an_older_snapshot_does_not_replace_a_newer_one(stores: Stores) -> Checked {
    let store = stores.accounts;
    assert_eq!(store.state(KEY.0, KEY.1).await?, None);
    store.put_state(KEY.0, snapshot(10, 100)).await?;
    store.put_state(KEY.0, snapshot(11, 99)).await?;
    assert_eq!(store.state(KEY.0, KEY.1).await?, Some(snapshot(10, 100)));
    store.put_state(KEY.0, snapshot(12, 101)).await?;
    assert_eq!(store.state(KEY.0, KEY.1).await?, Some(snapshot(12, 101)));
    assert_eq!(store.state(TenantId(2), KEY.1).await?, None);
    Ok(())
}

#[expect(clippy::expect_used, reason = "a property's own constants")]
fn sessions() -> TradeSessions {
    let friday = [Session { from_s: 0, to_s: 3_600 }, Session { from_s: 7_200, to_s: 172_800 }];
    TradeSessions::new(-18_000, &[&[] as &[_], &[], &[], &[], &[], &friday, &[]]).expect("a table of sessions")
}

#[expect(clippy::expect_used, reason = "a property's own constants")]
fn spec(name: &str, digits: u8) -> SymbolSpec {
    let currency = |code: &str| code.parse().expect("a currency");
    SymbolSpec {
        symbol: symbol(name),
        digits,
        contract_size: Volume::from_raw(i64::MAX),
        tick_size: Price::from_raw(100_000),
        tick_value: Money::from_raw(61_883_900),
        tick_value_loss: Money::from_raw(61_883_901),
        volume_min: Volume::from_raw(1_000_000),
        volume_max: Volume::from_raw(8_000_000_000),
        volume_step: Volume::from_raw(1_000_000),
        volume_limit: Volume::ZERO,
        stops_level: 0,
        freeze_level: 3,
        trade_mode: TradeMode::CloseOnly,
        execution: ExecutionMode::Market,
        filling: FillingModes(FillingModes::IOC),
        order_mode: 127,
        calc_mode: CalcMode::Forex,
        currency_base: currency("USD"),
        currency_profit: currency("JPY"),
        currency_margin: currency("USD"),
        margin_conversion: Price::ONE,
        profit_conversion: Price::from_raw(618_839),
        sessions: (digits > 3).then(sessions),
    }
}

/// One row per symbol; a later word replaces an earlier one.
pub async fn specifications_are_kept_by_symbol(stores: Stores) -> Checked {
    let store = stores.accounts;
    store.put_specs(KEY.0, KEY.1, vec![spec("USDJPY", 3), spec("AUDUSD", 5)], Timestamp(10)).await?;
    store.put_specs(KEY.0, KEY.1, vec![spec("USDJPY", 2)], Timestamp(11)).await?;
    store.put_specs(KEY.0, KEY.1, vec![spec("AUDUSD", 4)], Timestamp(9)).await?;
    assert_eq!(store.specs(KEY.0, KEY.1).await?, [spec("AUDUSD", 5), spec("USDJPY", 2)]);
    assert_eq!(store.specs(KEY.0, AccountId(8)).await?, []);
    Ok(())
}

/// Values are replaced by `put` and kept by `put_if_absent`.
pub async fn facts_are_kept(stores: Stores) -> Checked {
    let store = stores.meta;
    assert_eq!(store.get("deployment").await?, None);
    assert_eq!(store.put_if_absent("deployment", b"a").await?, b"a");
    assert_eq!(store.put_if_absent("deployment", b"b").await?, b"a");
    store.put("deployment", b"").await?;
    assert_eq!(store.get("deployment").await?, Some(vec![]));
    Ok(())
}

/// Values expire by the clock, can be removed, and do not mix between tenants. `advance` moves the cache's clock.
///
/// # Panics
/// If a promise is broken.
pub fn cached_values_expire(cache: &dyn Cache, advance: &dyn Fn(Duration)) {
    let key = |tenant| CacheKey::new(TenantId(tenant), "entitlement", "7");
    let value = |bytes: &[u8]| Some(Arc::from(bytes));
    cache.put(key(1), Arc::from(b"a".as_slice()), Duration::from_secs(60));
    cache.put(key(2), Arc::from(b"b".as_slice()), Duration::from_secs(600));
    assert_eq!((cache.get(&key(1)), cache.get(&key(2))), (value(b"a"), value(b"b")));
    assert_eq!(cache.get(&CacheKey::new(TenantId(1), "other", "7")), None);
    advance(Duration::from_secs(59));
    assert_eq!(cache.get(&key(1)), value(b"a"));
    advance(Duration::from_secs(1));
    assert_eq!((cache.get(&key(1)), cache.get(&key(2))), (None, value(b"b")));
    cache.remove(&key(2));
    assert_eq!(cache.get(&key(2)), None);
}
