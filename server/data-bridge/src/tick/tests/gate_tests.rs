//! The gate: what is taken, refused, known, missing.

use super::*;
use proptest::prelude::*;

fn check_verdict(tick: Tick, verdict: Option<TickReject>) {
    let mut gate = Gate::default();
    take(&mut gate, 1, 1, vec![quote(1000, 100, 101)]).unwrap();
    let record = take(&mut gate, 1, 2, vec![tick]).unwrap();
    assert_eq!(record.rejected, Vec::from_iter(verdict.map(|code| (0, code))), "{tick:?}");
    assert_eq!(record.accepted.len(), usize::from(verdict.is_none()));
    assert_eq!((record.cursor.seq, record.count), (2, 1), "a refused tick is acknowledged like any other");
}

#[test]
fn every_tick_gets_the_verdict_of_its_content() {
    let good = quote(2000, 100, 102);
    let with_time = |ms| Tick { time: MarketTime(ms), ..good };
    let tomorrow = now().0 / 1_000_000 + 86_400_000;
    let cases = [
        (good, None),
        (quote(1000, 100, 100), None),
        (quote(2000, 0, 0), None),
        (Tick { last: Price::ONE, volume: Volume::ONE, ..good }, None),
        (quote(2000, 0, 100), Some(TickReject::BadPrice)),
        (quote(2000, 100, 0), Some(TickReject::BadPrice)),
        (quote(2000, -100, 100), Some(TickReject::BadPrice)),
        (quote(2000, -100, -100), Some(TickReject::BadPrice)),
        (quote(2000, 102, 101), Some(TickReject::Crossed)),
        (quote(999, 100, 101), Some(TickReject::TimeBackwards)),
        (with_time(0), Some(TickReject::TimeImplausible)),
        (with_time(i64::MIN), Some(TickReject::TimeImplausible)),
        (with_time(i64::MAX), Some(TickReject::TimeImplausible)),
        (with_time(tomorrow), None),
        (with_time(tomorrow + 1), Some(TickReject::TimeImplausible)),
        (Tick { volume: Volume::from_raw(-1), ..good }, Some(TickReject::BadVolume)),
        (Tick { last: Price::from_raw(-1), ..good }, Some(TickReject::BadVolume)),
    ];
    cases.into_iter().for_each(|(tick, verdict)| check_verdict(tick, verdict));
}

#[test]
fn only_believable_times_move_the_cursor() {
    let mut gate = Gate::default();
    let far = Tick { time: MarketTime(i64::MAX), ..quote(0, 1, 2) };
    take(&mut gate, 1, 1, vec![quote(5, 100, 101), quote(5, 102, 101), quote(5, 99, 101), far, quote(4, 1, 2)])
        .unwrap();
    let expected = Cursor { epoch: Epoch(1), seq: 5, time: MarketTime(MONDAY + 5), count_at_time: 3 };
    assert_eq!(gate.cursor, expected, "a crossed quote counts, a wrong clock does not");
}

#[test]
fn known_ticks_are_dropped_and_missing_ones_asked_for() {
    let mut gate = Gate::default();
    let ticks: Vec<_> = (1..=10).map(|n| quote(n * 100, 100, 101)).collect();
    take(&mut gate, 3, 1, ticks[..6].to_vec()).unwrap();
    assert_eq!(take(&mut gate, 3, 8, ticks[7..].to_vec()), Err(Refused::Hole));
    assert_eq!(take(&mut gate, 2, 7, ticks[6..].to_vec()), Err(Refused::Epoch));
    assert_eq!(take(&mut gate, 4, 1, ticks[6..].to_vec()), Err(Refused::Epoch), "not announced");
    let again = take(&mut gate, 3, 4, ticks[3..].to_vec()).unwrap();
    assert_eq!((again.duplicates, again.count, again.first_seq), (3, 4, 7));
    assert_eq!(again.accepted, ticks[6..]);
    let known = take(&mut gate, 3, 2, ticks[1..4].to_vec()).unwrap();
    assert_eq!((known.duplicates, known.count), (3, 0));
    assert_eq!(gate.cursor.seq, 10);
}

#[test]
fn a_new_epoch_goes_on_where_the_cursor_stands() {
    let mut gate = Gate::default();
    take(&mut gate, 1, 1, vec![quote(5, 100, 101), quote(5, 100, 102)]).unwrap();
    let told = gate.cursor;
    assert!(!gate.start_epoch(Epoch(1), told), "not higher");
    assert!(!gate.start_epoch(Epoch(2), Cursor { seq: 1, ..told }), "the cursor moved meanwhile");
    assert!(gate.start_epoch(Epoch(2), told));
    let record = take(&mut gate, 2, 1, vec![quote(5, 100, 103)]).unwrap();
    assert_eq!((record.cursor.epoch, record.cursor.seq, record.cursor.count_at_time), (Epoch(2), 1, 3));
    let mut state = SourceState::default();
    assert_eq!(state.apply(&record), Some(Vec::new()), "a first record is taken as it is");
}

