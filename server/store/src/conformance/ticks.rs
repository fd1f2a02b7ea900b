//! What every [`TickStore`] promises.

use super::sample::{MONDAY, commit, mark, part, source, tick, ticks};
use crate::{JournalMark, SeqRun, StoreError, TickCommit, TickCounts, TickStore};
use aitrading_model::{
    Bar, Cursor, Epoch, Gap, GapKind, MarketTime, Price, Source, TenantId, Tick, TickFlags, TickReject, Timeframe,
    Volume,
};
use std::sync::Arc;

type Store = Arc<dyn TickStore>;
type Checked = Result<(), StoreError>;

const ALWAYS: (MarketTime, MarketTime) = (MarketTime(i64::MIN), MarketTime(i64::MAX));
const DAY_MS: i64 = 86_400_000;

pub(super) async fn everything(store: &Store, source: Source) -> Result<Vec<Tick>, StoreError> {
    let mut all = Vec::new();
    let n = store.scan(source, &mut |batch| all.extend_from_slice(batch)).await?;
    assert_eq!(n, all.len() as u64, "scan says how many it showed");
    Ok(all)
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    assert_eq!(store.mark().await?, JournalMark::START);
    assert_eq!(store.cursors().await?, []);
    assert_eq!(store.counts(TenantId(1)).await?, TickCounts::default());
    assert_eq!(everything(&store, source(1, "A")).await?, []);
    assert_eq!(store.bars(source(1, "A"), Timeframe::M1, ALWAYS.0, ALWAYS.1, 9).await?, []);
    assert_eq!(store.gaps(source(1, "A")).await?, []);
    Ok(())
}

/// Ticks of several sources over midnight come back as they went in.
pub async fn a_commit_is_read_back_in_order(store: Store) -> Checked {
    let (a, b) = (source(1, "GBPJPY"), source(1, "EURUSD.pro/x"));
    let (of_a, of_b) = (ticks(DAY_MS - 1000, 10), ticks(0, 3));
    let sources = vec![part(a, 1, of_a.clone()), part(b, 1, of_b.clone())];
    store.commit(TickCommit { mark: mark(8), sources }).await?;
    assert_eq!(everything(&store, a).await?, of_a, "a day's end does not reorder");
    assert_eq!(everything(&store, b).await?, of_b);
    assert_eq!(store.mark().await?, mark(8));
    let counts = store.counts(TenantId(1)).await?;
    assert_eq!(counts.stored, 13);
    assert!(counts.bytes > 0);
    let mut cursors = store.cursors().await?;
    cursors.sort_by_key(|(source, _)| *source);
    assert_eq!(cursors.iter().map(|(source, cursor)| (*source, cursor.seq)).collect::<Vec<_>>(), [(b, 3), (a, 10)]);
    Ok(())
}

/// The same stretch of the journal again, or an older one, changes nothing.
pub async fn a_mark_is_taken_once(store: Store) -> Checked {
    let a = source(1, "A");
    store.commit(commit(8, part(a, 1, ticks(0, 5)))).await?;
    for offset in [8, 3] {
        let again = store.commit(commit(offset, part(a, 1, ticks(0, 5)))).await;
        assert!(matches!(again, Err(StoreError::AlreadyDone { stored }) if stored == mark(8)), "{again:?}");
    }
    assert_eq!(store.counts(TenantId(1)).await?.stored, 5);
    store.commit(TickCommit { mark: JournalMark { segment: 2, offset: 0 }, sources: vec![] }).await?;
    assert_eq!(store.mark().await?, JournalMark { segment: 2, offset: 0 }, "segments count before offsets");
    Ok(())
}

