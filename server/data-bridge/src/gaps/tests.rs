//! Which questions are asked, and which answers count: no clock, no session.

use super::{
    answer::{Answer, Piece, Wrong},
    plan::{Job, OPEN_MAX, Patience, Plan},
};
use crate::tick::{changed_bars, missing};
use aitrading_model::{
    AccountId, Cursor, DayCheck, DayHours, Epoch, Gap, GapKind, GapState, HistoryFault, MarketTime, Price, Source,
    TenantId, Tick, TickFlags, TickSum, Timeframe, Timestamp, Volume,
};

/// 2012-12-03 00:00 UTC, a Monday.
const MONDAY: i64 = 1_354_492_800_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const PATIENCE: Patience = Patience { attempts: 3, retry_ns: 10 };

fn at(ms: i64) -> MarketTime {
    MarketTime(MONDAY + ms)
}

fn source() -> Source {
    Source { tenant: TenantId(1), account: AccountId(42), symbol: "GBPJPY".parse().unwrap() }
}

fn gap(from: i64, to: i64) -> Gap {
    Gap { source: source(), from: at(from), to: at(to), kind: GapKind::Silence }
}

fn quote(ms: i64, bid: i64) -> Tick {
    Tick {
        time: at(ms),
        bid: Price::from_raw(bid),
        ask: Price::from_raw(bid + 1),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    }
}

fn plan(open: &[Gap]) -> Plan {
    let mut plan = Plan::new(Cursor::default());
    plan.load(1, open.to_vec());
    plan
}

fn part(gap: Gap, from: i64, to: i64, last: bool) -> Option<Job> {
    Some(Job::Fill { gap, from: at(from), to: at(to), last })
}

#[test]
fn a_hole_is_asked_for_hour_by_hour_once_its_last_hour_is_over() {
    let hole = gap(50 * MINUTE, 2 * HOUR + 10 * MINUTE);
    let mut plan = plan(&[hole]);
    assert_eq!(plan.next(at(3 * HOUR - 1), 0), None, "bars of its last hour are still open");
    let now = at(3 * HOUR);
    assert_eq!(plan.next(now, 0), part(hole, 50 * MINUTE, HOUR, false));
    plan.filled(hole, at(HOUR));
    assert_eq!(plan.next(now, 0), part(hole, HOUR, 2 * HOUR, false));
    plan.filled(hole, at(2 * HOUR));
    assert_eq!(plan.next(now, 0), part(hole, 2 * HOUR, 2 * HOUR + 10 * MINUTE + 1, true), "both ends are part of it");
    plan.done(hole);
    assert_eq!((plan.next(now, 0), plan.open()), (None, 0));
}

#[test]
fn tries_are_spaced_counted_and_end() {
    let hole = gap(0, MINUTE);
    let mut plan = plan(&[hole]);
    let fault = HistoryFault::Incomplete;
    assert_eq!(plan.failed(hole, fault, 100, PATIENCE), None);
    assert_eq!(plan.next(at(HOUR), 109), None);
    assert!(plan.next(at(HOUR), 110).is_some());
    assert_eq!(plan.failed(hole, fault, 110, PATIENCE), None);
    assert_eq!(plan.next(at(HOUR), 129), None, "the second pause is longer");
    assert_eq!(plan.failed(hole, fault, 130, PATIENCE), Some(GapState::GivenUp { attempts: 3, fault }));
}

#[test]
fn a_hole_without_end_is_given_up_unasked() {
    let hole = gap(0, 31 * DAY + 1);
    let state = GapState::GivenUp { attempts: 0, fault: HistoryFault::TooLong };
    assert_eq!(plan(&[hole]).next(at(40 * DAY), 0), Some(Job::GiveUp { gap: hole, state }));
}

#[test]
fn the_store_is_asked_again_when_holes_were_seen_or_not_all_were_told() {
    let mut plan = Plan::default();
    assert!(plan.is_stale(0));
    plan.load(0, vec![]);
    assert!(!plan.is_stale(0));
    assert!(plan.is_stale(1));
    let many: Vec<Gap> = (0..OPEN_MAX as i64).map(|n| gap(n * MINUTE, n * MINUTE + 1)).collect();
    plan.load(1, many.clone());
    assert!(plan.is_stale(1), "there may be more");
    plan.load(1, many[..3].to_vec());
    assert_eq!(plan.open(), OPEN_MAX, "none twice");
}

