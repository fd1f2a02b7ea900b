//! What every [`SequenceStore`] promises.

use super::race::{Racer, check_refused, join_all};
use crate::{LAST_NUMBER, NUMBERS_MAX, SequenceName, SequenceStore, StoreError};
use aitrading_model::TenantId;
use std::{collections::BTreeSet, sync::Arc};

type Store = Arc<dyn SequenceStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

/// Numbers begin with 1 and go on behind what was taken, however many at once.
pub async fn numbers_follow_each_other(store: Store) -> Checked {
    let name = SequenceName::new("orders.a-1_b")?;
    assert_eq!(store.last(ONE, &name).await?, 0);
    for (n, first, last) in [(1, 1, 1), (1, 2, 2), (NUMBERS_MAX, 3, 1_000_002), (5, 1_000_003, 1_000_007)] {
        assert_eq!(store.next(ONE, &name, n).await?, first);
        assert_eq!(store.last(ONE, &name).await?, last);
    }
    Ok(())
}

/// Of many who take numbers at once, no two get the same, and none is left out.
pub async fn raced_numbers_are_given_once(store: Store) -> Checked {
    let name = SequenceName::new("raced")?;
    let racers = (0_u32..24).map(|n| {
        let (store, name) = (Arc::clone(&store), name.clone());
        let racer: Racer<'_, Result<Vec<u64>, StoreError>> = Box::pin(async move {
            let mut own = Vec::new();
            for _ in 0..4 {
                let first = store.next(ONE, &name, n % 3 + 1).await?;
                own.extend(first..first + u64::from(n % 3 + 1));
            }
            Ok(own)
        });
        racer
    });
    let mut seen = BTreeSet::new();
    for own in join_all(racers).await {
        for number in own? {
            assert!(seen.insert(number), "{number} was given twice");
        }
    }
    assert_eq!(seen, (1..=8 * 4 * (1 + 2 + 3)).collect());
    Ok(())
}

/// Tenants and names count for themselves.
pub async fn sequences_do_not_mix(store: Store) -> Checked {
    let names = [SequenceName::new("a")?, SequenceName::new("a.a")?, SequenceName::new("1a")?];
    for tenant in [1, 11, u64::MAX] {
        for name in &names {
            assert_eq!(store.next(TenantId(tenant), name, 2).await?, 1, "{name:?} of tenant {tenant}");
        }
    }
    assert_eq!(store.next(ONE, &names[0], 1).await?, 3);
    assert_eq!(store.last(TenantId(11), &names[0]).await?, 2);
    assert_eq!(store.last(TenantId(2), &names[0]).await?, 0);
    Ok(())
}

/// What was given in another store is not given again; a sequence never goes back.
pub async fn numbers_can_be_skipped(store: Store) -> Checked {
    let name = SequenceName::new("skipped")?;
    for (skip, last) in [(100, 100), (50, 100), (0, 100), (101, 101)] {
        store.skip_to(ONE, &name, skip).await?;
        assert_eq!(store.last(ONE, &name).await?, last);
    }
    assert_eq!(store.next(ONE, &name, 1).await?, 102);
    Ok(())
}

/// A sequence ends with its last number; how many are taken at once is bounded.
pub async fn limits_are_kept(store: Store) -> Checked {
    let name = SequenceName::new("ending")?;
    for n in [0, NUMBERS_MAX + 1, u32::MAX] {
        check_refused(store.next(ONE, &name, n).await);
    }
    assert_eq!(store.last(ONE, &name).await?, 0);
    check_refused(store.skip_to(ONE, &name, LAST_NUMBER + 1).await);
    store.skip_to(ONE, &name, LAST_NUMBER - 2).await?;
    let beyond = store.next(ONE, &name, 3).await;
    assert!(matches!(beyond, Err(StoreError::UsedUp)), "{beyond:?}");
    assert_eq!(store.next(ONE, &name, 2).await?, LAST_NUMBER - 1);
    let ended = store.next(ONE, &name, 1).await;
    assert!(matches!(ended, Err(StoreError::UsedUp)), "{ended:?}");
    assert_eq!(store.last(ONE, &name).await?, LAST_NUMBER);
    for bad in ["", "A", "a b", "a'b", "é", &"a".repeat(SequenceName::BYTES_MAX + 1)] {
        check_refused(SequenceName::new(bad));
    }
    Ok(())
}
