//! What every [`SubscriptionStore`] promises.

use super::{
    race::{Racer, check_conflict, check_refused, join_all},
    sample::symbol,
};
use crate::{
    Entitlement, PAGE_MAX, PaymentState, Place, Placed, StoreError, Stores, Subscription, SubscriptionStatus,
    SubscriptionStore, SymbolScope, UserId,
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use std::sync::Arc;

type Checked = Result<(), StoreError>;

const KEY: (TenantId, AccountId) = (TenantId(1), AccountId(7));

fn subscription(account: u64, symbols: SymbolScope) -> Subscription {
    Subscription {
        tenant: KEY.0,
        account: AccountId(account),
        status: SubscriptionStatus::Active,
        expires_at: Timestamp(99),
        symbols,
        auto_trading: true,
        entitlement: Entitlement::default(),
    }
}

/// All subscriptions of a tenant by place, in pages of `size`.
async fn read(
    store: &dyn SubscriptionStore,
    tenant: TenantId,
    size: usize,
) -> Result<Vec<Placed<Subscription>>, StoreError> {
    let mut all: Vec<Placed<Subscription>> = Vec::new();
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

/// A subscription is read back as it was last written.
pub async fn subscriptions_are_replaced(stores: Stores) -> Checked {
    let store = stores.subscriptions;
    assert_eq!(store.get(KEY.0, KEY.1).await?, None);
    let some = SymbolScope::Only(vec![symbol("GBPJPY"), symbol("a \" , b")]);
    let (seven, eight) = (subscription(7, some), subscription(8, SymbolScope::All));
    store.put(seven.clone()).await?;
    store.put(eight.clone()).await?;
    assert_eq!(store.get(KEY.0, KEY.1).await?, Some(seven.clone()));
    assert_eq!(store.get(TenantId(2), KEY.1).await?, None);
    assert_eq!(store.all(9).await?, [seven, eight.clone()]);
    let lapsed = Subscription {
        status: SubscriptionStatus::Lapsed,
        auto_trading: false,
        expires_at: Timestamp(1),
        ..subscription(7, SymbolScope::Only(vec![]))
    };
    store.put(lapsed.clone()).await?;
    assert_eq!(store.get(KEY.0, KEY.1).await?, Some(lapsed.clone()));
    assert_eq!(store.all(1).await?, [lapsed]);
    Ok(())
}

/// Every field of what comes with a subscription survives, in every payment state.
pub async fn every_field_of_an_entitlement_survives(stores: Stores) -> Checked {
    let store = stores.subscriptions;
    let features = (0..Entitlement::FEATURES_MAX).map(|n| format!("{n:.<width$}", width = Entitlement::NAME_MAX));
    let features: std::collections::BTreeSet<String> = features.collect();
    for (account, payment) in (7_u64..).zip(PaymentState::ALL) {
        let full = Entitlement {
            user: Some(UserId([0xff; 16])),
            tier: "t".repeat(Entitlement::NAME_MAX),
            features: features.clone(),
            region: "eu-west.1_a".to_owned(),
            payment: *payment,
        };
        let full = Subscription { entitlement: full, ..subscription(account, SymbolScope::Only(vec![symbol("A")])) };
        store.put(full.clone()).await?;
        assert_eq!(store.get(KEY.0, full.account).await?, Some(full.clone()));
        let one = Entitlement { features: ["signals".to_owned()].into(), ..Entitlement::default() };
        let less = Subscription { entitlement: one, ..full };
        store.put(less.clone()).await?;
        assert_eq!(store.get(KEY.0, less.account).await?, Some(less), "what is taken away is gone");
    }
    Ok(())
}

/// A lapse, a change of tier, a suspension: each is found behind the place that was seen before it, also by other instances.
pub async fn t33_a_change_is_found_behind_the_last_place(stores: Stores) -> Checked {
    let store = stores.subscriptions;
    assert_eq!(store.since(KEY.0, Place::START, 9).await?, []);
    for account in [u64::MAX, 7, 8] {
        store.put(subscription(account, SymbolScope::Only(vec![symbol("A")]))).await?;
        store.put(Subscription { tenant: TenantId(11), ..subscription(account, SymbolScope::All) }).await?;
    }
    let first = read(&*store, KEY.0, 2).await?;
    assert_eq!(first.iter().map(|one| one.value.account.0).collect::<Vec<_>>(), [u64::MAX, 7, 8]);
    let last = first[2].place;
    assert_eq!(store.since(KEY.0, last, 9).await?, []);
    let lapsed = Subscription { status: SubscriptionStatus::Lapsed, ..first[1].value.clone() };
    let other = Entitlement { tier: "gold".to_owned(), ..Entitlement::default() };
    let other = Subscription { entitlement: other, ..first[0].value.clone() };
    for change in [&lapsed, &other, &lapsed] {
        store.put(change.clone()).await?;
    }
    let changed = store.since(KEY.0, last, 9).await?;
    assert_eq!(changed.iter().map(|one| &one.value).collect::<Vec<_>>(), [&other, &lapsed]);
    assert_eq!(read(&*store, KEY.0, 9).await?.len(), 3, "each is at one place");
    check_conflict(store.since(KEY.0, changed[1].place.next(), 9).await);
    check_conflict(store.since(TenantId(2), Place(1), 9).await);
    Ok(())
}

/// Who asks for what is new misses nothing that is written meanwhile, in whatever order writers come to their end.
pub async fn t33_who_asks_for_changes_misses_none(stores: Stores) -> Checked {
    let store = stores.subscriptions;
    let racers = (0_u64..24).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Result<Vec<Placed<Subscription>>, StoreError>> = Box::pin(async move {
            store.put(subscription(n, SymbolScope::All)).await?;
            let seen = store.since(KEY.0, Place::START, PAGE_MAX).await?;
            assert!(seen.iter().any(|one| one.value.account == AccountId(n)), "what was acknowledged is seen");
            Ok(seen)
        });
        racer
    });
    let looks = join_all(racers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let all = read(&*store, KEY.0, 5).await?;
    assert_eq!(all.len(), 24);
    for look in looks {
        let last = look.last().map_or(Place::START, |last| last.place);
        let up_to: Vec<_> = all.iter().filter(|one| one.place <= last).cloned().collect();
        assert_eq!(look, up_to, "something came at or before a place that was seen");
    }
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn too_wide_a_subscription_is_refused(stores: Stores) -> Checked {
    let store = stores.subscriptions;
    check_refused(store.put(subscription(7, SymbolScope::Only(vec![symbol("A"); SymbolScope::MAX + 1]))).await);
    let long = "t".repeat(Entitlement::NAME_MAX + 1);
    let own = Entitlement::default;
    let many = (0..=Entitlement::FEATURES_MAX).map(|n| n.to_string()).collect();
    let mut bad =
        vec![Entitlement { features: many, ..own() }, Entitlement { features: [String::new()].into(), ..own() }];
    for word in [long.as_str(), "a b", "Gold", "é"] {
        bad.push(Entitlement { tier: word.to_owned(), ..own() });
        bad.push(Entitlement { region: word.to_owned(), ..own() });
        bad.push(Entitlement { features: [word.to_owned()].into(), ..own() });
    }
    for entitlement in bad {
        check_refused(store.put(Subscription { entitlement, ..subscription(7, SymbolScope::All) }).await);
    }
    assert_eq!(store.get(KEY.0, KEY.1).await?, None);
    assert_eq!(store.since(KEY.0, Place::START, 9).await?, []);
    for n in [0, PAGE_MAX + 1] {
        check_refused(store.since(KEY.0, Place::START, n).await);
    }
    Ok(())
}