/// The tenant is part of every key.
pub async fn tenants_do_not_see_each_other(store: Store) -> Checked {
    let (one, two) = (source(1, "A"), source(u64::MAX, "A"));
    let sources = vec![part(one, 1, ticks(0, 4)), part(two, 1, ticks(50, 2))];
    store.commit(TickCommit { mark: mark(1), sources }).await?;
    assert_eq!(everything(&store, one).await?, ticks(0, 4));
    assert_eq!(everything(&store, two).await?, ticks(50, 2));
    assert_eq!(store.counts(TenantId(1)).await?.stored, 4);
    assert_eq!(store.counts(TenantId(u64::MAX)).await?.stored, 2);
    assert_eq!(store.counts(TenantId(3)).await?, TickCounts::default());
    Ok(())
}

/// Counts grow over commits, also of a source without ticks.
pub async fn refusals_and_duplicates_add_up(store: Store) -> Checked {
    for offset in 1..=2 {
        let mut refused = part(source(1, "A"), 1, vec![]);
        refused.rejected = vec![(TickReject::Crossed, 2), (TickReject::BadPrice, 1)];
        refused.duplicates = 5;
        store.commit(commit(offset, refused)).await?;
    }
    let counts = store.counts(TenantId(1)).await?;
    assert_eq!((counts.stored, counts.duplicates), (0, 10));
    assert_eq!(counts.rejected, [(TickReject::BadPrice, 2), (TickReject::Crossed, 4)].into());
    Ok(())
}

