//! Frames of the link to the Expert Advisor, whole, in parts, and damaged.

use super::*;
use crate::{
    WireError,
    limits::{BODY_BYTES_MAX, EA_BODY_BYTES_MAX, SESSION_TABLES_MAX, SYMBOLS_PER_SESSION_MAX, TEXT_BYTES_MAX},
    link::Control,
};
use aitrading_model::*;
use proptest::prelude::*;

fn symbol() -> Symbol {
    "GBPJPY".parse().unwrap()
}

fn deal() -> Deal {
    Deal {
        ticket: DealTicket(1),
        order: Ticket(2),
        position: PositionTicket(3),
        side: Side::Buy,
        entry: DealEntry::In,
        volume: Volume::ONE,
        price: Price::ONE,
        profit: Money::ZERO,
        time: MarketTime(4),
        magic: 5,
    }
}

fn spec() -> SymbolSpec {
    SymbolSpec {
        symbol: symbol(),
        digits: 3,
        contract_size: Volume::ONE,
        tick_size: Price::from_raw(100_000),
        tick_value: Money::ONE,
        tick_value_loss: Money::ONE,
        volume_min: Volume::ONE,
        volume_max: Volume::ONE,
        volume_step: Volume::ONE,
        volume_limit: Volume::ZERO,
        stops_level: 1,
        freeze_level: 2,
        trade_mode: TradeMode::Full,
        execution: ExecutionMode::Market,
        filling: FillingModes(2),
        order_mode: 127,
        calc_mode: CalcMode::Forex,
        currency_base: "GBP".parse().unwrap(),
        currency_profit: "JPY".parse().unwrap(),
        currency_margin: "GBP".parse().unwrap(),
        margin_conversion: Price::ONE,
        profit_conversion: Price::ONE,
        sessions: None,
    }
}

/// A table that tells itself from others by its first session.
fn table(n: u32, per_day: usize) -> TradeSessions {
    let mut day = vec![Session { from_s: 0, to_s: 172_800 }; per_day];
    day[0].from_s = n;
    TradeSessions::new(7_200, &[(); WEEKDAYS].map(|()| day.clone())).unwrap()
}

/// As many symbols as there may be, with the longest names and as many and as full tables as there may be.
fn largest_specs() -> Vec<SymbolSpec> {
    let symbol = "1234567890123456789012345678901".parse().unwrap();
    let currency: Currency = "1234567".parse().unwrap();
    let spec =
        SymbolSpec { symbol, currency_base: currency, currency_profit: currency, currency_margin: currency, ..spec() };
    let sessions = |n: usize| table(u32::try_from(n % SESSION_TABLES_MAX).unwrap(), SESSIONS_PER_DAY_MAX);
    (0..SYMBOLS_PER_SESSION_MAX).map(|n| SymbolSpec { sessions: Some(sessions(n)), ..spec }).collect()
}

fn account(positions: usize) -> AccountState {
    let position = PositionState {
        ticket: PositionTicket(3),
        symbol: "1234567890123456789012345678901".parse().unwrap(),
        side: Side::Sell,
        volume: Volume::ONE,
        price_open: Price::ONE,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        profit: Money::ONE,
        magic: 7,
    };
    AccountState {
        account: AccountId(70_001),
        server: "Demo".into(),
        currency: "USD".parse().unwrap(),
        margin_mode: MarginMode::RetailHedging,
        leverage: 100,
        balance: Money::ONE,
        equity: Money::ONE,
        margin: Money::ZERO,
        free_margin: Money::ONE,
        stop_out_percent: 50,
        permissions: Permissions::ALL,
        time: MarketTime(1),
        positions: vec![position; positions],
    }
}

fn hello() -> Hello {
    Hello {
        role: 1,
        account: AccountId(70_001),
        instance: [1; 16],
        nonce: [2; 32],
        server: "Demo".into(),
        program: "EA 1".into(),
        proof: [3; 32],
    }
}

