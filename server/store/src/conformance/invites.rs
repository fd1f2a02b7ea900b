//! What every [`InviteStore`] promises.

use super::race::{Racer, check_conflict, check_refused, join_all};
use crate::{
    Invite, InviteId, InvitePurpose, InviteStore, LoginName, PAGE_MAX, Redeemed, Redemption, StoreError, UserRole,
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn InviteStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);
/// When the samples were made, and when they expire.
const MADE: Timestamp = Timestamp(1_000);
const EXPIRY: Timestamp = Timestamp(2_000);
/// How many use one invitation at once.
const RACERS: u8 = 64;

fn invite(tenant: u64, n: u8) -> Invite {
    Invite {
        tenant: TenantId(tenant),
        id: InviteId([n; 16]),
        purpose: InvitePurpose::User,
        role: UserRole::Subscriber,
        login: None,
        account: None,
        sealed: vec![n, 0, u8::MAX],
        made_by: "anna".to_owned(),
        created_at: MADE,
        expires_at: EXPIRY,
        used: None,
    }
}

fn used(value: Invite, by: &str, at: Timestamp) -> Invite {
    Invite { used: Some(Redeemed { at, by: by.to_owned() }), sealed: Vec::new(), ..value }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    let id = InviteId([1; 16]);
    assert_eq!(store.get(ONE, id).await?, None);
    assert_eq!(store.redeem(ONE, id, "device", MADE).await?, Redemption::Unknown);
    assert_eq!(store.of_tenant(ONE, None, 9).await?, []);
    assert_eq!(store.prune(ONE, Timestamp(i64::MAX), 9).await?, 0);
    Ok(())
}

/// Every field comes back: every purpose and role, extremes.
pub async fn every_field_of_an_invite_survives(store: Store) -> Checked {
    let all = [
        (InvitePurpose::Admin, UserRole::Operator),
        (InvitePurpose::User, UserRole::Auditor),
        (InvitePurpose::User, UserRole::RiskOfficer),
        (InvitePurpose::User, UserRole::Service),
        (InvitePurpose::Device, UserRole::Subscriber),
    ];
    for (n, (purpose, role)) in (0_u8..).zip(all) {
        let full = Invite {
            purpose,
            role,
            login: Some(LoginName::new("z".repeat(LoginName::BYTES_MAX))?),
            account: Some(AccountId(u64::MAX - u64::from(n))),
            sealed: (0..=u8::MAX).cycle().take(Invite::SEALED_MAX).collect(),
            made_by: "a \"b\" ' \\ é 🦀\r\n".to_owned(),
            created_at: Timestamp(i64::MIN),
            expires_at: Timestamp(i64::MAX),
            ..invite(u64::MAX, n)
        };
        store.put(full.clone()).await?;
        assert_eq!(store.get(TenantId(u64::MAX), full.id).await?, Some(full.clone()));
        let by = "b".repeat(Invite::NAME_MAX);
        let redeemed = used(full.clone(), &by, Timestamp(i64::MAX - 1));
        let told = store.redeem(full.tenant, full.id, &by, Timestamp(i64::MAX - 1)).await?;
        assert_eq!(told, Redemption::Redeemed(Box::new(redeemed.clone())));
        assert_eq!(store.get(full.tenant, full.id).await?, Some(redeemed));
    }
    Ok(())
}

/// A code is spent once, whoever tries and however often; who comes later is told that it was used, not that it is unknown.
pub async fn t29_an_invite_is_redeemed_once(store: Store) -> Checked {
    let sample = invite(1, 1);
    store.put(sample.clone()).await?;
    let again = Invite { made_by: "mallory".to_owned(), ..sample.clone() };
    check_conflict(store.put(again.clone()).await);
    let redeemed = used(sample.clone(), "first", MADE);
    let told = store.redeem(ONE, sample.id, "first", MADE).await?;
    assert_eq!(told, Redemption::Redeemed(Box::new(redeemed.clone())));
    for (by, now) in [("first", MADE), ("second", MADE), ("second", EXPIRY)] {
        check_conflict(store.redeem(ONE, sample.id, by, now).await);
    }
    check_conflict(store.put(again).await);
    assert_eq!(store.get(ONE, sample.id).await?, Some(redeemed));
    Ok(())
}

/// Of 64 who use one invitation at once, one gets it.
pub async fn t29_of_raced_redeemers_one_wins(store: Store) -> Checked {
    one_redeems([Arc::clone(&store), store]).await
}

