//! What every [`LockoutStore`] promises.

use super::race::{Racer, check_refused, check_stale, join_all};
use crate::{Lockout, LockoutKey, LockoutStore, PAGE_MAX, StoreError, Version, Versioned};
use aitrading_model::{TenantId, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn LockoutStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn lockout(tenant: u64, n: u8, until: i64) -> Lockout {
    Lockout {
        tenant: TenantId(tenant),
        key: LockoutKey([n; 32]),
        state: vec![n],
        until: Timestamp(until),
        changed_at: Timestamp(5),
    }
}

fn at(value: Lockout, version: u64) -> Versioned<Lockout> {
    Versioned { value, version: Version(version) }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    assert_eq!(store.get(ONE, LockoutKey([1; 32])).await?, None);
    assert_eq!(store.locked(ONE, Timestamp(i64::MIN), None, 9).await?, []);
    assert_eq!(store.prune(ONE, Timestamp(i64::MAX), 9).await?, 0);
    Ok(())
}

/// Every field comes back: a state of every byte, extremes.
pub async fn every_field_of_a_lockout_survives(store: Store) -> Checked {
    let key = LockoutKey([0xff; 32]);
    let full = Lockout {
        tenant: TenantId(u64::MAX),
        key,
        state: (0..=u8::MAX).cycle().take(Lockout::STATE_MAX).collect(),
        until: Timestamp(i64::MAX),
        changed_at: Timestamp(i64::MIN),
    };
    assert_eq!(store.put(full.clone(), Version::NONE).await?, Version(1));
    assert_eq!(store.get(full.tenant, key).await?, Some(at(full.clone(), 1)));
    assert_eq!(store.get(ONE, key).await?, None);
    let free = Lockout { state: Vec::new(), until: Timestamp(i64::MIN), changed_at: Timestamp(i64::MAX), ..full };
    assert_eq!(store.put(free.clone(), Version(1)).await?, Version(2));
    assert_eq!(store.get(free.tenant, key).await?, Some(at(free, 2)));
    Ok(())
}

/// Failures that come at once are all counted: who is late is refused, reads again, and adds his own.
pub async fn t25_raced_failures_are_all_counted(store: Store) -> Checked {
    let key = LockoutKey([1; 32]);
    check_stale(store.put(lockout(1, 1, 0), Version(1)).await, 0);
    let racers = (0_u8..24).map(|_| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Checked> = Box::pin(async move {
            loop {
                let stands = store.get(ONE, key).await?;
                let count = stands.as_ref().map_or(0, |stands| stands.value.state[0]);
                let next = Lockout { state: vec![count + 1], ..lockout(1, 1, i64::from(count)) };
                match store.put(next, stands.map_or(Version::NONE, |stands| stands.version)).await {
                    Ok(_) => return Ok(()),
                    Err(StoreError::Stale { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
        });
        racer
    });
    join_all(racers).await.into_iter().collect::<Checked>()?;
    let counted = Lockout { state: vec![24], ..lockout(1, 1, 23) };
    assert_eq!(store.get(ONE, key).await?, Some(at(counted, 24)));
    for late in [0, 23, 25, u64::MAX] {
        check_stale(store.put(lockout(1, 1, 0), Version(late)).await, 24);
    }
    Ok(())
}

/// Who is locked is found page by page, by key; the moment of the end is not locked any more.
pub async fn t25_the_locked_are_listed(store: Store) -> Checked {
    for n in [200, 1, 0, 127, 255, 128] {
        store.put(lockout(1, n, 100), Version::NONE).await?;
        store.put(lockout(1, n ^ 2, 99), Version::NONE).await?;
        store.put(lockout(11, n, 500), Version::NONE).await?;
    }
    for size in [1, 4, 6, PAGE_MAX] {
        let mut seen: Vec<LockoutKey> = Vec::new();
        loop {
            let page = store.locked(ONE, Timestamp(99), seen.last().copied(), size).await?;
            assert!(page.len() <= size && page.iter().all(|one| one.version == Version(1)));
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|one| one.value.key));
        }
        assert_eq!(seen, [0, 1, 127, 128, 200, 255].map(|n| LockoutKey([n; 32])), "pages of {size}");
    }
    assert_eq!(store.locked(ONE, Timestamp(100), None, 9).await?, []);
    assert_eq!(store.locked(ONE, Timestamp(98), None, 99).await?.len(), 12);
    Ok(())
}

/// What neither locks nor counts any more is forgotten in steps.
pub async fn old_lockouts_are_forgotten(store: Store) -> Checked {
    for n in 0..5 {
        store.put(lockout(1, n, 0), Version::NONE).await?;
        store.put(lockout(2, n, 0), Version::NONE).await?;
    }
    store.put(lockout(1, 8, 9), Version::NONE).await?;
    store.put(Lockout { changed_at: Timestamp(9), ..lockout(1, 9, 0) }, Version::NONE).await?;
    assert_eq!(store.prune(ONE, Timestamp(5), 9).await?, 0);
    for told in [3, 2, 0] {
        assert_eq!(store.prune(ONE, Timestamp(9), 3).await?, told);
    }
    for (tenant, n, there) in [(1, 0, false), (1, 8, true), (1, 9, true), (2, 0, true)] {
        assert_eq!(store.get(TenantId(tenant), LockoutKey([n; 32])).await?.is_some(), there, "{n} of {tenant}");
    }
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let long = Lockout { state: vec![0; Lockout::STATE_MAX + 1], ..lockout(1, 1, 9) };
    check_refused(store.put(long, Version::NONE).await);
    assert_eq!(store.get(ONE, LockoutKey([1; 32])).await?, None);
    for n in [0, PAGE_MAX + 1] {
        check_refused(store.locked(ONE, Timestamp(0), None, n).await);
        check_refused(store.prune(ONE, Timestamp(0), n).await);
    }
    Ok(())
}
