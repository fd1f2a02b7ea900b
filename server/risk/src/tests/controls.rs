//! One case per code: one thing is wrong, and that code says so.

use super::{NOW, World, lots, money, price, world};
use crate::{
    Action, DenyCode, Entitlement, Gate, KeyState, LimitRow, LimitSet, MarketLag, Recent, Scope, Sizing, SymbolRule,
    TradingState,
};
use aitrading_model::{
    AccountId, MarketTime, PositionTicket, Side, SignalKind, StrategyId, TenantId, Timestamp, TradeMode,
};
use std::time::Duration;

#[track_caller]
fn check_denied(name: &str, expected: DenyCode, change: impl FnOnce(&mut World)) {
    let mut world = world();
    change(&mut world);
    let denied = world.check().expect_err(name);
    assert_eq!(denied.code, expected, "{name}: {denied}");
    assert_eq!(denied.limits_version, 3, "{name}");
}

#[test]
fn a_sound_candidate_passes_with_size_bounds_and_reservation() {
    let approved = world().check().unwrap();
    let order = approved.order();
    assert_eq!(order.lots, lots("0.53"));
    assert_eq!((order.price_min, order.price_max), (price("161.497"), price("161.697")));
    assert_eq!(approved.reservation().risk, money("98.395401"));
    assert_eq!(approved.reservation().margin, money("530.00000001"), "margin rounds up");
    assert_eq!(approved.limits_version(), 3);
}

#[test]
fn state_entitlement_and_session_deny_first() {
    check_denied("halted", DenyCode::Halted, |w| w.state = TradingState::Halted);
    check_denied("reducing", DenyCode::Reducing, |w| w.state = TradingState::Reducing);
    let cases = [
        (Entitlement::Absent, DenyCode::EntitlementAbsent),
        (Entitlement::Expired, DenyCode::EntitlementExpired),
        (Entitlement::Lapsed, DenyCode::EntitlementLapsed),
        (Entitlement::Suspended, DenyCode::EntitlementSuspended),
        (Entitlement::SymbolNotCovered, DenyCode::EntitlementSymbol),
        (Entitlement::AutoTradingOff, DenyCode::AutoTradingOff),
        (Entitlement::Unreadable, DenyCode::EntitlementUnreadable),
    ];
    for (entitlement, code) in cases {
        check_denied("entitlement", code, |w| w.entitlement = entitlement);
    }
    check_denied("no session", DenyCode::SessionDown, |w| w.gate = Gate::Down);
    check_denied("opening", DenyCode::SessionOpening, |w| w.gate = Gate::Opening);
    check_denied("unresolved", DenyCode::Unresolved, |w| w.gate = Gate::Unresolved);
    check_denied("the first failing control wins", DenyCode::Halted, |w| {
        w.state = TradingState::Halted;
        w.gate = Gate::Down;
        w.quote = None;
    });
}

#[test]
fn whatever_is_missing_or_stale_denies_with_its_own_code() {
    let late = |w: &mut World, by: u64| {
        w.now = NOW.plus(Duration::from_millis(by));
        w.last_issued = NOW;
        w.candidate.decided_at = w.now;
    };
    check_denied("no account", DenyCode::UnknownAccount, |w| w.account = None);
    check_denied("no spec", DenyCode::NoSpec, |w| w.spec = None);
    check_denied("no quote", DenyCode::NoPrice, |w| w.quote = None);
    check_denied("no exposure", DenyCode::UnknownExposure, |w| w.exposure = None);
    check_denied("old quote", DenyCode::StalePrice, |w| late(w, 60_001));
    check_denied("old account", DenyCode::StaleAccount, |w| late(w, 120_001));
    check_denied("old spec", DenyCode::StaleSpec, |w| {
        late(w, 86_400_001);
        w.account.as_mut().unwrap().at = w.now;
    });
    check_denied("a nanosecond too old", DenyCode::StalePrice, |w| {
        late(w, 60_000);
        w.now = Timestamp(w.now.0 + 1);
    });
    check_denied("a feed that catches up", DenyCode::StaleMarket, |w| w.market_lag = Some(MarketLag::Millis(5_001)));
    check_denied("nobody knows how old", DenyCode::StaleMarket, |w| w.market_lag = None);
    for lag in [MarketLag::Millis(5_000), MarketLag::Replayed] {
        assert!(World { market_lag: Some(lag), ..world() }.check().is_ok(), "{lag:?}");
    }
    check_denied("algo trading off", DenyCode::PermissionBlocked, |w| {
        w.account_mut().permissions.terminal_trade_allowed = false;
    });
    let empty = LimitSet { version: 3, rows: vec![LimitRow { risk_ppm: None, ..LimitRow::demo() }] };
    let missing = empty.resolve(TenantId(1), AccountId(1), StrategyId(1), "X".parse().unwrap()).unwrap_err();
    assert_eq!((missing.code, missing.limit), (DenyCode::NoLimits, "risk_ppm"));
}

