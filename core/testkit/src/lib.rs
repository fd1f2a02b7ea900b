//! Fixtures for tests, as domain nouns. A development dependency only: nothing here is shipped.
#![warn(missing_docs)]
#![expect(clippy::expect_used, reason = "fixtures are literals; a wrong one must stop the test")]

#[cfg(unix)]
pub mod servers;

use aitrading_model::{
    AccountId, AccountState, CalcMode, DeviceId, ExecutionMode, Fence, FillingModes, MarginMode, MarketTime, Money,
    OrderType, Permissions, PolicyHash, PositionTicket, Price, Session, Side, Signal, SignalId, SignalKind, SymbolSpec,
    TenantId, Timestamp, TraceId, TradeMode, TradeSessions, Volume,
};
use std::path::{Path, PathBuf};

/// A price from its decimal text.
#[must_use]
pub fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

/// Lots from their decimal text.
#[must_use]
pub fn lots(text: &str) -> Volume {
    text.parse().expect("a volume")
}

/// Deposit currency from its decimal text.
#[must_use]
pub fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

/// Around the clock from Monday to Friday, on a server whose clock is two hours ahead of UTC.
#[must_use]
pub fn weekdays() -> TradeSessions {
    let day = [Session { from_s: 0, to_s: 86_400 }];
    let (on, off): (&[_], &[_]) = (&day, &[]);
    TradeSessions::new(7_200, &[off, on, on, on, on, on, off]).expect("a table of sessions")
}

/// USDJPY on a USD account: 3 digits, 100,000 units, 0.618839 USD per tick and lot.
#[must_use]
pub fn usdjpy() -> SymbolSpec {
    let usd = "USD".parse().expect("a currency");
    SymbolSpec {
        symbol: "USDJPY".parse().expect("a symbol"),
        digits: 3,
        contract_size: lots("100000"),
        tick_size: price("0.001"),
        tick_value: money("0.618839"),
        tick_value_loss: money("0.618839"),
        volume_min: lots("0.01"),
        volume_max: lots("80"),
        volume_step: lots("0.01"),
        volume_limit: Volume::ZERO,
        stops_level: 0,
        freeze_level: 0,
        trade_mode: TradeMode::Full,
        execution: ExecutionMode::Market,
        filling: FillingModes(FillingModes::IOC),
        order_mode: 127,
        calc_mode: CalcMode::Forex,
        currency_base: usd,
        currency_profit: "JPY".parse().expect("a currency"),
        currency_margin: usd,
        margin_conversion: Price::ONE,
        profit_conversion: price("0.00618839"),
        sessions: Some(weekdays()),
    }
}

/// Gold on a USD account: 2 digits, 100 ounces, 1 USD per tick and lot.
#[must_use]
pub fn xauusd() -> SymbolSpec {
    let usd = "USD".parse().expect("a currency");
    SymbolSpec {
        symbol: "XAUUSD".parse().expect("a symbol"),
        digits: 2,
        contract_size: lots("100"),
        tick_size: price("0.01"),
        tick_value: money("1"),
        tick_value_loss: money("1"),
        calc_mode: CalcMode::CfdLeverage,
        currency_base: "XAU".parse().expect("a currency"),
        currency_profit: usd,
        profit_conversion: Price::ONE,
        ..usdjpy()
    }
}

/// A hedging demo account with 10,000 USD, leverage 1:100, nothing open.
#[must_use]
pub fn account_10k_usd() -> AccountState {
    AccountState {
        account: AccountId(70_001),
        server: "Demo".into(),
        currency: "USD".parse().expect("a currency"),
        margin_mode: MarginMode::RetailHedging,
        leverage: 100,
        balance: money("10000"),
        equity: money("10000"),
        margin: Money::ZERO,
        free_margin: money("10000"),
        stop_out_percent: 50,
        permissions: Permissions::ALL,
        time: MarketTime(0),
        positions: Vec::new(),
    }
}

/// A signal to buy half a lot of [`usdjpy`] between 86.6 and 86.8 with stops, issued at `issued_at`, valid for 180 s.
#[must_use]
pub fn buy_usdjpy(seq: u64, issued_at: Timestamp) -> Signal {
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(seq.to_be_bytes()) {
        *to = from;
    }
    Signal {
        tenant: TenantId(1),
        account: AccountId(70_001),
        device: DeviceId([2; 16]),
        fence: Fence(1),
        seq,
        id: SignalId(id),
        previous: SignalId::default(),
        trace: TraceId([6; 16]),
        kind: SignalKind::Open,
        order_type: OrderType::Market,
        symbol: usdjpy().symbol,
        side: Side::Buy,
        position: PositionTicket(0),
        lots_min: lots("0.50"),
        lots_max: lots("0.50"),
        price_min: price("86.6"),
        price_max: price("86.8"),
        deviation: 0,
        stop_loss: price("86.4"),
        take_profit: price("87.2"),
        issued_at,
        not_before: issued_at,
        expires_at: issued_at.plus(std::time::Duration::from_mins(3)),
        policy: PolicyHash([9; 32]),
    }
}

/// The folder of shared test data: `AITRADING_SHARED_DATA`, or `shared/data` beside the repository. `None`, with a printed
/// reason, where there is none: such tests are skipped.
#[must_use]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "tests find their data here, and say so if not")]
pub fn shared_data() -> Option<PathBuf> {
    let named = std::env::var("AITRADING_SHARED_DATA").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).map(|p| p.join("shared/data"));
    let found = named.or(beside).filter(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: no shared test data (set AITRADING_SHARED_DATA)");
    }
    found
}
