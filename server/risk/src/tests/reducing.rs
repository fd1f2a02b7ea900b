//! REDUCING lets through what makes the symbol's net position smaller, and nothing else.

use super::{World, lots, price, world};
use crate::{Action, DenyCode, Reservation, Sizing, StateScope, TradingState, TradingStates};
use aitrading_model::{AccountId, Money, PositionState, PositionTicket, Price, Side, SignalKind, StrategyId, TenantId};

fn hold(w: &mut World, ticket: u64, side: Side, volume: &str) {
    w.account_mut().positions.push(PositionState {
        ticket: PositionTicket(ticket),
        symbol: "USDJPY".parse().unwrap(),
        side,
        volume: lots(volume),
        price_open: price("161.9"),
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        profit: Money::ZERO,
        magic: 9,
    });
}

/// Reducing, long 1.0 in ticket 1 and short 0.4 in ticket 2: net 0.6.
fn hedged() -> World {
    let mut w = world();
    w.state = TradingState::Reducing;
    hold(&mut w, 1, Side::Buy, "1");
    hold(&mut w, 2, Side::Sell, "0.4");
    w
}

fn close(w: &mut World, ticket: u64, side: Side) {
    (w.candidate.action, w.candidate.side) = (Action::Close { position: PositionTicket(ticket) }, side);
    w.candidate.price = w.quote.unwrap().value.entry(side);
}

fn open(w: &mut World, side: Side, volume: &str) {
    let stop_loss = if side == Side::Buy { price("161.297") } else { price("161.897") };
    let sizing = Sizing::Lots(lots(volume));
    (w.candidate.action, w.candidate.side) = (Action::Open { stop_loss, take_profit: Price::ZERO, sizing }, side);
    w.candidate.price = w.quote.unwrap().value.entry(side);
    w.row.risk_ppm = Some(1_000_000);
}

fn flight(w: &mut World, side: Side, volume: &str) {
    let (symbol, kind) = ("USDJPY".parse().unwrap(), SignalKind::Open);
    let none = Money::ZERO;
    w.reserved.push(Reservation { symbol, side, kind, lots: lots(volume), risk: none, margin: none, exposure: none });
}

#[track_caller]
fn check(name: &str, allowed: bool, change: impl FnOnce(&mut World)) {
    let mut w = hedged();
    change(&mut w);
    match w.check() {
        Ok(_) => assert!(allowed, "{name}: it passed"),
        Err(denied) => assert!(!allowed && denied.code == DenyCode::Reducing, "{name}: {denied}"),
    }
    w.state = TradingState::Active;
    assert!(w.check().is_ok(), "{name}: nothing but the state is in its way");
}

#[test]
fn only_orders_that_make_the_net_position_smaller_pass() {
    check("closing the short uncovers the long", false, |w| close(w, 2, Side::Buy));
    check("closing the long turns 0.6 into -0.4", true, |w| close(w, 1, Side::Sell));
    check("more of the long", false, |w| open(w, Side::Buy, "0.1"));
    check("a little against it", true, |w| open(w, Side::Sell, "0.1"));
    check("turned to almost the same", true, |w| open(w, Side::Sell, "1.19"));
    check("turned to just the same", false, |w| open(w, Side::Sell, "1.2"));
    check("turned to more", false, |w| open(w, Side::Sell, "1.3"));
    check("nothing to reduce", false, |w| {
        w.account_mut().positions.clear();
        open(w, Side::Sell, "0.1");
    });
    check("positions of another symbol", false, |w| {
        w.account_mut().positions.iter_mut().for_each(|p| p.symbol = "EURUSD".parse().unwrap());
        open(w, Side::Sell, "0.1");
    });
}

#[test]
fn whatever_becomes_of_orders_in_flight_the_net_position_must_shrink() {
    check("a sale in flight may have closed it", false, |w| {
        flight(w, Side::Sell, "0.6");
        open(w, Side::Sell, "0.1");
    });
    check("a sale in flight leaves 0.2", true, |w| {
        flight(w, Side::Sell, "0.4");
        open(w, Side::Sell, "0.39");
    });
    check("0.4 against the 0.2 that may be left", false, |w| {
        flight(w, Side::Sell, "0.4");
        open(w, Side::Sell, "0.4");
    });
    check("a purchase in flight does not count as position", false, |w| {
        flight(w, Side::Buy, "1");
        open(w, Side::Sell, "1.2");
    });
}

#[test]
fn without_a_snapshot_nothing_is_known_to_reduce() {
    let mut w = hedged();
    w.account = None;
    open(&mut w, Side::Sell, "0.1");
    assert_eq!(w.check().unwrap_err().code, DenyCode::Reducing);
    close(&mut w, 1, Side::Sell);
    assert_eq!(w.check().unwrap_err().code, DenyCode::UnknownAccount);
}

#[test]
fn the_refusal_shows_both_positions() {
    let mut w = hedged();
    open(&mut w, Side::Sell, "1.3");
    let denied = w.check().unwrap_err();
    let shown = (denied.value.map(crate::Quantity::raw), denied.bound.map(crate::Quantity::raw));
    assert_eq!(shown, (Some(lots("0.7").raw()), Some(lots("0.6").raw())));
}

#[test]
fn halted_lets_nothing_through() {
    let mut w = hedged();
    w.state = TradingState::Halted;
    close(&mut w, 1, Side::Sell);
    assert_eq!(w.check().unwrap_err().code, DenyCode::Halted);
}

#[test]
fn each_level_covers_its_own_and_the_strictest_wins() {
    let (tenant, account, strategy) = (TenantId(1), AccountId(7), StrategyId(3));
    let (symbol, other) = ("USDJPY".parse().unwrap(), "EURUSD".parse().unwrap());
    let cases = [
        (StateScope::Global, true),
        (StateScope::Tenant(tenant), true),
        (StateScope::Tenant(TenantId(2)), false),
        (StateScope::Account(tenant, account), true),
        (StateScope::Account(TenantId(2), account), false),
        (StateScope::Account(tenant, AccountId(8)), false),
        (StateScope::Strategy(tenant, strategy), true),
        (StateScope::Strategy(TenantId(2), strategy), false),
        (StateScope::Strategy(tenant, StrategyId(4)), false),
        (StateScope::Symbol(tenant, symbol), true),
        (StateScope::Symbol(TenantId(2), symbol), false),
        (StateScope::Symbol(tenant, other), false),
    ];
    for (scope, covers) in cases {
        let mut states = TradingStates::default();
        let now = |states: &TradingStates| states.strictest(tenant, account, strategy, symbol);
        states.set(scope, TradingState::Reducing);
        let expected = if covers { TradingState::Reducing } else { TradingState::Active };
        assert_eq!(now(&states), expected, "{scope:?}");
        for (level, _) in cases.into_iter().filter(|(level, covers)| *covers && *level != scope) {
            states.set(level, TradingState::Halted);
            assert_eq!(now(&states), TradingState::Halted, "{scope:?} and {level:?}");
            states.set(level, TradingState::Active);
            assert_eq!(now(&states), expected, "{level:?} resumed, {scope:?} stays");
        }
        states.set(scope, TradingState::Active);
        assert!(states.is_empty(), "what is active takes no room");
    }
}
