//! Every refusal of the broker with its return code, and what its books add up to.

use super::*;
use crate::specs;
use aitrading_model::{FillingModes, TickFlags, TradeMode};
use aitrading_wire::ea::{Filling, Lookup, OrderState};

fn symbol() -> Symbol {
    "EURUSD".parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn lots(text: &str) -> Volume {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn spec() -> SymbolSpec {
    specs::find(symbol()).unwrap().spec
}

fn terms() -> Terms {
    Terms {
        account: AccountId(1),
        server: "Demo".into(),
        currency: "USD".parse().unwrap(),
        leverage: 100,
        stop_out_percent: 50,
        seed: 1,
        slippage_ticks: 0,
    }
}

fn tick(time: i64, bid: &str, ask: &str) -> Tick {
    Tick {
        time: MarketTime(time),
        bid: price(bid),
        ask: price(ask),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    }
}

/// A broker with 10,000 USD whose market stands at 1.08500/1.08510.
fn broker_of(spec: SymbolSpec) -> Broker {
    let mut broker = Broker::new(terms(), &[spec], Books::default());
    broker.open_account(money("10000"));
    broker.release(symbol(), &[tick(1_000, "1.08500", "1.08510")]);
    broker
}

fn broker() -> Broker {
    broker_of(spec())
}

fn buy(request_id: u64) -> OrderRequest {
    OrderRequest {
        request_id,
        action: TradeAction::Deal,
        magic: request_id + 100,
        symbol: symbol(),
        side: Side::Buy,
        volume: lots("0.10"),
        price: Price::ZERO,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        deviation: 0,
        filling: Filling::Ioc,
        position: PositionTicket(0),
        comment: "0000000000001".into(),
    }
}

fn open(broker: &mut Broker, request: &OrderRequest) -> PositionTicket {
    let execution = broker.order(request, 5);
    assert_eq!(execution.result.retcode, Retcode::DONE);
    PositionTicket(execution.result.order.0)
}

fn close(request_id: u64, position: PositionTicket, volume: &str) -> OrderRequest {
    OrderRequest { side: Side::Sell, position, volume: lots(volume), ..buy(request_id) }
}

fn kinds(execution: &Execution) -> Vec<TransactionKind> {
    execution.transactions.iter().map(|t| t.kind).collect()
}

/// The code for `request` on a symbol with `spec`.
fn check_code(spec: SymbolSpec, request: OrderRequest, code: Retcode) {
    let shown = format!("{request:?}");
    let mut broker = broker_of(spec);
    let before = broker.account();
    let execution = broker.order(&request, 5);
    assert_eq!(execution.result.retcode, code, "{shown}");
    if code != Retcode::DONE {
        assert_eq!(broker.account(), before, "a refusal changes nothing");
        assert!(execution.transactions.is_empty());
        assert_eq!(execution.result.deal, DealTicket(0));
    }
}

#[test]
fn each_mistake_has_its_own_code() {
    let base = spec();
    let sell = OrderRequest { side: Side::Sell, ..buy(1) };
    let cases = [
        (base, buy(1), Retcode::DONE),
        (base, sell.clone(), Retcode::DONE),
        (base, OrderRequest { request_id: 0, ..buy(1) }, Retcode::INVALID),
        (base, OrderRequest { symbol: "eurusd".parse().unwrap(), ..buy(1) }, Retcode::INVALID),
        (base, OrderRequest { action: TradeAction::Pending, ..buy(1) }, Retcode::INVALID_ORDER),
        (base, OrderRequest { action: TradeAction::CloseBy, ..buy(1) }, Retcode::INVALID_ORDER),
        (SymbolSpec { order_mode: 126, ..base }, buy(1), Retcode::INVALID_ORDER),
        (base, OrderRequest { filling: Filling::Fok, ..buy(1) }, Retcode::INVALID_FILL),
        (base, OrderRequest { filling: Filling::Return, ..buy(1) }, Retcode::INVALID_FILL),
        (base, OrderRequest { filling: Filling::Boc, ..buy(1) }, Retcode::INVALID_FILL),
        (
            SymbolSpec { filling: FillingModes(3), ..base },
            OrderRequest { filling: Filling::Fok, ..buy(1) },
            Retcode::DONE,
        ),
        (SymbolSpec { trade_mode: TradeMode::Disabled, ..base }, buy(1), Retcode::TRADE_DISABLED),
        (SymbolSpec { trade_mode: TradeMode::LongOnly, ..base }, sell.clone(), Retcode::LONG_ONLY),
        (SymbolSpec { trade_mode: TradeMode::LongOnly, ..base }, buy(1), Retcode::DONE),
        (SymbolSpec { trade_mode: TradeMode::ShortOnly, ..base }, buy(1), Retcode::SHORT_ONLY),
        (SymbolSpec { trade_mode: TradeMode::CloseOnly, ..base }, sell.clone(), Retcode::CLOSE_ONLY),
        (SymbolSpec { volume_limit: lots("0.05"), ..base }, buy(1), Retcode::LIMIT_VOLUME),
        (SymbolSpec { volume_limit: lots("0.10"), ..base }, buy(1), Retcode::DONE),
        (base, OrderRequest { position: PositionTicket(9), ..buy(1) }, Retcode::POSITION_CLOSED),
        (base, OrderRequest { volume: lots("80"), ..buy(1) }, Retcode::NO_MONEY),
    ];
    for (spec, request, code) in cases {
        check_code(spec, request, code);
    }
    for volume in ["0", "-0.10", "0.001", "0.015", "80.01"] {
        check_code(base, OrderRequest { volume: lots(volume), ..buy(1) }, Retcode::INVALID_VOLUME);
    }
}

/// Friday 1970-01-02, 22:00 UTC: midnight on the simulated server, and the end of its week.
const WEEK_END: i64 = 165_600_000;
/// Its next Monday, midnight.
const WEEK_START: i64 = WEEK_END + 2 * 86_400_000;

/// What an order to open, to close and to change stops is answered when the last tick came at `time`.
fn codes_at(time: i64, sessions: Option<aitrading_model::TradeSessions>) -> [Retcode; 3] {
    let mut broker = broker();
    let position = open(&mut broker, &buy(1));
    broker.markets.get_mut(&symbol()).unwrap().spec.sessions = sessions;
    broker.release(symbol(), &[tick(time, "1.08500", "1.08510")]);
    let stops = OrderRequest { action: TradeAction::Sltp, position, stop_loss: price("1.08400"), ..buy(2) };
    let requests = [buy(3), stops, close(4, position, "0.10")];
    requests.map(|request| broker.order(&request, 5).result.retcode)
}

#[test]
fn outside_the_symbols_session_everything_is_refused_as_closed() {
    let week = spec().sessions;
    assert_eq!(codes_at(WEEK_END - 1, week), [Retcode::DONE; 3]);
    assert_eq!(codes_at(WEEK_END, week), [Retcode::MARKET_CLOSED; 3]);
    assert_eq!(codes_at(WEEK_START - 1, week), [Retcode::MARKET_CLOSED; 3]);
    assert_eq!(codes_at(WEEK_START, week), [Retcode::DONE; 3]);
    assert_eq!(codes_at(WEEK_START, None), [Retcode::MARKET_CLOSED; 3], "a broker that names no session has none");
}

#[test]
fn a_stop_that_is_passed_outside_the_session_waits_for_the_next_one() {
    let mut broker = broker();
    open(&mut broker, &OrderRequest { stop_loss: price("1.08400"), ..buy(1) });
    assert!(broker.release(symbol(), &[tick(WEEK_END, "1.08300", "1.08310")]).is_empty());
    let done = broker.release(symbol(), &[tick(WEEK_START, "1.08200", "1.08210")]);
    let deal = done[0].transactions.iter().find_map(Transaction::as_deal).unwrap();
    assert_eq!((deal.time, deal.price), (MarketTime(WEEK_START), price("1.08200")));
}

#[test]
fn nobody_is_stopped_out_outside_the_session() {
    let mut broker = broker();
    open(&mut broker, &OrderRequest { volume: lots("8"), ..buy(1) });
    assert!(broker.release(symbol(), &[tick(WEEK_END, "1.07300", "1.07310")]).is_empty());
    assert_eq!(broker.release(symbol(), &[tick(WEEK_START, "1.07300", "1.07310")]).len(), 1);
}

#[test]
fn stops_must_be_on_the_grid_on_their_side_and_far_enough_away() {
    let far = SymbolSpec { stops_level: 100, ..spec() };
    let no_stops = SymbolSpec { order_mode: 1, ..spec() };
    let with = |side, sl: &str, tp: &str| OrderRequest { side, stop_loss: price(sl), take_profit: price(tp), ..buy(1) };
    let cases = [
        (spec(), with(Side::Buy, "1.08400", "1.08600"), Retcode::DONE),
        (spec(), with(Side::Buy, "1.08600", "0"), Retcode::INVALID_STOPS),
        (spec(), with(Side::Buy, "1.08500", "0"), Retcode::INVALID_STOPS),
        (spec(), with(Side::Buy, "0", "1.08400"), Retcode::INVALID_STOPS),
        (spec(), with(Side::Buy, "1.084005", "0"), Retcode::INVALID_STOPS),
        (spec(), with(Side::Buy, "-1.08400", "0"), Retcode::INVALID_STOPS),
        (spec(), with(Side::Sell, "1.08600", "1.08400"), Retcode::DONE),
        (spec(), with(Side::Sell, "1.08505", "0"), Retcode::INVALID_STOPS),
        (far, with(Side::Buy, "1.08401", "0"), Retcode::INVALID_STOPS),
        (far, with(Side::Buy, "1.08400", "1.08600"), Retcode::DONE),
        (far, with(Side::Buy, "0", "1.08599"), Retcode::INVALID_STOPS),
        (far, with(Side::Sell, "1.08610", "1.08410"), Retcode::DONE),
        (far, with(Side::Sell, "1.08609", "0"), Retcode::INVALID_STOPS),
        (no_stops, with(Side::Buy, "1.08400", "0"), Retcode::INVALID_STOPS),
        (no_stops, with(Side::Buy, "0", "0"), Retcode::DONE),
    ];
    for (spec, request, code) in cases {
        check_code(spec, request, code);
    }
}

#[test]
fn a_false_flag_closes_the_gate_with_its_own_code() {
    let all = Permissions::ALL;
    for (permissions, code) in [
        (Permissions { terminal_connected: false, ..all }, Retcode::CONNECTION),
        (Permissions { terminal_trade_allowed: false, ..all }, Retcode::CLIENT_DISABLES_AT),
        (Permissions { program_trade_allowed: false, ..all }, Retcode::CLIENT_DISABLES_AT),
        (Permissions { account_trade_expert: false, ..all }, Retcode::SERVER_DISABLES_AT),
        (Permissions { account_trade_allowed: false, ..all }, Retcode::TRADE_DISABLED),
        (all, Retcode::DONE),
    ] {
        let mut broker = broker();
        broker.set_permissions(permissions);
        assert_eq!(broker.order(&buy(1), 5).result.retcode, code);
    }
}

#[test]
fn without_a_quote_or_a_market_nothing_trades() {
    let mut broker = Broker::new(terms(), &[spec()], Books::default());
    broker.open_account(money("10000"));
    assert_eq!(broker.order(&buy(1), 5).result.retcode, Retcode::PRICE_OFF, "no tick yet");
    broker.release(symbol(), &[tick(1, "1.08500", "1.08510"), tick(2, "0", "0")]);
    assert_eq!(broker.order(&buy(2), 5).result.retcode, Retcode::PRICE_OFF, "the book is empty");
    broker.release(symbol(), &[tick(3, "1.08500", "1.08510"), tick(4, "1.2", "1.1"), tick(5, "0", "1.1")]);
    let result = broker.order(&buy(3), 5).result;
    assert_eq!((result.retcode, result.price), (Retcode::DONE, price("1.08510")), "a crossed tick is no price");
    assert_eq!(result.market_time, MarketTime(5));
    broker.close_market(symbol());
    assert_eq!(broker.order(&buy(4), 5).result.retcode, Retcode::MARKET_CLOSED);
}

#[test]
fn buys_open_at_the_ask_and_close_at_the_bid() {
    let mut broker = broker();
    let execution = broker.order(&buy(1), 77);
    let result = &execution.result;
    assert_eq!((result.price, result.volume, result.order_send_ns), (price("1.08510"), lots("0.10"), 77));
    assert_eq!(
        kinds(&execution),
        [
            TransactionKind::OrderAdd,
            TransactionKind::DealAdd,
            TransactionKind::OrderDelete,
            TransactionKind::HistoryAdd,
            TransactionKind::Request
        ]
    );
    let account = broker.account();
    assert_eq!((account.balance, account.equity), (money("10000"), money("9999")), "the spread is paid");
    assert_eq!(account.free_margin, money("9999").checked_sub(account.margin).unwrap());
    let position = account.positions[0];
    assert_eq!((position.ticket.0, position.magic, position.profit), (result.order.0, 101, money("-1")));
    broker.release(symbol(), &[tick(2_000, "1.08610", "1.08620")]);
    let execution = broker.order(&close(2, position.ticket, "0.10"), 78);
    assert_eq!(
        kinds(&execution),
        [
            TransactionKind::OrderAdd,
            TransactionKind::OrderDelete,
            TransactionKind::HistoryAdd,
            TransactionKind::DealAdd,
            TransactionKind::Request
        ]
    );
    let account = broker.account();
    assert_eq!((account.balance, account.margin), (money("10010"), Money::ZERO));
    assert!(account.positions.is_empty());
}

#[test]
fn a_position_closes_in_parts_and_never_beyond_itself() {
    let mut broker = broker();
    let position = open(&mut broker, &buy(1));
    let code = |broker: &mut Broker, request: &OrderRequest| broker.order(request, 5).result.retcode;
    assert_eq!(code(&mut broker, &close(2, position, "0.11")), Retcode::INVALID_CLOSE_VOLUME);
    assert_eq!(
        code(&mut broker, &OrderRequest { position, ..buy(3) }),
        Retcode::INVALID,
        "the same side closes nothing"
    );
    assert_eq!(code(&mut broker, &close(4, position, "0.04")), Retcode::DONE);
    assert_eq!(broker.account().positions[0].volume, lots("0.06"));
    assert_eq!(code(&mut broker, &close(5, position, "0.06")), Retcode::DONE);
    assert_eq!(code(&mut broker, &close(6, position, "0.06")), Retcode::POSITION_CLOSED);
}

#[test]
fn a_repeated_request_is_known_by_its_number() {
    let mut broker = broker();
    assert_eq!(broker.answered(1), None);
    let first = broker.order(&buy(1), 5).result;
    assert_eq!(broker.answered(1), Some(first));
    let refused = broker.order(&OrderRequest { volume: Volume::ZERO, ..buy(2) }, 5).result;
    assert_eq!(broker.answered(2), Some(OrderResult { comment: refused.comment.clone(), ..refused }));
}

#[test]
fn stops_trigger_at_the_server_without_a_request() {
    for (side, sl, tp, at, reason, profit) in [
        (Side::Buy, "1.08400", "1.08700", ("1.08390", "1.08400"), Reason::StopLoss, "-12"),
        (Side::Buy, "1.08400", "1.08700", ("1.08700", "1.08710"), Reason::TakeProfit, "19"),
        (Side::Sell, "1.08600", "1.08300", ("1.08600", "1.08610"), Reason::StopLoss, "-11"),
        (Side::Sell, "1.08600", "1.08300", ("1.08290", "1.08300"), Reason::TakeProfit, "20"),
    ] {
        let mut broker = broker();
        let request = OrderRequest { side, stop_loss: price(sl), take_profit: price(tp), ..buy(1) };
        open(&mut broker, &request);
        assert!(broker.release(symbol(), &[tick(2_000, "1.08495", "1.08505")]).is_empty());
        let done = broker.release(symbol(), &[tick(3_000, at.0, at.1), tick(4_000, "1.0", "1.1")]);
        assert_eq!(done.len(), 1, "once, at the tick that reached it");
        assert!(!kinds(&done[0]).contains(&TransactionKind::Request));
        let deal = done[0].transactions.iter().find_map(Transaction::as_deal).unwrap();
        assert_eq!((deal.time, deal.profit, deal.magic), (MarketTime(3_000), money(profit), 101));
        assert_eq!(done[0].transactions[0].reason, reason);
        let found = broker.lookup(Lookup { lookup_id: 1, magic: 101 });
        assert_eq!((found.deals.len(), found.own_deals().count(), found.positions.len()), (2, 1, 0));
    }
}

#[test]
fn stops_of_a_position_change_and_freeze() {
    let mut broker = broker_of(SymbolSpec { freeze_level: 20, ..spec() });
    let position = open(&mut broker, &OrderRequest { stop_loss: price("1.08400"), ..buy(1) });
    let change = |sl: &str| OrderRequest { action: TradeAction::Sltp, position, stop_loss: price(sl), ..buy(9) };
    let code = |broker: &mut Broker, request: &OrderRequest| broker.order(request, 5).result.retcode;
    assert_eq!(code(&mut broker, &change("1.08400")), Retcode::NO_CHANGES);
    assert_eq!(code(&mut broker, &change("1.08600")), Retcode::INVALID_STOPS);
    let execution = broker.order(&change("1.08300"), 5);
    assert_eq!(kinds(&execution), [TransactionKind::Position, TransactionKind::Request]);
    assert_eq!(broker.account().positions[0].stop_loss, price("1.08300"));
    let other = OrderRequest { position: PositionTicket(1), ..change("1.08200") };
    assert_eq!(code(&mut broker, &other), Retcode::POSITION_CLOSED);
    broker.release(symbol(), &[tick(2_000, "1.08320", "1.08330")]);
    assert_eq!(code(&mut broker, &change("1.08200")), Retcode::FROZEN);
    assert_eq!(code(&mut broker, &close(3, position, "0.10")), Retcode::FROZEN);
}

#[test]
fn a_stop_out_closes_the_worst_position_first() {
    let mut broker = broker();
    open(&mut broker, &OrderRequest { volume: lots("4"), ..buy(1) });
    open(&mut broker, &OrderRequest { volume: lots("1"), ..buy(2) });
    let done = broker.release(symbol(), &[tick(2_000, "1.06800", "1.06810")]);
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].transactions[0].reason, Reason::StopOut);
    assert_eq!(broker.account().positions[0].volume, lots("1"));
}