/// The same of two instances over one database.
pub async fn one_redeems(stores: [Store; 2]) -> Checked {
    let sample = invite(1, 1);
    stores[0].put(sample.clone()).await?;
    let racers = (0..RACERS).map(|n| {
        let store = Arc::clone(&stores[usize::from(n % 2)]);
        let racer: Racer<'_, Result<Option<Invite>, StoreError>> = Box::pin(async move {
            match store.redeem(ONE, InviteId([1; 16]), &format!("device-{n}"), MADE).await {
                Ok(Redemption::Redeemed(invite)) => Ok(Some(*invite)),
                Err(StoreError::Conflict { .. }) => Ok(None),
                Ok(other) => Err(StoreError::corrupt(format!("{other:?} instead of a use"))),
                Err(other) => Err(other),
            }
        });
        racer
    });
    let mut winners = Vec::new();
    for ended in join_all(racers).await {
        winners.extend(ended?);
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(stores[0].get(ONE, sample.id).await?, winners.pop(), "the one that was told is the one that stands");
    Ok(())
}

/// From the moment of its expiry on nobody gets an invitation, and nothing is written.
pub async fn t29_an_expired_invite_is_refused(store: Store) -> Checked {
    let sample = invite(1, 1);
    store.put(sample.clone()).await?;
    for late in [EXPIRY.0, EXPIRY.0 + 1, i64::MAX] {
        assert_eq!(store.redeem(ONE, sample.id, "device", Timestamp(late)).await?, Redemption::Expired);
    }
    assert_eq!(store.get(ONE, sample.id).await?, Some(sample.clone()));
    let last = Timestamp(EXPIRY.0 - 1);
    let told = store.redeem(ONE, sample.id, "device", last).await?;
    assert_eq!(told, Redemption::Redeemed(Box::new(used(sample, "device", last))));
    Ok(())
}

/// Invitations come page by page by id, and only the tenant's own; another tenant's cannot be used.
pub async fn invites_are_paged_by_id(store: Store) -> Checked {
    for n in [200, 1, 0, 127, 255, 128] {
        store.put(invite(1, n)).await?;
        store.put(invite(11, n)).await?;
    }
    assert_eq!(store.redeem(TenantId(2), InviteId([1; 16]), "x", MADE).await?, Redemption::Unknown);
    store.redeem(TenantId(11), InviteId([1; 16]), "x", MADE).await?;
    for size in [1, 4, 6, PAGE_MAX] {
        let mut seen: Vec<InviteId> = Vec::new();
        loop {
            let page = store.of_tenant(ONE, seen.last().copied(), size).await?;
            assert!(page.len() <= size && page.iter().all(|one| one.tenant == ONE && one.used.is_none()));
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|one| one.id));
        }
        assert_eq!(seen, [0, 1, 127, 128, 200, 255].map(|n| InviteId([n; 16])), "pages of {size}");
    }
    Ok(())
}

/// What expired is forgotten in steps, and nothing else.
pub async fn old_invites_are_forgotten(store: Store) -> Checked {
    for n in 0..5 {
        store.put(invite(1, n)).await?;
        store.put(invite(2, n)).await?;
    }
    store.put(Invite { expires_at: Timestamp(EXPIRY.0 + 1), ..invite(1, 9) }).await?;
    store.redeem(ONE, InviteId([0; 16]), "x", MADE).await?;
    assert_eq!(store.prune(ONE, EXPIRY, 9).await?, 0, "what expires now did not expire before");
    for told in [3, 2, 0] {
        assert_eq!(store.prune(ONE, Timestamp(EXPIRY.0 + 1), 3).await?, told);
    }
    assert_eq!(store.of_tenant(ONE, None, 9).await?.len(), 1);
    assert_eq!(store.of_tenant(TenantId(2), None, 9).await?.len(), 5);
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = invite(1, 1);
    let long = "n".repeat(Invite::NAME_MAX + 1);
    let bad = [
        Invite { made_by: long.clone(), ..good.clone() },
        Invite { made_by: "a\0b".to_owned(), ..good.clone() },
        Invite { expires_at: MADE, ..good.clone() },
        Invite { sealed: vec![0; Invite::SEALED_MAX + 1], ..good.clone() },
        Invite { role: UserRole::Operator, ..good.clone() },
        Invite { purpose: InvitePurpose::Admin, ..good.clone() },
        Invite { purpose: InvitePurpose::Device, ..good.clone() },
        Invite {
            purpose: InvitePurpose::Device,
            role: UserRole::Operator,
            account: Some(AccountId(1)),
            ..good.clone()
        },
        used(good.clone(), "x", MADE),
    ];
    for bad in bad {
        check_refused(store.put(bad).await);
    }
    assert_eq!(store.of_tenant(ONE, None, 9).await?, []);
    store.put(good.clone()).await?;
    for by in [long.as_str(), "a\0b"] {
        check_refused(store.redeem(ONE, good.id, by, MADE).await);
    }
    assert_eq!(store.get(ONE, good.id).await?, Some(good));
    for n in [0, PAGE_MAX + 1] {
        check_refused(store.of_tenant(ONE, None, n).await);
        check_refused(store.prune(ONE, MADE, n).await);
    }
    Ok(())
}
