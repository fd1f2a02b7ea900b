//! The state machine, case by case: what goes in, and what must come out.

mod day;
mod deciding;
mod judging;
mod keys;
mod lag;
mod lifecycle;
mod reporting;
mod states;

use super::{Event, codec, state::Stage};
use crate::testing::Bench;
use aitrading_risk::{StateScope, TradingState};

impl Bench {
    /// Stages of the open signals, in the order of their ids.
    fn stages(&self) -> Vec<Stage> {
        self.engine.state.open.values().map(|open| open.stage).collect()
    }

    /// The strictest state of all levels for the example strategy.
    fn state(&self) -> TradingState {
        let symbol = crate::testing::source().symbol;
        self.engine.trading_state(crate::testing::ACCOUNT, aitrading_model::StrategyId(1), symbol)
    }

    fn reservations(&self) -> usize {
        self.engine.state.reserved(crate::testing::ACCOUNT).len()
    }
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    bench.report(&crate::testing::executed(&signal, 1, aitrading_model::Fence(1), "170", 1));
    bench.play(4..5);
    bench.pass(400);
    bench.put(super::Input::Timer);
    let (tenant, account) = crate::testing::ACCOUNT;
    let symbol = crate::testing::source().symbol;
    let scopes = [
        StateScope::Global,
        StateScope::Tenant(tenant),
        StateScope::Account(tenant, account),
        StateScope::Strategy(tenant, aitrading_model::StrategyId(9)),
        StateScope::Symbol(tenant, symbol),
    ];
    for scope in scopes {
        let (state, code, trace) = (TradingState::Reducing, "OPERATOR".to_owned(), aitrading_model::TraceId([1; 16]));
        bench.ask(|token| super::Input::SetState { token, scope, state, code, trace });
    }
    let order = deciding::manual("0.1", bench.fresh_key());
    bench.ask(|token| super::Input::Manual { token, order: Box::new(order) });
    let events: Vec<Event> = bench.events();
    let header = codec::Header { ticket: 3, confirmed: 2, audit_from: 9 };
    assert!(events.len() >= 4, "{events:?}");
    let bytes = codec::encode(&header, &events);
    assert_eq!(codec::decode(&bytes), Ok((header, events)));
    for cut in 0..bytes.len() {
        assert!(codec::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}
