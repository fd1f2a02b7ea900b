//! What every [`AuditMirror`] promises.

use super::race::{Racer, check_refused, join_all};
use crate::{AuditMirror, AuditRow, LogLevel, PAGE_MAX, StoreError};
use aitrading_model::{Timestamp, TraceId};
use std::{ops::Range, sync::Arc};

type Store = Arc<dyn AuditMirror>;
type Checked = Result<(), StoreError>;

fn row(index: u64) -> AuditRow {
    let low = index.to_le_bytes()[0];
    AuditRow {
        index,
        hash: [low; 32],
        at: Timestamp(i64::from(low)),
        level: LogLevel::Info,
        event: "signal.issued".to_owned(),
        actor: [1; 16],
        subject: [0; 16],
        trace: TraceId([low % 3; 16]),
        leaf: vec![low; 10],
    }
}

fn rows(range: Range<u64>) -> Vec<AuditRow> {
    range.map(row).collect()
}

async fn check_holds(store: &Store, up_to: u64) -> Checked {
    assert_eq!(store.next_index().await?, up_to);
    assert_eq!(store.rows(0, PAGE_MAX).await?, rows(0..up_to));
    Ok(())
}

fn check_conflict(answer: Result<(), StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
}

/// Leaves follow each other; those that are there already change nothing.
pub async fn leaves_are_appended_once(store: Store) -> Checked {
    check_holds(&store, 0).await?;
    for (range, up_to) in [(0..3, 3), (0..3, 3), (1..5, 5), (5..5, 5), (2..4, 5), (5..6, 6)] {
        store.append(rows(range)).await?;
        check_holds(&store, up_to).await?;
    }
    Ok(())
}

/// A hole, another leaf at a known place, or leaves out of order: refused, all of it.
pub async fn contradictions_are_refused(store: Store) -> Checked {
    check_conflict(store.append(rows(1..2)).await);
    store.append(rows(0..3)).await?;
    check_conflict(store.append(rows(4..6)).await);
    let forged = [
        AuditRow { hash: [9; 32], ..row(2) },
        AuditRow { leaf: b"other".to_vec(), ..row(2) },
        AuditRow { at: Timestamp(-1), ..row(2) },
    ];
    for forged in forged {
        check_conflict(store.append(vec![row(1), forged, row(3)]).await);
    }
    check_refused(store.append(vec![row(3), row(5)]).await);
    check_refused(store.append(vec![row(4), row(3)]).await);
    check_refused(store.append(vec![row(3), row(3)]).await);
    check_holds(&store, 3).await
}

/// Many who append the same stretch at once leave it there once.
pub async fn raced_leaves_are_appended_once(store: Store) -> Checked {
    let racers = (0..12).map(|_| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Checked> = Box::pin(async move { store.append(rows(0..20)).await });
        racer
    });
    join_all(racers).await.into_iter().collect::<Checked>()?;
    check_holds(&store, 20).await
}

/// Leaves come page by page, all of them or those of one trace.
pub async fn leaves_are_paged(store: Store) -> Checked {
    store.append(rows(0..100)).await?;
    assert_eq!(store.rows(98, 9).await?, rows(98..100));
    assert_eq!(store.rows(50, 2).await?, rows(50..52));
    assert_eq!(store.rows(100, 9).await?, []);
    let of_one: Vec<AuditRow> = rows(0..100).into_iter().filter(|row| row.trace == TraceId([1; 16])).collect();
    assert_eq!(store.of_trace(TraceId([1; 16]), 0, PAGE_MAX).await?, of_one);
    let first = of_one[3].index;
    assert_eq!(store.of_trace(TraceId([1; 16]), first, 2).await?, of_one[3..5]);
    assert_eq!(store.of_trace(TraceId([1; 16]), first + 1, 1).await?, of_one[4..5]);
    assert_eq!(store.of_trace(TraceId([3; 16]), 0, 9).await?, []);
    Ok(())
}

/// Every field comes back; the largest are taken, larger ones refused.
pub async fn limits_are_kept(store: Store) -> Checked {
    let full = AuditRow {
        at: Timestamp(i64::MIN),
        level: LogLevel::Critical,
        event: "e-1._".repeat(12) + "wxyz",
        actor: [0xff; 16],
        subject: [0xfe; 16],
        leaf: (0..=u8::MAX).cycle().take(AuditRow::LEAF_MAX).collect(),
        ..row(0)
    };
    let mut bad = vec![AuditRow { leaf: vec![0; AuditRow::LEAF_MAX + 1], ..row(0) }];
    for event in ["", "A", "a b", &"e".repeat(AuditRow::EVENT_MAX + 1)] {
        bad.push(AuditRow { event: event.to_owned(), ..row(0) });
    }
    for bad in bad {
        check_refused(store.append(vec![bad]).await);
    }
    check_refused(store.append(rows(0..AuditRow::AT_ONCE_MAX as u64 + 1)).await);
    check_holds(&store, 0).await?;
    store.append(vec![full.clone()]).await?;
    assert_eq!(store.rows(0, 1).await?, [full]);
    store.append(rows(1..AuditRow::AT_ONCE_MAX as u64 + 1)).await?;
    assert_eq!(store.next_index().await?, AuditRow::AT_ONCE_MAX as u64 + 1);
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.rows(0, limit).await);
        check_refused(store.of_trace(TraceId([0; 16]), 0, limit).await);
    }
    Ok(())
}