#[test]
fn a_day_is_counted_when_it_is_over_and_none_of_its_holes_is_open() {
    let hole = gap(5 * HOUR, 5 * HOUR + MINUTE);
    let mut plan = plan(&[hole]);
    plan.count_from(None, Some(at(HOUR)));
    let day = at(0).day();
    plan.failed(hole, HistoryFault::Busy, 0, PATIENCE);
    assert_eq!(plan.next(at(DAY), 1), None, "its hole waits");
    plan.done(hole);
    assert_eq!(plan.next(at(DAY - 1), 1), None, "it is not over");
    assert_eq!(plan.next(at(DAY), 1), Some(Job::Count { day, round: 1 }));
    plan.counted(day, &[hole]);
    assert_eq!(plan.next(at(DAY), 1), part(hole, 5 * HOUR, 5 * HOUR + MINUTE + 1, true));
    plan.done(hole);
    assert_eq!(plan.next(at(DAY), 1), Some(Job::Count { day, round: 2 }));
    plan.counted(day, &[]);
    assert_eq!(plan.next(at(DAY), 1), None, "the next day runs");
}

#[test]
fn counting_begins_behind_the_last_count_or_where_the_source_was_opened() {
    let day = at(0).day();
    let counted = |day| DayCheck::compare(day, &DayHours::default(), &DayHours::default(), Timestamp(0));
    let known = Cursor { epoch: Epoch(3), seq: 9, time: at(2 * DAY), count_at_time: 1 };
    for (opened, last, first_tick, expected) in [
        (Cursor::default(), None, Some(at(HOUR)), Some(day)),
        (known, None, Some(at(-90 * DAY)), Some(day + 2)),
        (known, Some(counted(day + 5)), Some(at(0)), Some(day + 6)),
        (known, Some(DayCheck::not_counted(day + 7)), Some(at(0)), Some(day + 8)),
        (Cursor::default(), None, None, None),
    ] {
        let mut plan = Plan::new(opened);
        plan.count_from(last, first_tick);
        let next = plan.next(at(100 * DAY), 0);
        assert_eq!(next, expected.map(|day| Job::Count { day, round: 1 }), "{opened:?} {last:?}");
    }
}

#[test]
fn sums_tell_in_which_hours_both_sides_differ_and_leave_refused_ticks_out() {
    let ticks: Vec<Tick> = (0..48).map(|n| quote(n * 30 * MINUTE, 100 + n)).collect();
    let hours = |ticks: &[Tick]| {
        let mut hours = DayHours::default();
        for tick in ticks {
            hours[usize::try_from(tick.time.since_ms(at(0)) / HOUR).unwrap()].add(tick);
        }
        hours
    };
    let mut there = ticks.clone();
    there.push(Tick { ask: Price::from_raw(1), ..quote(7 * HOUR + 1, 900) });
    there.swap(3, 2);
    let equal = DayCheck::compare(9, &hours(&there), &hours(&ticks), Timestamp(0));
    assert_eq!((equal.hours, equal.terminal, equal.stored, equal.refused), (0, 48, 48, 1));
    let mut here = ticks.clone();
    here.remove(10);
    here[30].bid = Price::from_raw(7);
    let differs = DayCheck::compare(at(0).day(), &hours(&there), &hours(&here), Timestamp(0));
    assert_eq!(differs.hours, 1 << 5 | 1 << 15);
    let found = Plan::found(source(), &differs, 1);
    let spans: Vec<_> = found.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(spans, [(at(5 * HOUR), at(6 * HOUR - 1)), (at(15 * HOUR), at(16 * HOUR - 1))]);
    assert_eq!(Plan::found(source(), &differs, 2), [], "the second round records no hole again");
}

#[test]
fn equal_ticks_of_one_millisecond_are_counted() {
    let (a, b) = (quote(5, 1), quote(5, 2));
    assert_eq!(missing(&[a, a, b, a], &[a]), [a, b, a]);
    assert_eq!(missing(&[a, b], &[b, a, a]), []);
    assert_eq!(missing(&[], &[a]), []);
    assert_eq!(missing(&[quote(5, 1), quote(6, 1)], &[quote(6, 1)]), [a]);
}

#[test]
fn bars_of_late_ticks_are_made_from_all_ticks_of_their_hour() {
    let live = [quote(0, 10), quote(59 * MINUTE, 20)];
    let late = [quote(30 * MINUTE, 99), quote(30 * MINUTE + 1, 5)];
    let bars = changed_bars(&live, &late);
    let told = bars.iter().map(|bar| (bar.timeframe, bar.start, bar.high.raw(), bar.low.raw(), bar.ticks));
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        [
            (Timeframe::M1, at(30 * MINUTE), 99, 5, 2),
            (Timeframe::M5, at(30 * MINUTE), 99, 5, 2),
            (Timeframe::H1, at(0), 99, 5, 4),
        ]
    );
    assert_eq!((bars[2].open.raw(), bars[2].close.raw()), (10, 20));
}