#[test]
fn slippage_is_worse_seeded_and_bounded() {
    let terms = Terms { slippage_ticks: 3, ..terms() };
    let fill = |request_id, side| {
        let mut broker = Broker::new(terms.clone(), &[spec()], Books::default());
        broker.open_account(money("10000"));
        broker.release(symbol(), &[tick(1_000, "1.08500", "1.08510")]);
        broker.order(&OrderRequest { side, ..buy(request_id) }, 5).result.price
    };
    let prices: std::collections::BTreeSet<Price> = (1..100).map(|id| fill(id, Side::Buy)).collect();
    assert_eq!(prices.len(), 4);
    assert!(prices.first() == Some(&price("1.08510")) && prices.last() == Some(&price("1.08513")));
    assert!((1..100).all(|id| fill(id, Side::Sell) <= price("1.08500")));
    assert_eq!(fill(7, Side::Buy), fill(7, Side::Buy));
}

#[test]
fn the_books_are_the_sum_of_their_records() {
    let mut broker = broker();
    let mut records: Vec<Record> = vec![Record::Opened { account: AccountId(1), deposit: money("10000") }];
    let mut take = |execution: Execution| records.extend(execution.record);
    take(broker.order(&OrderRequest { comment: "x".repeat(40), ..buy(1) }, 5));
    take(broker.order(&OrderRequest { volume: Volume::ZERO, ..buy(2) }, 5));
    let position = broker.account().positions[0].ticket;
    let stops = OrderRequest { action: TradeAction::Sltp, position, stop_loss: price("1.08400"), ..buy(3) };
    take(broker.order(&stops, 5));
    take(broker.order(&close(4, position, "0.04"), 5));
    broker.release(symbol(), &[tick(2_000, "1.08410", "1.08420")]).into_iter().for_each(&mut take);
    let json = serde_json::to_vec(&records).unwrap();
    let mut books = Books::default();
    serde_json::from_slice::<Vec<Record>>(&json).unwrap().iter().for_each(|record| books.apply(record));
    let mut again = Broker::new(terms(), &[spec()], books);
    assert_eq!(again.open_account(money("5")), None, "an account is opened once");
    again.release(symbol(), &[tick(2_000, "1.08410", "1.08420")]);
    assert_eq!(again.account(), broker.account());
    let found = again.lookup(Lookup { lookup_id: 1, magic: 101 });
    assert_eq!(found.orders[0].comment.len(), COMMENT_CHARS);
    assert_eq!(found.orders[0].state, OrderState::Filled);
    assert!(again.lookup(Lookup { lookup_id: 1, magic: 102 }).orders.is_empty(), "a refusal is no order");
    assert_eq!(executions_per_magic(&again.books.into_rows()), BTreeMap::from([(101, 1), (104, 1)]));
}