fn request() -> OrderRequest {
    OrderRequest {
        request_id: 1,
        action: TradeAction::Deal,
        magic: 2,
        symbol: symbol(),
        side: Side::Buy,
        volume: Volume::ONE,
        price: Price::ZERO,
        stop_loss: Price::ONE,
        take_profit: Price::ONE,
        deviation: 3,
        filling: Filling::Ioc,
        position: PositionTicket(0),
        comment: "0000000000001".into(),
    }
}

fn transaction() -> Transaction {
    Transaction {
        kind: TransactionKind::DealAdd,
        order: Ticket(2),
        deal: DealTicket(1),
        position: PositionTicket(3),
        magic: 5,
        symbol: symbol(),
        side: Side::Buy,
        state: OrderState::Started,
        entry: DealEntry::In,
        reason: Reason::Expert,
        volume: Volume::ONE,
        price: Price::ONE,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        profit: Money::ZERO,
        time: MarketTime(4),
        request_id: 0,
        retcode: Retcode::NONE,
    }
}

fn lookup_result(rows: usize) -> LookupResult {
    let order = OrderInfo {
        ticket: Ticket(2),
        symbol: symbol(),
        side: Side::Buy,
        state: OrderState::Filled,
        reason: Reason::Expert,
        volume: Volume::ONE,
        price: Price::ONE,
        position: PositionTicket(3),
        time: MarketTime(4),
        retcode: Retcode::DONE,
        comment: "x".repeat(31),
    };
    let positions = account(1).positions;
    LookupResult {
        lookup_id: 1,
        magic: 2,
        more: false,
        positions,
        orders: vec![order; rows],
        deals: vec![deal(); rows],
    }
}

fn tick(n: i64) -> Tick {
    Tick {
        time: MarketTime(n),
        bid: Price::from_raw(n),
        ask: Price::from_raw(n.wrapping_add(1)),
        last: Price::from_raw(3),
        volume: Volume::from_raw(4),
        flags: TickFlags::BID,
    }
}

/// One message of every kind.
fn every_message() -> Vec<Message> {
    vec![
        Message::Challenge(Challenge { nonce: [9; 32] }),
        Message::Hello(Box::new(hello())),
        Message::Accept(Accept { proof: [8; 32] }),
        Message::Refuse(Refuse { code: "BAD_PROOF".into(), text: "compare the secrets".into() }),
        Message::Heartbeat(Heartbeat { number: 1 }),
        Message::Account(Box::new(account(AccountState::MAX_POSITIONS))),
        Message::Specs(Specs(largest_specs())),
        Message::TerminalInfo(TerminalInfo { permissions: Permissions::ALL, build: 5000, ping_us: 30_000 }),
        Message::TickSubscribe(TickSubscribe {
            feed: 1,
            symbol: symbol(),
            time: MarketTime(2),
            skip: 3,
            mode: FeedMode::LockStep,
        }),
        Message::Ticks(Ticks { feed: 1, ticks: (0..256).map(tick).collect() }),
        Message::TickContinue(FeedNumber { feed: 1 }),
        Message::TickStop(FeedNumber { feed: 1 }),
        Message::TickEnd(TickEnd { feed: 1, total: 2 }),
        Message::TickRewritten(TickRewritten { feed: 1, time: MarketTime(2), wanted: 3, found: 1 }),
        Message::TickRefused(TickRefused { feed: 1, text: "unknown".into() }),
        Message::OrderRequest(Box::new(request())),
        Message::OrderResult(Box::new(OrderResult {
            request_id: 1,
            retcode: Retcode::DONE,
            deal: DealTicket(1),
            order: Ticket(2),
            volume: Volume::ONE,
            price: Price::ONE,
            bid: Price::ONE,
            ask: Price::ONE,
            comment: "Request executed".into(),
            market_time: MarketTime(5),
            order_send_ns: 6,
        })),
        Message::Transaction(transaction()),
        Message::Lookup(Lookup { lookup_id: 1, magic: 2 }),
        Message::LookupResult(Box::new(lookup_result(ROWS_MAX))),
        Message::HistoryRequest(HistoryRequest {
            request_id: 1,
            symbol: symbol(),
            from: MarketTime(2),
            to: MarketTime(3),
        }),
        Message::HistoryTicks(HistoryTicks { request_id: 1, ticks: (0..256).map(tick).collect() }),
        Message::HistoryEnd(HistoryEnd { request_id: 1, total: 2, error: HistoryEnd::TIMEOUT }),
    ]
}

