//! The controls case by case, both worked examples of sizing, and what must hold for all numbers.

mod controls;
mod properties;
mod reducing;
mod sessions;
mod sizing;

use crate::{
    Action, Candidate, Denied, Entitlement, Gate, Inputs, KeyState, LimitRow, LimitSet, Limits, MarketLag, Quote,
    Recent, Reservation, Sizing, Stamped, TradingState,
};
use aitrading_model::{
    AccountId, AccountState, MarginMode, MarketTime, Money, Permissions, PositionTicket, Side, StrategyId, SymbolSpec,
    TenantId, Timestamp,
};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

pub(crate) use aitrading_testkit::{lots, money, price, usdjpy, xauusd};

pub(crate) fn account() -> AccountState {
    AccountState {
        account: AccountId(7),
        server: "Demo".into(),
        currency: "USD".parse().unwrap(),
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

/// Everything that a verdict depends on, owned, so that a case changes one thing.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) last_issued: Timestamp,
    pub(crate) market: MarketTime,
    pub(crate) state: TradingState,
    pub(crate) entitlement: Entitlement,
    pub(crate) gate: Gate,
    pub(crate) account: Option<Stamped<AccountState>>,
    pub(crate) spec: Option<Stamped<SymbolSpec>>,
    pub(crate) quote: Option<Stamped<Quote>>,
    pub(crate) exposure: Option<Money>,
    pub(crate) reserved: Vec<Reservation>,
    pub(crate) recent: Vec<Recent>,
    pub(crate) row: LimitRow,
    pub(crate) candidate: Candidate,
    pub(crate) key: KeyState,
    pub(crate) market_lag: Option<MarketLag>,
}

/// USDJPY at 161.594/161.597, buy with a stop 30 pips below the ask, 1 % of 10,000 USD.
pub(crate) fn world() -> World {
    let at = NOW;
    World {
        now: NOW,
        last_issued: NOW,
        market: MarketTime(10_000),
        state: TradingState::Active,
        entitlement: Entitlement::Active,
        gate: Gate::Ready,
        account: Some(Stamped { value: account(), at }),
        spec: Some(Stamped { value: usdjpy(), at }),
        quote: Some(Stamped { value: Quote { bid: price("161.594"), ask: price("161.597") }, at }),
        exposure: Some(Money::ZERO),
        reserved: Vec::new(),
        recent: Vec::new(),
        row: LimitRow::demo(),
        candidate: Candidate {
            tenant: TenantId(1),
            account: AccountId(7),
            strategy: StrategyId(1),
            symbol: "USDJPY".parse().unwrap(),
            side: Side::Buy,
            action: Action::Open {
                stop_loss: price("161.297"),
                take_profit: price("162.197"),
                sizing: Sizing::Fraction(10_000),
            },
            price: price("161.597"),
            decided_at: NOW,
        },
        key: KeyState::None,
        market_lag: Some(MarketLag::Millis(0)),
    }
}

impl World {
    pub(crate) fn limits(&self) -> Limits {
        let set = LimitSet { version: 3, rows: vec![self.row.clone()] };
        let c = &self.candidate;
        set.resolve(c.tenant, c.account, c.strategy, c.symbol).unwrap()
    }

    pub(crate) fn check(&self) -> Result<crate::Approved<crate::Order>, Denied> {
        let inputs = Inputs {
            now: self.now,
            last_issued: self.last_issued,
            clock_step_ns: 5_000_000_000,
            market: self.market,
            state: self.state,
            entitlement: self.entitlement,
            gate: self.gate,
            account: self.account.as_ref().map(|a| Stamped { value: &a.value, at: a.at }),
            spec: self.spec.as_ref().map(|s| Stamped { value: &s.value, at: s.at }),
            quote: self.quote,
            exposure: self.exposure,
            reserved: &self.reserved,
            recent: &self.recent,
            key: self.key,
            market_lag: self.market_lag,
        };
        crate::check(&inputs, &self.limits(), &self.candidate)
    }

    pub(crate) fn account_mut(&mut self) -> &mut AccountState {
        &mut self.account.as_mut().unwrap().value
    }

    pub(crate) fn spec_mut(&mut self) -> &mut SymbolSpec {
        &mut self.spec.as_mut().unwrap().value
    }

    pub(crate) fn sizing(&mut self, sizing: Sizing) {
        if let Action::Open { sizing: own, .. } = &mut self.candidate.action {
            *own = sizing;
        }
    }

    pub(crate) fn stops(&mut self, loss: &str, profit: &str) {
        if let Action::Open { stop_loss, take_profit, .. } = &mut self.candidate.action {
            (*stop_loss, *take_profit) = (price(loss), price(profit));
        }
    }

    pub(crate) fn close(&mut self) {
        self.account_mut().positions.push(aitrading_model::PositionState {
            ticket: PositionTicket(55),
            symbol: "USDJPY".parse().unwrap(),
            side: Side::Sell,
            volume: lots("0.4"),
            price_open: price("161.9"),
            stop_loss: price("162.4"),
            take_profit: price("161.500"),
            profit: Money::ZERO,
            magic: 9,
        });
        self.candidate.action = Action::Close { position: PositionTicket(55) };
    }
}
