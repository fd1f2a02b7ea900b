//! What every [`RevocationStore`] promises.

use super::race::{Racer, check_conflict, check_refused, join_all};
use crate::{PAGE_MAX, Place, Placed, Revocation, RevocationKind, RevocationStore, StoreError};
use aitrading_model::{TenantId, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

type Store = Arc<dyn RevocationStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn revocation(tenant: u64, n: u8, not_before: i64) -> Revocation {
    Revocation {
        tenant: TenantId(tenant),
        kind: RevocationKind::User,
        subject: vec![n; 16],
        not_before: Timestamp(not_before),
        at: Timestamp(7),
        reason: "password.changed".to_owned(),
        by: "anna".to_owned(),
    }
}

/// All revocations of a tenant, in pages of `size`.
async fn read(store: &Store, tenant: TenantId, size: usize) -> Result<Vec<Placed<Revocation>>, StoreError> {
    let mut all: Vec<Placed<Revocation>> = Vec::new();
    loop {
        let after = all.last().map_or(Place::START, |last| last.place);
        let page = store.since(tenant, after, size).await?;
        assert!(page.len() <= size, "a page of {size}");
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    assert_eq!(store.get(ONE, RevocationKind::User, &[1]).await?, None);
    assert_eq!(store.since(ONE, Place::START, 9).await?, []);
    assert_eq!(store.prune(ONE, Timestamp(i64::MAX), 9).await?, 0);
    Ok(())
}

/// Every field comes back; kinds, subjects and tenants do not mix.
pub async fn every_field_of_a_revocation_survives(store: Store) -> Checked {
    let mut made = Vec::new();
    for (n, kind) in (0_i64..).zip(RevocationKind::ALL) {
        for subject in [vec![0xff], vec![0xff; 2], (1..=32).collect::<Vec<u8>>()] {
            let full = Revocation {
                kind: *kind,
                subject,
                not_before: Timestamp(i64::MAX - n),
                at: Timestamp(i64::MIN + n),
                reason: "r".repeat(Revocation::REASON_MAX),
                by: format!("a \"b\" ' \\ é 🦀\r\n {n}"),
                ..revocation(u64::MAX, 0, 0)
            };
            store.revoke(full.clone()).await?;
            made.push(full);
        }
    }
    for full in &made {
        assert_eq!(store.get(full.tenant, full.kind, &full.subject).await?.as_ref(), Some(full));
        assert_eq!(store.get(ONE, full.kind, &full.subject).await?, None);
    }
    let all = read(&store, TenantId(u64::MAX), 5).await?;
    assert_eq!(all.into_iter().map(|placed| placed.value).collect::<Vec<_>>(), made, "in the order of their places");
    Ok(())
}

/// The later moment stands, whichever comes first; what changes nothing takes no place.
pub async fn t24_a_revocation_never_goes_back(store: Store) -> Checked {
    let by = |by: &str, not_before| Revocation { by: by.to_owned(), ..revocation(1, 1, not_before) };
    store.revoke(by("first", 100)).await?;
    let first = store.since(ONE, Place::START, 9).await?;
    assert_eq!(first.iter().map(|placed| &placed.value).collect::<Vec<_>>(), [&by("first", 100)]);
    for earlier in [by("first", 100), by("again", 100), by("earlier", 99), by("earliest", i64::MIN)] {
        store.revoke(earlier).await?;
        assert_eq!(store.since(ONE, Place::START, 9).await?, first);
    }
    store.revoke(by("later", 101)).await?;
    assert_eq!(store.get(ONE, RevocationKind::User, &[1; 16]).await?, Some(by("later", 101)));
    let later = store.since(ONE, first[0].place, 9).await?;
    assert_eq!(later.iter().map(|placed| &placed.value).collect::<Vec<_>>(), [&by("later", 101)]);
    assert_eq!(read(&store, ONE, 9).await?, later, "it has left its place");
    Ok(())
}

/// Of moments that are told at once the latest stands.
pub async fn t24_of_raced_moments_the_latest_stands(store: Store) -> Checked {
    let racers = (0_i64..24).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Checked> = Box::pin(async move { store.revoke(revocation(1, 1, n * 7 % 24)).await });
        racer
    });
    join_all(racers).await.into_iter().collect::<Checked>()?;
    let stands = store.get(ONE, RevocationKind::User, &[1; 16]).await?;
    assert_eq!(stands.map(|stands| stands.not_before), Some(Timestamp(23)));
    Ok(())
}

