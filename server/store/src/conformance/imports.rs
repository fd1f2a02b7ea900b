//! What every [`TickStore`] promises about imports.

use super::sample::{commit, mark, part, source, tick, ticks};
use crate::{ImportCommit, ImportKey, ImportProgress, JournalMark, StoreError, TickStore};
use aitrading_model::{Cursor, Epoch, MarketTime, OpenBars, Source, TenantId, Tick, Timeframe};
use std::sync::Arc;

type Store = Arc<dyn TickStore>;
type Checked = Result<(), StoreError>;

const KEY: ImportKey = ImportKey([7; 32]);
const DAY_MS: i64 = 86_400_000;

fn piece(source: Source, part: u64, ticks: Vec<Tick>) -> ImportCommit {
    ImportCommit { key: KEY, part, source, digits: 3, ticks, bars: Vec::new(), last: false }
}

async fn everything(store: &Store, source: Source) -> Result<Vec<Tick>, StoreError> {
    let mut all = Vec::new();
    store.scan(source, &mut |batch| all.extend_from_slice(batch)).await?;
    Ok(all)
}

async fn cursor_of(store: &Store, source: Source) -> Result<Cursor, StoreError> {
    let cursors = store.cursors().await?;
    Ok(cursors.into_iter().find(|(known, _)| *known == source).map(|(_, cursor)| cursor).unwrap_or_default())
}

/// Parts over midnight come back in order, with their bars, cursor and progress; the journal's mark does not move.
pub async fn an_import_is_read_back_and_leaves_the_mark_alone(store: Store) -> Checked {
    let a = source(1, "EURUSD.pro/x");
    let all = ticks(DAY_MS - 60_000, 400);
    assert_eq!(store.imported(TenantId(1), KEY).await?, None);
    let (mut open, mut told) = (OpenBars::default(), Vec::new());
    for (part, chunk) in (0_u64..).zip(all.chunks(90)) {
        let mut bars = Vec::new();
        chunk.iter().for_each(|tick| open.push(tick, &mut bars));
        told.extend_from_slice(&bars);
        store.import(ImportCommit { bars, last: chunk.len() < 90, ..piece(a, part, chunk.to_vec()) }).await?;
    }
    assert_eq!(everything(&store, a).await?, all);
    assert_eq!(store.mark().await?, JournalMark::START);
    let progress = store.imported(TenantId(1), KEY).await?;
    let expected = ImportProgress { source: a, parts: 5, ticks: 400, bars: told.len() as u64, done: true };
    assert_eq!(progress, Some(expected));
    let always = (MarketTime(i64::MIN), MarketTime(i64::MAX));
    let minutes = store.bars(a, Timeframe::M1, always.0, always.1, 99).await?;
    told.retain(|bar| bar.timeframe == Timeframe::M1);
    assert_eq!((minutes.len(), minutes), (1, told), "the sample is longer than a minute");
    let counts = store.counts(TenantId(1)).await?;
    assert_eq!((counts.stored, counts.imported, counts.duplicates), (400, 400, 0));
    let last = all[399].time;
    assert_eq!(cursor_of(&store, a).await?, Cursor { time: last, count_at_time: 1, ..Cursor::default() });
    Ok(())
}

/// A part that is there, or one behind the last, adds nothing; a part too far ahead is refused.
pub async fn a_part_is_imported_once(store: Store) -> Checked {
    let a = source(1, "A");
    store.import(piece(a, 0, ticks(0, 5))).await?;
    let again = store.import(piece(a, 0, ticks(0, 5))).await;
    assert!(matches!(again, Err(StoreError::AlreadyImported { parts: 1 })), "{again:?}");
    let ahead = store.import(piece(a, 2, ticks(9_000, 5))).await;
    assert!(matches!(ahead, Err(StoreError::Invalid { .. })), "{ahead:?}");
    store.import(ImportCommit { last: true, ..piece(a, 1, ticks(9_000, 2)) }).await?;
    for part in [0, 1, 2] {
        let over = store.import(piece(a, part, ticks(20_000, 5))).await;
        assert!(matches!(over, Err(StoreError::AlreadyImported { parts: 2 })), "{over:?}");
    }
    assert_eq!(everything(&store, a).await?, [ticks(0, 5), ticks(9_000, 2)].concat());
    assert_eq!(store.counts(TenantId(1)).await?.stored, 7);
    Ok(())
}