#[test]
fn an_announced_epoch_moves_nothing_until_its_first_tick() {
    let mut gate = Gate::default();
    take(&mut gate, 1, 1, vec![quote(5, 100, 101)]).unwrap();
    let told = gate.cursor;
    for epoch in 2..5 {
        assert!(gate.start_epoch(Epoch(epoch), told), "a start without a tick does not hinder the next one");
        assert_eq!(gate.cursor, told);
    }
    assert!(!gate.start_epoch(Epoch(4), told), "announced already");
    for (epoch, first) in [(1, 2), (3, 1), (5, 1)] {
        assert_eq!(take(&mut gate, epoch, first, vec![quote(6, 100, 101)]), Err(Refused::Epoch), "{epoch}");
    }
    assert_eq!(take(&mut gate, 4, 2, vec![quote(6, 100, 101)]), Err(Refused::Hole));
    assert_eq!(take(&mut gate, 4, 1, vec![quote(6, 100, 101)]).unwrap().cursor.epoch, Epoch(4));
    assert_eq!(take(&mut gate, 4, 2, vec![quote(7, 100, 101)]).unwrap().first_seq, 2);
    assert_eq!(take(&mut gate, 1, 2, vec![quote(6, 100, 101)]), Err(Refused::Epoch), "late");
}

#[test]
fn a_withdrawn_epoch_is_closed_and_the_one_before_goes_on() {
    let mut gate = Gate::default();
    take(&mut gate, 1, 1, vec![quote(5, 100, 101)]).unwrap();
    let told = gate.cursor;
    assert!(gate.start_epoch(Epoch(2), told));
    gate.withdraw();
    assert_eq!(take(&mut gate, 2, 1, vec![quote(6, 100, 101)]), Err(Refused::Epoch));
    assert!(!gate.start_epoch(Epoch(2), told), "another life of the client used it");
    assert_eq!(take(&mut gate, 1, 2, vec![quote(6, 100, 101)]).unwrap().first_seq, 2);
    assert!(!gate.start_epoch(Epoch(3), told), "the cursor moved meanwhile");
    assert!(gate.start_epoch(Epoch(3), gate.cursor));
}

#[test]
fn silence_is_a_hole_unless_the_market_is_closed() {
    let day = 86_400_000;
    // (from, to, hole?), milliseconds after Monday midnight; the week before ended on day -2 (Saturday).
    let cases = [
        (0, 60_000, false),
        (0, 60_001, true),
        (-3 * day, -3 * day + 100_000, true),
        (-3 * day + 22 * 3_600_000, -day + 22 * 3_600_000, false),
        (-2 * day + 1000, -2 * day + 100_000, false),
        (-day, -day + 100_000, true),
    ];
    for (from, to, hole) in cases {
        let mut gate = Gate::default();
        take(&mut gate, 1, 1, vec![quote(from, 100, 101)]).unwrap();
        let record = take(&mut gate, 1, 2, vec![quote(to, 100, 101)]).unwrap();
        assert_eq!(record.gaps.len(), usize::from(hole), "{from}..{to}");
        for gap in &record.gaps {
            assert_eq!((gap.from.0, gap.to.0, gap.kind), (MONDAY + from, MONDAY + to, GapKind::Silence));
        }
    }
}

proptest! {
    /// However a stream is cut into batches and however often parts are repeated, the outcome is that of one pass.
    #[test]
    fn repeats_and_cuts_change_nothing(
        steps in prop::collection::vec((0_i64..3, 90_i64..110, 90_i64..110), 1..80),
        cuts in prop::collection::vec((0_usize..80, 1_usize..40), 0..30),
    ) {
        let mut time = 0;
        let ticks: Vec<Tick> = steps.into_iter().map(|(dt, bid, ask)| {
            time += dt;
            quote(time, bid, ask)
        }).collect();
        let mut whole = Gate::default();
        let mut expected = SourceState::default();
        expected.apply(&take(&mut whole, 1, 1, ticks.clone()).unwrap());
        let (mut gate, mut state, mut stored) = (Gate::default(), SourceState::default(), Vec::new());
        for (at, len) in cuts.into_iter().chain([(0, ticks.len())]) {
            let at = at.min(ticks.len() - 1);
            let part = ticks[at..(at + len).min(ticks.len())].to_vec();
            let before = gate;
            match take(&mut gate, 1, at as u64 + 1, part) {
                Ok(record) => {
                    prop_assert_eq!(record.first_seq, before.cursor.seq + 1);
                    state.apply(&record);
                    stored.extend(record.accepted);
                }
                Err(refused) => {
                    // Of a source that nobody knows yet, only the first batch says its epoch.
                    let expected = if before.cursor == Cursor::default() { Refused::Epoch } else { Refused::Hole };
                    prop_assert_eq!(refused, expected);
                    prop_assert!(at as u64 > before.cursor.seq);
                    prop_assert_eq!(gate.cursor.seq, before.cursor.seq);
                }
            }
        }
        prop_assert_eq!(gate.cursor, whole.cursor);
        prop_assert_eq!(state.counters.rejected, expected.counters.rejected);
        prop_assert_eq!(state.counters.accepted as usize, stored.len());
        prop_assert_eq!(state.bars, expected.bars);
        prop_assert_eq!(stored.len() as u64, expected.counters.accepted);
    }
}