fn all_pieces(frames: &[Vec<Tick>]) -> Result<Vec<Piece>, Wrong> {
    let mut answer = Answer::new(at(0), at(HOUR));
    let (mut pieces, mut total, mut last) = (Vec::new(), 0, 0);
    for (number, frame) in (1..).zip(frames) {
        pieces.extend(answer.push(number, frame.clone())?);
        (total, last) = (total + frame.len() as u64, number);
    }
    pieces.push(answer.end(last + 1, total)?);
    Ok(pieces)
}

#[test]
fn pieces_cover_the_span_without_a_seam_and_cut_no_millisecond() {
    // Three ticks to a millisecond.
    let ticks: Vec<Tick> = (0..1_000).map(|n| quote(n / 3 * 7, n)).collect();
    for size in [1, 100, 256] {
        let frames: Vec<Vec<Tick>> = ticks.chunks(size).map(<[Tick]>::to_vec).collect();
        let pieces = all_pieces(&frames).unwrap();
        assert_eq!(pieces.iter().flat_map(|piece| piece.ticks.clone()).collect::<Vec<_>>(), ticks);
        assert_eq!((pieces[0].span.0, pieces.last().unwrap().span.1), (at(0), at(HOUR)));
        assert!(pieces.windows(2).all(|pair| pair[0].span.1 == pair[1].span.0));
        for piece in &pieces {
            assert!(piece.ticks.len() <= 256);
            assert!(piece.ticks.iter().all(|tick| piece.span.0 <= tick.time && tick.time < piece.span.1));
        }
        let told: Vec<u64> = pieces.iter().flat_map(|piece| piece.frames.clone()).collect();
        assert_eq!(told, (1..=frames.len() as u64 + 1).collect::<Vec<_>>(), "each frame once, in order");
    }
}

#[test]
fn no_frame_counts_as_done_before_all_of_its_ticks_do() {
    let ticks: Vec<Tick> = (0..300).map(|n| quote(n, n)).collect();
    let mut answer = Answer::new(at(0), at(HOUR));
    assert_eq!(answer.push(1, ticks[..200].to_vec()), Ok(vec![]));
    let pieces = answer.push(2, ticks[200..].to_vec()).unwrap();
    assert_eq!((pieces.len(), pieces[0].ticks.len(), pieces[0].frames.clone()), (1, 256, vec![1]));
    assert_eq!(answer.end(3, 300).unwrap().frames, [2, 3]);
}

#[test]
fn answers_that_break_the_rules_are_refused() {
    let broken = |frames: &[Vec<Tick>]| matches!(all_pieces(frames), Err(Wrong::Broken(_)));
    assert!(broken(&[vec![quote(HOUR, 1)]]), "behind the span");
    assert!(broken(&[vec![quote(-1, 1)]]), "before the span");
    assert!(broken(&[vec![quote(5, 1), quote(4, 1)]]), "out of order in a frame");
    assert!(broken(&[vec![quote(5, 1)], vec![quote(4, 1)]]), "out of order between frames");
    let many = vec![vec![quote(1, 1)]; 257];
    assert_eq!(all_pieces(&many), Err(Wrong::Fault(HistoryFault::TooMany)), "a millisecond that no piece can hold");
    let endless: Vec<Vec<Tick>> = (0..1_025).map(|n| (0..256).map(|_| quote(n * 2, 1)).collect()).collect();
    assert!(broken(&endless), "more than an answer may hold");
    let mut answer = Answer::new(at(0), at(HOUR));
    answer.push(1, vec![quote(1, 1)]).unwrap();
    assert!(matches!(answer.end(2, 2), Err(Wrong::Broken(_))), "another number than it says");
}

#[test]
fn a_fingerprint_sees_every_field_and_sums_see_every_tick() {
    let tick = quote(0, 1);
    let others = [
        Tick { time: at(1), ..tick },
        Tick { bid: Price::from_raw(2), ..tick },
        Tick { ask: Price::from_raw(3), ..tick },
        Tick { last: Price::from_raw(1), ..tick },
        Tick { volume: Volume::from_raw(1), ..tick },
        Tick { flags: TickFlags::ASK, ..tick },
    ];
    assert!(others.iter().all(|other| other.fingerprint() != tick.fingerprint()));
    assert!(!TickSum::of(&[tick, tick]).agrees(&TickSum::of(&[tick])));
}