#[test]
fn time_denies_when_the_clock_or_the_decision_is_off() {
    check_denied("clock set back", DenyCode::ClockBehind, |w| w.last_issued = Timestamp(NOW.0 + 1));
    let future = |ns: i64| Timestamp(NOW.0 + 5_000_000_000 + ns);
    check_denied("account of tomorrow", DenyCode::ClockBackwards, |w| w.account.as_mut().unwrap().at = future(1));
    check_denied("spec of tomorrow", DenyCode::ClockBackwards, |w| w.spec.as_mut().unwrap().at = future(1));
    check_denied("quote of tomorrow", DenyCode::ClockBackwards, |w| w.quote.as_mut().unwrap().at = future(1));
    let mut slewed = world();
    slewed.quote.as_mut().unwrap().at = future(0);
    assert!(slewed.check().is_ok(), "a step that is allowed is no reason");
    check_denied("from the future", DenyCode::DecisionInFuture, |w| w.candidate.decided_at = Timestamp(NOW.0 + 1));
    check_denied("too old", DenyCode::DecisionTooOld, |w| w.candidate.decided_at = Timestamp(NOW.0 - 300_000_000_001));
}

#[test]
fn the_brokers_rules_deny() {
    check_denied("not on the list", DenyCode::SymbolNotAllowed, |w| w.row.symbols = Some(SymbolRule::Only([].into())));
    for mode in [TradeMode::Disabled, TradeMode::CloseOnly, TradeMode::ShortOnly] {
        check_denied("trade mode", DenyCode::TradeMode, |w| w.spec_mut().trade_mode = mode);
    }
    check_denied("no market orders", DenyCode::OrderMode, |w| w.spec_mut().order_mode = 126);
    check_denied("no stops", DenyCode::OrderMode, |w| w.spec_mut().order_mode = 1);
    check_denied("no step", DenyCode::BadSpec, |w| w.spec_mut().volume_step = lots("0"));
    check_denied("crossed", DenyCode::BadPrice, |w| w.quote.as_mut().unwrap().value.ask = price("161.5"));
    check_denied("off the grid", DenyCode::StopOffGrid, |w| w.stops("161.2975", "162.197"));
    check_denied("stop above a buy", DenyCode::StopTooClose, |w| w.stops("161.797", "162.197"));
    check_denied("target below a buy", DenyCode::StopTooClose, |w| w.stops("161.297", "161.5"));
    check_denied("inside the stops level", DenyCode::StopTooClose, |w| w.spec_mut().stops_level = 297);
    check_denied("volume off the grid", DenyCode::VolumeOffGrid, |w| w.sizing(Sizing::Lots(lots("0.015"))));
    check_denied("volume below the minimum", DenyCode::VolumeOffGrid, |w| w.sizing(Sizing::Lots(lots("0"))));
}

#[test]
fn size_price_and_repetition_deny() {
    check_denied("too many lots", DenyCode::OrderTooLarge, |w| w.sizing(Sizing::Lots(lots("5.01"))));
    check_denied("too much value", DenyCode::NotionalTooLarge, |w| {
        w.row.notional_max = Some(money("10000"));
        w.sizing(Sizing::Lots(lots("0.2")));
    });
    check_denied("away from the market", DenyCode::PriceCollar, |w| w.candidate.price = price("163"));
    check_denied("wide spread", DenyCode::SpreadTooWide, |w| {
        w.quote.as_mut().unwrap().value.bid = price("161.096");
        w.stops("160.597", "162.197");
    });
    let recent = || Recent {
        strategy: StrategyId(1),
        symbol: "USDJPY".parse().unwrap(),
        side: Side::Buy,
        lots: lots("0.53"),
        position: PositionTicket(0),
        market: MarketTime(9_001),
    };
    check_denied("the same again", DenyCode::Duplicate, |w| w.recent.push(recent()));
    check_denied("key used for something else", DenyCode::KeyReused, |w| w.key = KeyState::Reused);
    check_denied("key from before memory", DenyCode::KeyTooOld, |w| w.key = KeyState::TooOld);
    check_denied("key of tomorrow", DenyCode::KeyAhead, |w| w.key = KeyState::Ahead);
    check_denied("key without a time", DenyCode::KeyMalformed, |w| w.key = KeyState::Malformed);
    let mut later = world();
    later.recent.push(Recent { market: MarketTime(9_000), ..recent() });
    assert!(later.check().is_ok(), "outside the window it is a new order");
}