/// One bad part refuses the whole commit.
pub async fn a_bad_commit_leaves_nothing_behind(store: Store) -> Checked {
    let good = part(source(1, "A"), 1, ticks(0, 3));
    let uncovered = {
        let mut part = part(source(1, "B"), 1, ticks(0, 3));
        part.runs = vec![SeqRun { epoch: Epoch(1), first_seq: 1, count: 2 }];
        part
    };
    let mut alien = part(source(1, "B"), 1, ticks(0, 3));
    alien.gaps.push(Gap { source: source(2, "B"), from: MONDAY, to: MONDAY, kind: GapKind::Silence });
    for bad in [uncovered, alien] {
        let sources = vec![good.clone(), bad];
        let refused = store.commit(TickCommit { mark: mark(4), sources }).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(store.mark().await?, JournalMark::START);
    assert_eq!(everything(&store, source(1, "A")).await?, []);
    Ok(())
}

/// `from <= time < to`, the first `limit`.
pub async fn ranges_are_half_open_and_bounded(store: Store) -> Checked {
    let a = source(1, "A");
    let all = ticks(0, 40);
    store.commit(commit(1, part(a, 1, all[..17].to_vec()))).await?;
    store.commit(commit(2, part(a, 18, all[17..].to_vec()))).await?;
    let at = |i: i64| MarketTime(MONDAY.0 + i * 250);
    assert_eq!(store.range(a, at(10), at(30), 100).await?, all[10..30]);
    assert_eq!(store.range(a, at(10), at(30), 12).await?, all[10..22]);
    assert_eq!(store.range(a, ALWAYS.0, ALWAYS.1, usize::MAX).await?, all);
    for (from, to, limit) in [(at(5), at(5), 9), (at(9), at(5), 9), (at(5), at(9), 0), (at(40), ALWAYS.1, 9)] {
        assert_eq!(store.range(a, from, to, limit).await?, [], "{from} {to} {limit}");
    }
    Ok(())
}

fn bar(timeframe: Timeframe, minute: i64, close: i64) -> Bar {
    let price = Price::from_raw(13_000_000_000);
    Bar {
        timeframe,
        start: MarketTime(MONDAY.0 + minute * 60_000),
        open: price,
        high: Price::from_raw(13_100_000_000),
        low: price,
        close: Price::from_raw(close),
        ticks: 17,
        spread_min: Price::from_raw(1_500_000),
    }
}

/// Bars come back by timeframe and time; a bar that is told again replaces the older one.
pub async fn bars_are_kept_by_timeframe(store: Store) -> Checked {
    let a = source(1, "A");
    let minutes: Vec<_> = (0..10).map(|minute| bar(Timeframe::M1, minute, 5)).collect();
    let mut first = part(a, 1, vec![]);
    first.bars.clone_from(&minutes);
    first.bars.push(bar(Timeframe::M5, 0, 6));
    store.commit(commit(1, first)).await?;
    let mut second = part(a, 1, vec![]);
    second.bars = vec![bar(Timeframe::M1, 9, 7)];
    store.commit(commit(2, second)).await?;
    let (from, to) = (minutes[2].start, minutes[5].start);
    assert_eq!(store.bars(a, Timeframe::M1, from, to, 100).await?, minutes[2..5]);
    assert_eq!(store.bars(a, Timeframe::M1, from, to, 2).await?, minutes[2..4]);
    assert_eq!(store.bars(a, Timeframe::M1, to, from, 2).await?, []);
    assert_eq!(store.bars(a, Timeframe::M5, ALWAYS.0, ALWAYS.1, 9).await?, [bar(Timeframe::M5, 0, 6)]);
    assert_eq!(store.latest_bars(a, Timeframe::M1, 2).await?, [minutes[8], bar(Timeframe::M1, 9, 7)]);
    assert_eq!(store.latest_bars(a, Timeframe::H1, 2).await?, []);
    assert_eq!(store.latest_bars(source(2, "A"), Timeframe::M1, 2).await?, []);
    Ok(())
}

/// A hole that is told twice is one hole.
pub async fn gaps_are_kept_once(store: Store) -> Checked {
    let a = source(1, "A");
    let gap =
        |ms: i64, kind| Gap { source: a, from: MarketTime(MONDAY.0 + ms), to: MarketTime(MONDAY.0 + ms + 9), kind };
    let (early, late) = (gap(0, GapKind::Discontinuity), gap(100, GapKind::Silence));
    for (offset, gaps) in [(1, vec![late]), (2, vec![late, early])] {
        let mut with_gaps = part(a, 1, vec![]);
        with_gaps.gaps = gaps;
        store.commit(commit(offset, with_gaps)).await?;
    }
    let found: Vec<Gap> = store.gaps(a).await?.iter().map(|record| record.gap).collect();
    assert_eq!(found, [early, late]);
    Ok(())
}

/// Whatever the columns look like: prices beyond the digits, no quote, last, volume, flags, extremes.
pub async fn every_field_of_a_tick_survives(store: Store) -> Checked {
    let plain = tick(0, 0);
    let odd = vec![
        plain,
        Tick { bid: Price::ZERO, ask: Price::ZERO, ..plain },
        Tick { bid: Price::from_raw(13_000_000_001), ..plain },
        Tick { last: Price::from_raw(7), volume: Volume::from_raw(1), flags: TickFlags::from_bits(0x7e), ..plain },
        Tick { bid: Price::from_raw(1), ask: Price::from_raw(i64::MAX), ..plain },
        Tick { time: MarketTime(plain.time.0 + 1), flags: TickFlags::default(), ..plain },
    ];
    let a = source(1, "A");
    store.commit(commit(1, part(a, 1, odd.clone()))).await?;
    assert_eq!(everything(&store, a).await?, odd);
    let coarse = ticks(1_000, 3);
    let mut rounded = part(a, 7, coarse.clone());
    rounded.digits = 0;
    store.commit(commit(2, rounded)).await?;
    assert_eq!(everything(&store, a).await?, [odd, coarse].concat(), "digits are a hint, never a rounding");
    Ok(())
}

/// However finely a stream is cut, the history is the same, and so are the counts.
pub async fn a_day_in_many_commits_is_one_history(store: Store) -> Checked {
    let a = source(1, "A");
    let all = ticks(DAY_MS - 60_000, 480);
    for (i, chunk) in (0_u64..).zip(all.chunks(5)) {
        let mut piece = part(a, i * 5 + 1, chunk.to_vec());
        piece.cursor = Cursor { epoch: Epoch(i / 50 + 1), ..piece.cursor };
        store.commit(commit(i + 1, piece)).await?;
    }
    assert_eq!(everything(&store, a).await?, all);
    let counts = store.counts(TenantId(1)).await?;
    assert_eq!(counts.stored, 480);
    assert!(counts.files <= 64, "{} files for two days of one symbol", counts.files);
    Ok(())
}