/// Behind what a terminal streamed, also within its last millisecond; the client's epoch and number stay.
pub async fn an_import_continues_a_live_history(store: Store) -> Checked {
    let a = source(1, "A");
    let live = ticks(0, 8);
    store.commit(commit(5, part(a, 1, live.clone()))).await?;
    let same = Tick { ask: live[0].ask, bid: live[0].bid, ..live[7] };
    let more = vec![same, tick(50_000, 3), tick(50_000, 4), tick(50_000, 5)];
    store.import(piece(a, 0, more[..1].to_vec())).await?;
    let cursor = cursor_of(&store, a).await?;
    assert_eq!((cursor.epoch, cursor.seq, cursor.time, cursor.count_at_time), (Epoch(1), 8, live[7].time, 2));
    store.import(ImportCommit { last: true, ..piece(a, 1, more[1..].to_vec()) }).await?;
    let cursor = cursor_of(&store, a).await?;
    assert_eq!((cursor.epoch, cursor.seq, cursor.time, cursor.count_at_time), (Epoch(1), 8, more[3].time, 3));
    assert_eq!(everything(&store, a).await?, [live, more].concat());
    assert_eq!(store.mark().await?, mark(5));
    Ok(())
}

/// Nothing comes before what is stored.
pub async fn an_import_never_goes_back_in_time(store: Store) -> Checked {
    let a = source(1, "A");
    let live = ticks(10_000, 8);
    store.commit(commit(5, part(a, 1, live.clone()))).await?;
    let early = store.import(piece(a, 0, ticks(0, 1))).await;
    assert!(matches!(early, Err(StoreError::Conflict { .. })), "{early:?}");
    assert_eq!(everything(&store, a).await?, live);
    assert_eq!(store.imported(TenantId(1), KEY).await?, None);
    Ok(())
}

/// One bad tick refuses the whole part.
pub async fn a_bad_part_leaves_nothing_behind(store: Store) -> Checked {
    let a = source(1, "A");
    let mut unsorted = ticks(0, 5);
    unsorted.swap(1, 3);
    let bad = [piece(a, 0, unsorted), ImportCommit { digits: 9, ..piece(a, 0, ticks(0, 5)) }];
    for bad in bad {
        let refused = store.import(bad).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(everything(&store, a).await?, []);
    assert_eq!(store.imported(TenantId(1), KEY).await?, None);
    Ok(())
}

/// Tenant and key name an import, and it belongs to one source.
pub async fn imports_are_kept_apart(store: Store) -> Checked {
    let (one, two, other) = (source(1, "A"), source(u64::MAX, "A"), source(1, "B"));
    store.import(ImportCommit { last: true, ..piece(one, 0, ticks(0, 4)) }).await?;
    store.import(piece(two, 0, ticks(0, 2))).await?;
    let elsewhere = store.import(piece(other, 0, ticks(0, 2))).await;
    assert!(matches!(elsewhere, Err(StoreError::Conflict { .. })), "{elsewhere:?}");
    store.import(ImportCommit { key: ImportKey([8; 32]), ..piece(other, 0, ticks(0, 3)) }).await?;
    let seen = async |tenant, key| {
        Ok(store.imported(TenantId(tenant), ImportKey([key; 32])).await?.map(|p| (p.ticks, p.done)))
    };
    let seen: [Result<_, StoreError>; 4] =
        [seen(1, 7).await, seen(u64::MAX, 7).await, seen(1, 8).await, seen(2, 7).await];
    let seen = seen.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(seen, [Some((4, true)), Some((2, false)), Some((3, false)), None]);
    Ok(())
}

/// The journal's commits and imports of other sources do not disturb each other.
pub async fn a_journal_goes_on_after_an_import(store: Store) -> Checked {
    let (live, file) = (source(1, "A"), source(1, "B"));
    store.commit(commit(5, part(live, 1, ticks(0, 8)))).await?;
    store.import(piece(file, 0, ticks(0, 3))).await?;
    let old = store.commit(commit(5, part(live, 9, ticks(9_000, 8)))).await;
    assert!(matches!(old, Err(StoreError::AlreadyDone { stored }) if stored == mark(5)), "{old:?}");
    store.commit(commit(6, part(live, 9, ticks(9_000, 8)))).await?;
    store.import(piece(file, 1, ticks(9_000, 3))).await?;
    assert_eq!(store.mark().await?, mark(6));
    let counts = store.counts(TenantId(1)).await?;
    assert_eq!((counts.stored, counts.imported), (22, 6));
    assert_eq!(everything(&store, live).await?, [ticks(0, 8), ticks(9_000, 8)].concat());
    assert_eq!(everything(&store, file).await?, [ticks(0, 3), ticks(9_000, 3)].concat());
    Ok(())
}