#[test]
fn risk_and_margin_deny() {
    check_denied("no stop, by fraction", DenyCode::StopRequired, |w| w.stops("0", "0"));
    check_denied("no stop, by lots", DenyCode::StopRequired, |w| {
        w.stops("0", "0");
        w.sizing(Sizing::Lots(lots("0.1")));
    });
    check_denied("too much risk", DenyCode::RiskTooHigh, |w| w.sizing(Sizing::Lots(lots("0.54"))));
    check_denied("too small", DenyCode::BelowMinVolume, |w| w.account_mut().equity = money("180"));
    check_denied("margin floor", DenyCode::MarginFloor, |w| {
        w.account_mut().free_margin = money("400");
        w.sizing(Sizing::Lots(lots("0.5")));
    });
    check_denied("margin level", DenyCode::MarginLevel, |w| {
        w.account_mut().margin = money("6500");
        w.sizing(Sizing::Lots(lots("0.5")));
    });
    check_denied("leverage", DenyCode::Leverage, |w| {
        w.exposure = Some(money("290000"));
        w.sizing(Sizing::Lots(lots("0.5")));
    });
    check_denied("numbers beyond sense", DenyCode::Overflow, |w| {
        w.account_mut().equity = aitrading_model::Money::from_raw(i64::MAX);
    });
}

#[test]
fn what_is_in_flight_counts() {
    let mut w = world();
    let first = *w.check().unwrap().reservation();
    w.account_mut().free_margin = money("600");
    w.reserved.push(first);
    let second = w.check().unwrap();
    assert_eq!(second.order().lots, lots("0.06"), "only the margin that the first left is there");
    w.spec_mut().volume_limit = lots("0.55");
    assert_eq!(w.check().unwrap().order().lots, lots("0.02"), "only the lots that the limit leaves are there");
}

#[test]
fn closing_needs_its_position_and_reserves_nothing() {
    let mut w = world();
    w.close();
    w.state = TradingState::Reducing;
    let approved = w.check().unwrap();
    assert_eq!(approved.order().kind, SignalKind::Close);
    assert_eq!(approved.order().lots, lots("0.4"));
    assert_eq!(approved.reservation().risk, money("0"));
    check_denied("no such position", DenyCode::UnknownPosition, |w| {
        w.candidate.action = Action::Close { position: PositionTicket(55) };
    });
    check_denied("wrong side", DenyCode::UnknownPosition, |w| {
        w.close();
        w.candidate.side = Side::Sell;
    });
    check_denied("frozen", DenyCode::Frozen, |w| {
        w.close();
        w.spec_mut().freeze_level = 97;
    });
}

#[test]
fn the_strictest_level_wins_whatever_its_place() {
    let symbol = "USDJPY".parse().unwrap();
    let narrow = |scope, risk| LimitRow { scope, risk_ppm: Some(risk), ..LimitRow::default() };
    let set = LimitSet {
        version: 1,
        rows: vec![
            LimitRow::demo(),
            narrow(Scope { tenant: Some(TenantId(1)), ..Scope::default() }, 5_000),
            narrow(Scope { account: Some(AccountId(8)), ..Scope::default() }, 1_000),
            narrow(Scope { strategy: Some(StrategyId(2)), ..Scope::default() }, 20_000),
            narrow(Scope { symbol: Some(symbol), ..Scope::default() }, 4_000),
        ],
    };
    let risk = |t, a, s| set.resolve(TenantId(t), AccountId(a), StrategyId(s), symbol).unwrap().risk_ppm;
    assert_eq!(risk(1, 7, 1), 4_000);
    assert_eq!(risk(2, 8, 2), 1_000, "a looser row never loosens");
    let states = [TradingState::Active, TradingState::Halted, TradingState::Reducing];
    assert_eq!(TradingState::strictest(states), TradingState::Halted);
}

#[test]
fn the_figures_of_a_row_name_every_limit_once() {
    let mut row = LimitRow::demo();
    let before = row.figures();
    row.leverage_max = None;
    let after = row.figures();
    assert_eq!(before.len(), 17);
    assert_eq!(before.iter().zip(&after).filter(|(a, b)| a != b).count(), 1);
    assert_eq!(after.last(), Some(&("leverage_max", None)));
}

#[test]
fn codes_are_unique_and_in_the_order_of_the_list() {
    let mut codes: Vec<_> = DenyCode::ALL.iter().map(|c| c.code()).collect();
    assert!(DenyCode::ALL.iter().map(|c| c.control()).is_sorted());
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), DenyCode::ALL.len());
}