fn feed(decoder: &mut Decoder, bytes: &[u8]) {
    decoder.space().extend_from_slice(bytes);
}

fn check_refused(bytes: &[u8], expected: WireError) {
    let mut decoder = Decoder::new();
    feed(&mut decoder, bytes);
    assert_eq!(decoder.next_frame().unwrap_err(), expected);
}

#[test]
fn every_message_round_trips_at_its_largest() {
    let messages = every_message();
    let mut decoder = Decoder::new();
    for message in &messages {
        let frame = message.frame(5);
        assert!(frame.len() <= HEADER_BYTES + EA_BODY_BYTES_MAX, "kind {} is too long", message.kind());
        feed(&mut decoder, &frame);
    }
    for message in messages {
        let frame = decoder.next_frame().unwrap().unwrap();
        assert_eq!((frame.role, frame.flags), (5, 0));
        assert_eq!(Message::decode(&frame), Ok(message));
    }
    assert_eq!(decoder.waiting(), 0);
}

#[test]
fn frames_are_found_however_the_bytes_arrive() {
    let messages = every_message();
    let stream: Vec<u8> = messages.iter().flat_map(|m| m.frame(1)).collect();
    for piece in [1, 7, 4096] {
        let mut decoder = Decoder::new();
        let mut found = Vec::new();
        for bytes in stream.chunks(piece) {
            feed(&mut decoder, bytes);
            while let Some(frame) = decoder.next_frame().unwrap() {
                found.push(Message::decode(&frame).unwrap());
            }
        }
        assert!(found == messages, "in pieces of {piece}");
    }
}

#[test]
fn what_is_no_frame_is_refused_at_once() {
    let good = Message::Heartbeat(Heartbeat { number: 1 }).frame(1);
    check_refused(b"GET / HTTP/1.1\r\n\r\n", WireError::BadValue("magic"));
    check_refused(b"G", WireError::BadValue("magic"));
    let change = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    check_refused(&change(4, 1), WireError::Version(1));
    check_refused(&change(10, 2), WireError::TooLarge("body"));
    check_refused(&change(5, 6), WireError::Checksum);
    check_refused(&change(16, 9), WireError::Checksum);
}

#[test]
fn a_lying_count_is_refused_before_it_is_read() {
    let decode = |kind, body: &[u8]| Message::decode(&Frame { kind, role: 0, flags: 0, body });
    assert_eq!(decode(21, &[1, 0, 0, 0, 255, 255]), Err(WireError::TooLarge("ticks")));
    assert_eq!(decode(21, &[1, 0, 0, 0, 0, 0]), Err(WireError::BadValue("ticks")));
    assert_eq!(decode(21, &[1, 0, 0, 0, 1, 0]), Err(WireError::Truncated));
    assert_eq!(decode(11, &[255, 255]), Err(WireError::TooLarge("specs")));
    assert_eq!(decode(4, &[255, 255]), Err(WireError::TooLarge("text")));
    assert_eq!(decode(5, &[0; 9]), Err(WireError::Trailing));
    assert_eq!(decode(99, &[]), Err(WireError::BadValue("message kind")));
}

#[test]
fn the_layout_is_the_one_that_is_documented() {
    let frame = Message::TickContinue(FeedNumber { feed: 0x0403_0201 }).frame(3);
    assert_eq!(frame[..12], [b'A', b'T', b'E', b'A', 3, 22, 3, 0, 4, 0, 0, 0]);
    assert_eq!(frame[16..], [1, 2, 3, 4]);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..12]), &frame[16..]);
    assert_eq!(frame[12..16], crc.to_le_bytes());
    let mut out = Vec::new();
    push_tick_frame(&mut out, FLAG_STANDS, 7, &[tick(1), tick(2)]);
    assert_eq!(out.len(), HEADER_BYTES + 6 + 2 * 44);
    assert_eq!(out[7], FLAG_STANDS);
}

