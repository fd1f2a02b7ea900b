//! What every [`TickStore`](crate::TickStore) promises about ticks that come late, holes that were asked about, and days that
//! were counted.

use super::{
    sample::{MONDAY, commit, mark, part, source, tick, ticks},
    ticks::everything,
};
use crate::{GapChange, ImportCommit, ImportKey, SourceCommit, StoreError, TickCommit, TickStore};
use aitrading_model::{
    Cursor, DayCheck, Gap, GapKind, GapState, HistoryFault, MarketTime, Source, TenantId, Tick, Timestamp,
};
use std::sync::Arc;

type Store = Arc<dyn TickStore>;
type Checked = Result<(), StoreError>;

const DAY_MS: i64 = 86_400_000;

/// A commit of late ticks alone; the source stands at `cursor`.
fn late(source: Source, cursor: Cursor, seq: u64, ticks: Vec<Tick>) -> SourceCommit {
    let mut part = SourceCommit::new(source, 3, cursor);
    (part.late, part.late_seq) = (ticks, seq);
    part
}

async fn cursor(store: &Store, source: Source) -> Result<Cursor, StoreError> {
    let cursors = store.cursors().await?;
    Ok(cursors.into_iter().find(|(known, _)| *known == source).map(|(_, cursor)| cursor).unwrap_or_default())
}

/// Over midnight, into a day that is over and one that is running; the cursor stays, the mark moves.
pub async fn late_ticks_come_into_their_place(store: Store) -> Checked {
    let a = source(1, "A");
    let all = ticks(DAY_MS - 5_000, 60);
    let (head, missing, tail) = (all[..7].to_vec(), all[7..40].to_vec(), all[40..].to_vec());
    store.commit(commit(1, part(a, 1, head))).await?;
    store.commit(commit(2, part(a, 8, tail))).await?;
    let stands = cursor(&store, a).await?;
    store.commit(commit(3, late(a, stands, 9, missing.clone()))).await?;
    assert_eq!(everything(&store, a).await?, all);
    assert_eq!(store.range(a, missing[3].time, missing[9].time, 100).await?, missing[3..9]);
    assert_eq!(store.counts(TenantId(1)).await?.stored, 60);
    assert_eq!((cursor(&store, a).await?, store.mark().await?), (stands, mark(3)));
    let again = store.commit(commit(3, late(a, stands, 9, missing))).await;
    assert!(matches!(again, Err(StoreError::AlreadyDone { .. })), "{again:?}");
    assert_eq!(store.counts(TenantId(1)).await?.stored, 60);
    Ok(())
}

/// The order of one millisecond is the order of coming.
pub async fn late_ticks_stand_behind_those_of_their_millisecond(store: Store) -> Checked {
    let a = source(1, "A");
    let live = vec![tick(0, 1), tick(10, 2), tick(10, 3), tick(20, 4)];
    store.commit(commit(1, part(a, 1, live))).await?;
    let stands = cursor(&store, a).await?;
    store.commit(commit(2, late(a, stands, 1, vec![tick(10, 5), tick(10, 6)]))).await?;
    store.commit(commit(3, late(a, stands, 3, vec![tick(0, 7), tick(10, 8), tick(20, 9)]))).await?;
    let expected = [(0, 1), (0, 7), (10, 2), (10, 3), (10, 5), (10, 6), (10, 8), (20, 4), (20, 9)];
    assert_eq!(everything(&store, a).await?, expected.map(|(ms, points)| tick(ms, points)));
    let second = MarketTime(MONDAY.0 + 10);
    assert_eq!(store.range(a, second, MarketTime(second.0 + 1), 3).await?, [tick(10, 2), tick(10, 3), tick(10, 5)]);
    Ok(())
}

/// Every second piece was missed, and comes later, the last one first; between them the stream goes on.
pub async fn a_history_filled_from_behind_is_one_history(store: Store) -> Checked {
    let a = source(1, "A");
    let all = ticks(DAY_MS - 60_000, 480);
    let (mut offset, mut missed) = (0, Vec::new());
    for (i, chunk) in (0_u64..).zip(all.chunks(15)) {
        if i % 2 == 1 && i < 31 {
            missed.push(chunk.to_vec());
            continue;
        }
        offset += 1;
        store.commit(commit(offset, part(a, i * 15 + 1, chunk.to_vec()))).await?;
    }
    let stands = cursor(&store, a).await?;
    while let Some(chunk) = missed.pop() {
        offset += 1;
        store.commit(commit(offset, late(a, stands, offset, chunk))).await?;
    }
    assert_eq!(everything(&store, a).await?, all);
    let more = ticks(DAY_MS + 70_000, 20);
    store.commit(commit(offset + 1, part(a, 481, more.clone()))).await?;
    assert_eq!(everything(&store, a).await?, [all, more].concat());
    let counts = store.counts(TenantId(1)).await?;
    assert_eq!(counts.stored, 500);
    assert!(counts.files <= 64, "{} files for two days of one symbol", counts.files);
    Ok(())
}

