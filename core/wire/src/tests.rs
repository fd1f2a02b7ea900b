//! Encodings round trip, limits hold, garbage never panics.

use crate::{link::*, *};
use aitrading_model::*;
use proptest::prelude::*;

fn symbol() -> Symbol {
    "GBPJPY".parse().unwrap()
}

fn signal() -> Signal {
    Signal {
        tenant: TenantId(1),
        account: AccountId(70_001),
        device: DeviceId([3; 16]),
        fence: Fence(4),
        seq: 5,
        id: SignalId([6; 16]),
        previous: SignalId([7; 16]),
        trace: TraceId([8; 16]),
        kind: SignalKind::Close,
        order_type: OrderType::Market,
        symbol: symbol(),
        side: Side::Sell,
        position: PositionTicket(9),
        lots_min: Volume::ONE,
        lots_max: Volume::ONE,
        price_min: Price::ONE,
        price_max: Price::ONE,
        deviation: 10,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        issued_at: Timestamp(11),
        not_before: Timestamp(12),
        expires_at: Timestamp(13),
        policy: PolicyHash([14; 32]),
    }
}

fn report(deals: usize) -> Report {
    let deal = Deal {
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
    };
    Report {
        tenant: TenantId(1),
        account: AccountId(2),
        device: DeviceId([3; 16]),
        fence: Fence(4),
        seq: 5,
        signal: SignalId([6; 16]),
        trace: TraceId([7; 16]),
        state: ReportState::Executed,
        retcode: Retcode::DONE,
        reason: "X".into(),
        order: Ticket(8),
        deals: vec![deal; deals],
        volume: Volume::ONE,
        price: Price::ONE,
        market_time: MarketTime(9),
        times: HopTimes::default(),
    }
}

#[test]
fn a_signal_has_one_encoding() {
    let bytes = encode_signal(&signal());
    assert_eq!(decode_signal(&bytes), Ok(signal()));
    for cut in 0..bytes.len() {
        assert_eq!(decode_signal(&bytes[..cut]), Err(WireError::Truncated), "cut at {cut}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(decode_signal(&longer), Err(WireError::Trailing));
}

#[test]
fn every_byte_of_a_signal_counts() {
    let bytes = encode_signal(&signal());
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert_ne!(decode_signal(&other), Ok(signal()), "byte {at} is ignored");
    }
}

#[test]
fn reports_round_trip_within_their_limits() {
    for deals in [0, 1, Report::MAX_DEALS] {
        assert_eq!(decode_report(&encode_report(&report(deals))), Ok(report(deals)));
    }
    let long = Report { reason: "x".repeat(Report::MAX_REASON + 1), ..report(0) };
    assert_eq!(decode_report(&encode_report(&long)), Err(WireError::TooLarge("reason")));
}

#[test]
fn limits_are_checked_before_anything_is_allocated() {
    let mut w = Writer::default();
    w.u16(u16::MAX);
    let got = Control::decode(6, &w.into_bytes());
    assert_eq!(got, Err(WireError::TooLarge("symbols")));
}

#[test]
fn control_messages_round_trip() {
    let cursor = Cursor { epoch: Epoch(1), seq: 2, time: MarketTime(3), count_at_time: 4 };
    let welcome = Welcome {
        fence: Fence(1),
        policy: PolicyHash([2; 32]),
        signal_keys: vec![[3; 32], [4; 32]],
        last_report_seq: 5,
        now: Timestamp(6),
        pacing: Pacing::LockStep,
    };
    for message in [
        Control::Welcome(welcome),
        Control::Refused { code: "X".into(), message: "y".into() },
        Control::TickOpen(vec![symbol()]),
        Control::TickCursors(vec![(symbol(), cursor)]),
        Control::EpochStart { symbol: symbol(), epoch: Epoch(2), from: cursor },
        Control::Settled { symbol: symbol(), epoch: Epoch(2), seq: 9 },
        Control::FeedEnd { symbol: symbol(), total: 10 },
    ] {
        assert_eq!(Control::decode(message.kind(), &message.encode()), Ok(message));
    }
    assert_eq!(Control::decode(99, &[]), Err(WireError::BadValue("control kind")));
}

#[test]
fn history_messages_round_trip_and_fit_their_frames() {
    let tick = |n: i64| Tick {
        time: MarketTime(n),
        bid: Price::ONE,
        ask: Price::ONE,
        last: Price::from_raw(n),
        volume: Volume::ONE,
        flags: TickFlags::BID,
    };
    let sum = |n: u64| TickSum { ticks: n, hash: u64::MAX - n, refused: 2 * n };
    let mut hours = Box::new(DayHours::default());
    (0..).zip(hours.iter_mut()).for_each(|(n, hour)| *hour = sum(n));
    let (from, to) = (MarketTime(-3), MarketTime(9));
    let mut messages = vec![
        History::Ask { id: 1, symbol: symbol(), wanted: Wanted::Ticks, from, to, expires_ms: 4 },
        History::Ask { id: 1, symbol: symbol(), wanted: Wanted::Sums, from, to, expires_ms: 4 },
        History::Ticks { id: 2, ticks: (0..256).map(tick).collect() },
        History::End { id: 3, total: 4 },
        History::Sums { id: 5, hours },
        History::Rewritten { symbol: symbol(), time: MarketTime(6) },
    ];
    messages.extend(HistoryFault::ALL.map(|fault| History::Failed { id: 7, fault }));
    for message in messages {
        let body = message.encode();
        assert!(body.len() <= crate::limits::BODY_BYTES_MAX);
        for cut in [1, 2] {
            assert!(History::decode(message.kind(), &body[..body.len() - cut]).is_err());
        }
        assert!(History::decode(message.kind(), &[body.as_slice(), &[0]].concat()).is_err());
        assert_eq!(History::decode(message.kind(), &body), Ok(message));
    }
    assert_eq!(History::decode(9, &[]), Err(WireError::BadValue("history kind")));
    let none = [&[0; 8][..], &[0, 0, 0]].concat();
    assert_eq!(History::decode(2, &none), Err(WireError::BadValue("ticks")), "a batch has a tick");
}

proptest! {
    #[test]
    fn tick_batches_round_trip(rows in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>(), 0_i64..3, 0_u32..200), 1..=256)) {
        let ticks = rows.into_iter().map(|(time, bid, ask, last, flags)| Tick {
            time: MarketTime(time), bid: Price::from_raw(bid), ask: Price::from_raw(ask),
            last: Price::from_raw(last), volume: Volume::ZERO, flags: TickFlags::from_bits(flags),
        }).collect();
        let source = Source { tenant: TenantId(1), account: AccountId(2), symbol: symbol() };
        let batch = TickBatch { trace: TraceId([1; 16]), source, epoch: Epoch(3), first_seq: 4, ticks };
        prop_assert_eq!(decode_ticks(&encode_ticks(&batch)), Ok(batch));
    }

    #[test]
    fn garbage_never_panics(kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let control = Control::decode(kind, &bytes);
        if let Ok(message) = control {
            prop_assert_eq!(message.encode(), bytes.clone(), "one value, one encoding");
        }
        drop((decode_ticks(&bytes), decode_signal(&bytes), decode_report(&bytes)));
        drop((SignalEnvelope::decode(&bytes), ReportEnvelope::decode(&bytes)));
    }
}