/// One symbol without and one with sessions: Monday 00:00 to 24:00 of a server at UTC+2.
fn two_specs() -> Vec<SymbolSpec> {
    let monday = [Session { from_s: 0, to_s: 86_400 }];
    let sessions = TradeSessions::new(7_200, &[&[] as &[_], &monday, &[], &[], &[], &[], &[]]).unwrap();
    vec![spec(), SymbolSpec { sessions: Some(sessions), ..spec() }]
}

/// The body of [`two_specs`]: where the second symbol's table number stands, and where the tables begin.
fn two_specs_body() -> (Vec<u8>, usize) {
    let body = Message::Specs(Specs(two_specs())).frame(5).split_off(HEADER_BYTES);
    let tables = body.len() - (2 + 4 + 7 * 2 + 8);
    (body, tables)
}

#[test]
fn sessions_stand_behind_the_specifications_as_documented() {
    let (body, tables) = two_specs_body();
    let day = [0, 0];
    let monday = [1, 0, 0, 0, 0, 0, 0x80, 0x51, 1, 0];
    let expected = [[1, 0, 0x20, 0x1c, 0, 0].as_slice(), &day, &monday, &day, &day, &day, &day, &day].concat();
    assert_eq!(body[tables..], expected);
    assert_eq!(body[tables - 1], 1, "the second symbol names the first table");
    let one = (tables - 2) / 2;
    assert_eq!(body[2 + one - 1], 0, "the first symbol names none");
}

#[test]
fn a_table_that_is_missing_unused_twice_there_or_broken_is_refused() {
    let (body, tables) = two_specs_body();
    let decode = |body: &[u8]| Message::decode(&Frame { kind: 11, role: 5, flags: 0, body });
    let bad = Err(WireError::BadValue("sessions"));
    let change = |at: usize, to: u8| {
        let mut body = body.clone();
        body[at] = to;
        body
    };
    assert_eq!(decode(&change(tables - 1, 2)), bad, "no such table");
    assert_eq!(decode(&change(tables - 1, 0)), bad, "a table that nobody names");
    assert_eq!(decode(&change(tables + 2, 0x21)), bad, "no quarter of an hour");
    let mut empty = body.clone();
    empty[tables + 14..tables + 18].fill(0);
    assert_eq!(decode(&empty), bad, "a session that ends where it begins");
    let mut twice = change(tables, 2);
    twice.extend_from_slice(&body[tables + 2..]);
    assert_eq!(decode(&twice), bad, "the same table twice");
    assert_eq!(decode(&change(tables, 25)), Err(WireError::TooLarge("session tables")));
    assert_eq!(decode(&change(tables + 6, 9)), Err(WireError::TooLarge("sessions")));
}

#[test]
fn more_tables_than_there_may_be_leave_the_others_unknown() {
    let specs: Vec<_> = (0..30).map(|n| SymbolSpec { sessions: Some(table(n, 1)), ..spec() }).collect();
    let (frame, mut decoder) = (Message::Specs(Specs(specs)).frame(5), Decoder::new());
    feed(&mut decoder, &frame);
    let Message::Specs(read) = Message::decode(&decoder.next_frame().unwrap().unwrap()).unwrap() else { panic!() };
    assert!(read.0[..SESSION_TABLES_MAX].iter().all(|spec| spec.sessions.is_some()));
    assert!(read.0[SESSION_TABLES_MAX..].iter().all(|spec| spec.sessions.is_none()), "unknown, and so never traded");
}

#[test]
fn the_client_link_carries_the_largest_list_and_two_tables() {
    for specs in [largest_specs(), two_specs(), vec![]] {
        let message = Control::Specs(specs);
        let body = message.encode();
        assert!(body.len() <= BODY_BYTES_MAX, "{} bytes", body.len());
        assert_eq!(Control::decode(message.kind(), &body), Ok(message));
    }
}