/// Out of order, or later than the source was read: the whole commit is refused.
pub async fn bad_late_ticks_leave_nothing_behind(store: Store) -> Checked {
    let a = source(1, "A");
    store.commit(commit(1, part(a, 1, vec![tick(0, 1), tick(100, 2)]))).await?;
    let stands = cursor(&store, a).await?;
    for bad in [vec![tick(50, 1), tick(40, 1)], vec![tick(50, 1), tick(101, 1)]] {
        let refused = store.commit(commit(2, late(a, stands, 1, bad))).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!((everything(&store, a).await?.len(), store.mark().await?), (2, mark(1)));
    Ok(())
}

fn gap(source: Source, ms: i64, kind: GapKind) -> Gap {
    Gap { source, from: MarketTime(MONDAY.0 + ms), to: MarketTime(MONDAY.0 + ms + 9), kind }
}

/// Added ticks add up; the newest state stands; a hole that nobody recorded is recorded.
pub async fn a_gap_is_told_what_became_of_it(store: Store) -> Checked {
    let a = source(1, "A");
    let (one, two, three) =
        (gap(a, 0, GapKind::Silence), gap(a, 100, GapKind::Discontinuity), gap(a, 200, GapKind::Difference));
    let given_up = GapState::GivenUp { attempts: 5, fault: HistoryFault::Incomplete };
    let steps = [
        (vec![one, two], vec![]),
        (vec![], vec![(one, 3, GapState::Open)]),
        (vec![one], vec![(one, 4, GapState::Settled), (two, 0, given_up)]),
        (vec![], vec![(three, 0, GapState::Settled)]),
    ];
    for (offset, (gaps, changes)) in (1..).zip(steps) {
        let mut step = part(a, 1, vec![]);
        step.gaps = gaps;
        step.changes = changes.into_iter().map(|(gap, added, state)| GapChange { gap, added, state }).collect();
        store.commit(commit(offset, step)).await?;
    }
    let found: Vec<_> = store.gaps(a).await?.into_iter().map(|r| (r.gap, r.added, r.state)).collect();
    assert_eq!(found, [(one, 7, GapState::Settled), (two, 0, given_up), (three, 0, GapState::Settled)]);
    assert_eq!(store.open_gaps(a, 9).await?, []);
    assert_eq!(store.gaps(source(2, "A")).await?, []);
    Ok(())
}

/// The oldest come first, up to the limit.
pub async fn open_gaps_are_found_in_order(store: Store) -> Checked {
    let a = source(1, "A");
    let all: Vec<Gap> = (0..6).map(|i| gap(a, i * 50, GapKind::Silence)).collect();
    let mut step = part(a, 1, vec![]);
    step.gaps = all.iter().rev().copied().collect();
    step.changes = vec![GapChange { gap: all[1], added: 0, state: GapState::Settled }];
    store.commit(commit(1, step)).await?;
    assert_eq!(store.open_gaps(a, 3).await?, [all[0], all[2], all[3]]);
    assert_eq!(store.open_gaps(a, 0).await?, []);
    assert_eq!(store.open_gaps(source(2, "A"), 3).await?, []);
    Ok(())
}

/// The last ones, oldest first; a second count replaces the first.
pub async fn counted_days_are_kept_and_replaced(store: Store) -> Checked {
    let a = source(1, "A");
    let day = |day, hours| DayCheck { day, terminal: 9, stored: 8, refused: 1, hours, at: Timestamp(77) };
    for (offset, days) in [(1, vec![day(10, 0), day(11, 5)]), (2, vec![day(-3, 0), day(11, 0)])] {
        let mut step = part(a, 1, vec![]);
        step.days = days;
        store.commit(TickCommit { mark: mark(offset), sources: vec![step] }).await?;
    }
    assert_eq!(store.latest_days(a, 9).await?, [day(-3, 0), day(10, 0), day(11, 0)]);
    assert_eq!(store.latest_days(a, 1).await?, [day(11, 0)]);
    assert_eq!(store.latest_days(source(2, "A"), 9).await?, []);
    Ok(())
}

/// A day that an import reached is marked: its ticks are not the terminal's.
pub async fn imported_days_are_not_counted(store: Store) -> Checked {
    let a = source(1, "A");
    let (key, ticks) = (ImportKey([1; 32]), ticks(DAY_MS - 1_000, 10));
    let import = ImportCommit { key, part: 0, source: a, digits: 3, ticks, bars: vec![], last: true };
    store.import(import).await?;
    let days = store.latest_days(a, 9).await?;
    assert_eq!(days.last().map(|day| (day.day, day.is_counted())), Some((MONDAY.day() + 1, false)));
    Ok(())
}
