//! What every [`RiskStore`] promises.

use super::{
    race::{Racer, check_refused, check_stale, one_wins},
    sample::symbol,
};
use crate::{PAGE_MAX, RiskPart, RiskRecord, RiskScope, RiskStore, StoreError, Version, Versioned};
use aitrading_model::{AccountId, StrategyId, TenantId, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn RiskStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn record(tenant: u64, scope: RiskScope, part: RiskPart, body: &[u8]) -> RiskRecord {
    let (tenant, body) = (TenantId(tenant), body.to_vec());
    RiskRecord { tenant, scope, part, body, by: "anna \"é\" '".to_owned(), at: Timestamp(i64::MAX) }
}

fn scopes() -> [RiskScope; 9] {
    [
        RiskScope::Tenant,
        RiskScope::Account(AccountId(u64::MAX)),
        RiskScope::Account(AccountId(1 << 63)),
        RiskScope::Account(AccountId(7)),
        RiskScope::Account(AccountId(30)),
        RiskScope::Strategy(StrategyId(7)),
        RiskScope::Strategy(StrategyId(u32::MAX)),
        RiskScope::Symbol(symbol("EURUSD")),
        RiskScope::Symbol(symbol("a \" , b")),
    ]
}

/// Each scope has two documents of its own, read back as they were last written.
pub async fn scopes_and_parts_are_apart(store: Store) -> Checked {
    let largest: Vec<u8> = (0..=u8::MAX).cycle().take(RiskRecord::BODY_MAX).collect();
    for (n, scope) in (0_u8..).zip(scopes()) {
        for part in RiskPart::ALL {
            assert_eq!(store.get(ONE, scope, *part).await?, None);
            store.put(record(1, scope, *part, &[n, *part as u8]), Version::NONE).await?;
        }
    }
    let state = record(1, RiskScope::Tenant, RiskPart::State, &largest);
    assert_eq!(store.put(state, Version(1)).await?, Version(2));
    for (n, scope) in (0_u8..).zip(scopes()) {
        let limits = record(1, scope, RiskPart::Limits, &[n, 0]);
        assert_eq!(
            store.get(ONE, scope, RiskPart::Limits).await?,
            Some(Versioned { value: limits, version: Version(1) })
        );
        let stored = store.get(ONE, scope, RiskPart::State).await?.map(|stored| (stored.value.body, stored.version));
        let expected = if n == 0 { (largest.clone(), Version(2)) } else { (vec![n, 1], Version(1)) };
        assert_eq!(stored, Some(expected));
    }
    Ok(())
}

/// Every version of limits is kept, because denials name it.
pub async fn limits_keep_their_history(store: Store) -> Checked {
    let scope = RiskScope::Account(AccountId(u64::MAX));
    let versions: Vec<RiskRecord> = (0..5).map(|n| record(1, scope, RiskPart::Limits, &[n])).collect();
    for (n, limits) in (0..).zip(&versions) {
        assert_eq!(store.put(limits.clone(), Version(n)).await?, Version(n + 1));
    }
    for (n, limits) in (1..).zip(&versions) {
        assert_eq!(store.limits_at(ONE, scope, Version(n)).await?.as_ref(), Some(limits));
    }
    for none in [0, 6, u64::MAX] {
        assert_eq!(store.limits_at(ONE, scope, Version(none)).await?, None);
    }
    assert_eq!(store.limits_at(TenantId(11), scope, Version(1)).await?, None);
    assert_eq!(store.limits_at(ONE, RiskScope::Tenant, Version(1)).await?, None);
    Ok(())
}

/// A late writer is refused and changes nothing; of many at once one wins.
pub async fn late_writers_are_refused(store: Store) -> Checked {
    let limits = |n| record(1, RiskScope::Tenant, RiskPart::Limits, &[n]);
    check_stale(store.put(limits(1), Version(1)).await, 0);
    store.put(limits(1), Version::NONE).await?;
    for late in [0, 2] {
        check_stale(store.put(limits(9), Version(late)).await, 1);
    }
    assert_eq!(store.limits_at(ONE, RiskScope::Tenant, Version(1)).await?, Some(limits(1)));
    let writers = (0..12).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> =
            Box::pin(async move { store.put(record(1, RiskScope::Tenant, RiskPart::Limits, &[n]), Version(1)).await });
        racer
    });
    one_wins(writers).await?;
    assert_eq!(store.limits_at(ONE, RiskScope::Tenant, Version(3)).await?, None);
    Ok(())
}

/// Documents come page by page in the order of scopes; tenants and parts do not mix.
pub async fn documents_are_paged_by_scope(store: Store) -> Checked {
    let mut sorted = scopes();
    sorted.sort();
    for scope in scopes() {
        store.put(record(1, scope, RiskPart::Limits, b"l"), Version::NONE).await?;
        store.put(record(11, scope, RiskPart::Limits, b"x"), Version::NONE).await?;
    }
    store.put(record(1, RiskScope::Tenant, RiskPart::State, b"s"), Version::NONE).await?;
    for size in [1, 3, PAGE_MAX] {
        let mut seen: Vec<RiskScope> = Vec::new();
        loop {
            let page = store.of_tenant(ONE, RiskPart::Limits, seen.last().copied(), size).await?;
            assert!(page.iter().all(|stored| stored.value.body == b"l"));
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|stored| stored.value.scope));
        }
        assert_eq!(seen, sorted, "pages of {size}");
    }
    assert_eq!(store.of_tenant(ONE, RiskPart::State, None, 9).await?.len(), 1);
    assert_eq!(store.of_tenant(RiskScope::EVERYBODY, RiskPart::Limits, None, 9).await?, []);
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind; everybody has the global scope alone.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = record(1, RiskScope::Tenant, RiskPart::Limits, b"");
    let large = RiskRecord { body: vec![0; RiskRecord::BODY_MAX + 1], ..good.clone() };
    let long = RiskRecord { by: "b".repeat(RiskRecord::BY_MAX + 1), ..good.clone() };
    let nul = RiskRecord { by: "\0".to_owned(), ..good };
    let global = record(1, RiskScope::Global, RiskPart::Limits, b"");
    let everybody = record(0, RiskScope::Tenant, RiskPart::Limits, b"");
    for bad in [large, long, nul, global, everybody] {
        check_refused(store.put(bad, Version::NONE).await);
    }
    assert_eq!(store.of_tenant(ONE, RiskPart::Limits, None, 9).await?, []);
    store.put(record(0, RiskScope::Global, RiskPart::Limits, b"g"), Version::NONE).await?;
    assert_eq!(store.of_tenant(RiskScope::EVERYBODY, RiskPart::Limits, None, 9).await?.len(), 1);
    check_refused(store.of_tenant(ONE, RiskPart::Limits, None, 0).await);
    check_refused(store.of_tenant(ONE, RiskPart::Limits, None, PAGE_MAX + 1).await);
    Ok(())
}