#[test]
fn texts_that_are_too_long_are_cut_between_characters() {
    let text = "é".repeat(TEXT_BYTES_MAX);
    let frame = Message::Refuse(Refuse { code: text, text: String::new() }).frame(0);
    let mut decoder = Decoder::new();
    feed(&mut decoder, &frame);
    let Message::Refuse(refuse) = Message::decode(&decoder.next_frame().unwrap().unwrap()).unwrap() else { panic!() };
    assert_eq!(refuse.code, "é".repeat(TEXT_BYTES_MAX / 2));
}

#[test]
fn a_proof_covers_side_role_nonces_and_identity() {
    let challenge = Challenge { nonce: [7; 32] };
    let base = proof_input(ProofSide::Terminal, &challenge, &hello());
    let others = [
        proof_input(ProofSide::Connector, &challenge, &hello()),
        proof_input(ProofSide::Terminal, &Challenge { nonce: [8; 32] }, &hello()),
        proof_input(ProofSide::Terminal, &challenge, &Hello { role: 2, ..hello() }),
        proof_input(ProofSide::Terminal, &challenge, &Hello { account: AccountId(1), ..hello() }),
        proof_input(ProofSide::Terminal, &challenge, &Hello { instance: [0; 16], ..hello() }),
        proof_input(ProofSide::Terminal, &challenge, &Hello { nonce: [0; 32], ..hello() }),
        proof_input(ProofSide::Terminal, &challenge, &Hello { server: "Real".into(), ..hello() }),
        proof_input(ProofSide::Terminal, &challenge, &Hello { program: "EA 2".into(), ..hello() }),
    ];
    assert!(others.iter().all(|other| *other != base));
    assert_eq!(base, proof_input(ProofSide::Terminal, &challenge, &Hello { proof: [0; 32], ..hello() }));
}

#[test]
fn the_filling_follows_execution_mode_and_flags() {
    let choose = |execution, flags| Filling::choose(&SymbolSpec { execution, filling: FillingModes(flags), ..spec() });
    assert_eq!(choose(ExecutionMode::Market, 3), Some(Filling::Ioc));
    assert_eq!(choose(ExecutionMode::Market, 1), Some(Filling::Fok));
    assert_eq!(choose(ExecutionMode::Market, 0), None, "RETURN is never allowed here");
    assert_eq!(choose(ExecutionMode::Exchange, 0), Some(Filling::Return));
    assert_eq!(choose(ExecutionMode::Instant, 0), Some(Filling::Ioc));
}

#[test]
fn deals_of_stops_are_not_our_own() {
    let mut result = lookup_result(2);
    result.orders[1].ticket = Ticket(9);
    result.orders[1].reason = Reason::StopLoss;
    result.deals[1].order = Ticket(9);
    assert_eq!(result.own_deals().count(), 1);
    assert_eq!(transaction().as_deal(), Some(deal()));
}

proptest! {
    #[test]
    fn garbage_never_panics(kind in 0_u8..60, body in prop::collection::vec(any::<u8>(), 0..400)) {
        let frame = Frame { kind, role: 0, flags: 0, body: &body };
        if let Ok(message) = Message::decode(&frame) {
            // Unknown tick flags are masked; everything else has one encoding.
            if ![21, 53].contains(&kind) {
                prop_assert_eq!(&message.frame(0)[HEADER_BYTES..], body.as_slice());
            }
        }
        let mut decoder = Decoder::new();
        feed(&mut decoder, &body);
        assert!(decoder.next_frame().is_err() || decoder.waiting() == body.len());
    }

    #[test]
    fn a_flipped_bit_is_found(at in 0_usize..70, bit in 0_u8..8) {
        let mut frame = Message::Lookup(Lookup { lookup_id: 77, magic: 88 }).frame(4);
        let at = at % frame.len();
        frame[at] ^= 1 << bit;
        let mut decoder = Decoder::new();
        feed(&mut decoder, &frame);
        prop_assert!(!matches!(decoder.next_frame(), Ok(Some(_))));
    }
}