/// Who asks for what is new misses nothing, in whatever order writers come to their end: what one sees is all that there will
/// ever be up to the last place of it.
pub async fn t24_who_asks_for_what_is_new_misses_nothing(store: Store) -> Checked {
    nothing_is_missed([Arc::clone(&store), store]).await
}

/// The same of two instances over one database.
pub async fn nothing_is_missed(stores: [Store; 2]) -> Checked {
    let racers = (0_u8..24).map(|n| {
        let store = Arc::clone(&stores[usize::from(n % 2)]);
        let racer: Racer<'_, Result<Vec<Placed<Revocation>>, StoreError>> = Box::pin(async move {
            store.revoke(revocation(1, n, 1)).await?;
            let seen = store.since(ONE, Place::START, PAGE_MAX).await?;
            assert!(seen.iter().any(|placed| placed.value.subject == [n; 16]), "what was acknowledged is seen");
            Ok(seen)
        });
        racer
    });
    let looks = join_all(racers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let all = read(&stores[0], ONE, 5).await?;
    assert_eq!(all.len(), 24);
    for look in looks {
        let last = look.last().map_or(Place::START, |last| last.place);
        let up_to: Vec<_> = all.iter().filter(|placed| placed.place <= last).cloned().collect();
        assert_eq!(look, up_to, "something came at or before a place that was seen");
    }
    let places: BTreeMap<Place, &Revocation> = all.iter().map(|placed| (placed.place, &placed.value)).collect();
    assert_eq!(places.len(), 24, "two at one place");
    Ok(())
}

/// What is moot is forgotten in steps, and no place is given again; a place that was never given is refused.
pub async fn old_revocations_are_forgotten(store: Store) -> Checked {
    for n in 0..5 {
        store.revoke(revocation(1, n, i64::from(n))).await?;
        store.revoke(revocation(2, n, 0)).await?;
    }
    let last = read(&store, ONE, 9).await?[4].place;
    assert_eq!(store.prune(ONE, Timestamp(0), 9).await?, 0);
    assert_eq!(store.prune(ONE, Timestamp(4), 9).await?, 4);
    for told in [1, 0] {
        assert_eq!(store.prune(ONE, Timestamp(i64::MAX), 1).await?, told);
    }
    assert_eq!(store.since(ONE, Place::START, 9).await?, []);
    assert_eq!(store.since(ONE, last, 9).await?, []);
    assert_eq!(read(&store, TenantId(2), 9).await?.len(), 5);
    check_conflict(store.since(ONE, last.next(), 9).await);
    check_conflict(store.since(ONE, Place(u64::MAX), 9).await);
    check_conflict(store.since(TenantId(3), Place(1), 9).await);
    store.revoke(revocation(1, 1, 0)).await?;
    let new = store.since(ONE, last, 9).await?;
    assert_eq!(new.len(), 1, "what is new lies behind all that was");
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = revocation(1, 1, 1);
    let bad = [
        Revocation { subject: Vec::new(), ..good.clone() },
        Revocation { subject: vec![0; Revocation::SUBJECT_MAX + 1], ..good.clone() },
        Revocation { reason: String::new(), ..good.clone() },
        Revocation { reason: "No".to_owned(), ..good.clone() },
        Revocation { reason: "r".repeat(Revocation::REASON_MAX + 1), ..good.clone() },
        Revocation { by: "b".repeat(Revocation::BY_MAX + 1), ..good.clone() },
        Revocation { by: "a\0b".to_owned(), ..good },
    ];
    for bad in bad {
        check_refused(store.revoke(bad).await);
    }
    assert_eq!(store.since(ONE, Place::START, 9).await?, []);
    for n in [0, PAGE_MAX + 1] {
        check_refused(store.since(ONE, Place::START, n).await);
        check_refused(store.prune(ONE, Timestamp(0), n).await);
    }
    Ok(())
}
