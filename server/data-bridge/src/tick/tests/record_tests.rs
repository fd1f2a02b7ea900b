//! Journal records and checkpoints: what goes in comes out, and odd bytes are refused.

use super::*;
use aitrading_journal::Position;
use aitrading_model::Gap;
use proptest::prelude::*;

fn any_tick() -> impl Strategy<Value = Tick> {
    let price = || prop_oneof![Just(0_i64), any::<i64>(), (1_i64..200_000).prop_map(|p| p * 100_000)];
    (any::<i64>(), price(), price(), price(), any::<i64>(), any::<u32>()).prop_map(
        |(time, bid, ask, last, lots, bits)| Tick {
            time: MarketTime(time),
            bid: Price::from_raw(bid),
            ask: Price::from_raw(ask),
            last: Price::from_raw(last),
            volume: Volume::from_raw(lots),
            flags: TickFlags::from_bits(bits),
        },
    )
}

fn record(ticks: Vec<Tick>) -> BatchRecord {
    BatchRecord {
        trace: TraceId([9; 16]),
        source: source(),
        received: Timestamp(5),
        first_seq: u64::MAX - 3,
        count: 7,
        duplicates: 2,
        cursor: Cursor { epoch: Epoch(u64::MAX), seq: 77, time: MarketTime(-1), count_at_time: 3 },
        accepted: ticks,
        rejected: vec![(0, TickReject::Crossed), (255, TickReject::TimeImplausible)],
        gaps: vec![Gap { source: source(), from: MarketTime(1), to: MarketTime(99), kind: GapKind::Discontinuity }],
    }
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(ticks in prop::collection::vec(any_tick(), 0..40)) {
        let before = record(ticks);
        prop_assert_eq!(BatchRecord::decode(&before.encode()).unwrap(), before);
    }

    #[test]
    fn bytes_that_are_no_record_are_refused_or_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(BatchRecord::decode(&bytes));
        prop_assert!(Checkpoint::decode(&bytes).is_err());
    }

    #[test]
    fn a_cut_record_is_refused(ticks in prop::collection::vec(any_tick(), 0..5), cut in 0.0_f64..1.0) {
        let bytes = record(ticks).encode();
        let at = (bytes.len() as f64 * cut) as usize;
        prop_assert!(BatchRecord::decode(&bytes[..at]).is_err());
    }
}

#[test]
fn quotes_take_about_five_bytes() {
    let ticks: Vec<_> = (0..256).map(|n| quote(n * 700, 132_100 + n % 7, 132_117 + n % 5)).collect();
    let bytes = record(ticks).encode().len() - record(Vec::new()).encode().len();
    assert!(bytes < 256 * 6, "{bytes} bytes");
}

#[test]
fn a_checkpoint_comes_back_as_it_was_and_notices_damage() {
    let mut gate = Gate::default();
    let mut state = SourceState::default();
    state.apply(&take(&mut gate, 1, 1, vec![quote(0, 100, 102), quote(70_000, 0, 1), quote(140_000, 98, 99)]).unwrap());
    let other = aitrading_model::Source { account: AccountId(43), ..source() };
    let checkpoint = Checkpoint {
        position: Position { segment: 3, offset: 4096 },
        sources: [(source(), state), (other, SourceState::default())].into(),
    };
    let bytes = checkpoint.encode();
    assert_eq!(Checkpoint::decode(&bytes).unwrap(), checkpoint);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 4;
        assert!(Checkpoint::decode(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn a_record_that_follows_on_nothing_is_void() {
    let mut gate = Gate::default();
    let first = take(&mut gate, 1, 1, vec![quote(0, 100, 101)]).unwrap();
    let second = take(&mut gate, 1, 2, vec![quote(1, 100, 101)]).unwrap();
    let third = take(&mut gate, 1, 3, vec![quote(2, 100, 101)]).unwrap();
    let mut state = SourceState::default();
    assert!(state.apply(&first).is_some());
    assert!(state.apply(&third).is_none(), "the second one was never written");
    assert!(state.apply(&second).is_some());
    assert!(state.apply(&second).is_none(), "twice");
    assert!(state.apply(&third).is_some());
    assert_eq!((state.counters.accepted, state.cursor.seq), (3, 3));
}
