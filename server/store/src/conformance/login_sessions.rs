//! What every [`LoginSessionStore`] promises.

use super::race::{Racer, check_conflict, check_refused, check_stale, join_all, one_wins};
use crate::{Ended, LoginSession, LoginSessionId, LoginSessionStore, PAGE_MAX, StoreError, UserId, Version, Versioned};
use aitrading_model::{TenantId, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn LoginSessionStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);
const ANNA: UserId = UserId([7; 16]);
/// How many refresh one session at once.
const RACERS: u8 = 32;

fn session(tenant: u64, n: u8) -> LoginSession {
    LoginSession {
        tenant: TenantId(tenant),
        id: LoginSessionId([n; 16]),
        user: ANNA,
        device: Some([n; 32]),
        state: vec![n],
        created_at: Timestamp(1_000),
        expires_at: Timestamp(2_000),
        ended: None,
    }
}

fn ended(reason: &str) -> Ended {
    Ended { at: Timestamp(1_500), reason: reason.to_owned() }
}

fn at(value: LoginSession, version: u64) -> Versioned<LoginSession> {
    Versioned { value, version: Version(version) }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    assert_eq!(store.get(ONE, LoginSessionId([1; 16])).await?, None);
    assert_eq!(store.of_user(ONE, ANNA, None, 9).await?, []);
    assert_eq!(store.end_all_of_user(ONE, ANNA, ended("logout")).await?, 0);
    assert_eq!(store.prune(ONE, Timestamp(i64::MAX), 9).await?, 0);
    Ok(())
}

/// Every field comes back: with and without a device and an end, a state of every byte, extremes.
pub async fn every_field_of_a_session_survives(store: Store) -> Checked {
    for (n, device) in [(1, None), (2, Some([0xff; 32]))] {
        let full = LoginSession {
            device,
            state: (0..=u8::MAX).cycle().take(LoginSession::STATE_MAX).collect(),
            created_at: Timestamp(i64::MIN),
            expires_at: Timestamp(i64::MAX),
            ..session(u64::MAX, n)
        };
        assert_eq!(store.put(full.clone(), Version::NONE).await?, Version(1));
        assert_eq!(store.get(full.tenant, full.id).await?, Some(at(full.clone(), 1)));
        let reason = "r".repeat(LoginSession::REASON_MAX);
        let over = LoginSession { ended: Some(Ended { at: Timestamp(i64::MAX), reason }), state: Vec::new(), ..full };
        assert_eq!(store.put(over.clone(), Version(1)).await?, Version(2));
        assert_eq!(store.get(over.tenant, over.id).await?, Some(at(over, 2)));
    }
    Ok(())
}

/// Of 32 who refresh one session at once, one writes the successor, and the others are told that they are late.
pub async fn t23_of_raced_refreshes_one_wins(store: Store) -> Checked {
    one_refreshes([Arc::clone(&store), store]).await
}

/// The same of two instances over one database.
pub async fn one_refreshes(stores: [Store; 2]) -> Checked {
    stores[0].put(session(1, 1), Version::NONE).await?;
    let refreshes = (0..RACERS).map(|n| {
        let store = Arc::clone(&stores[usize::from(n % 2)]);
        let racer: Racer<'_, _> = Box::pin(async move {
            let next = LoginSession { state: vec![0xa0, n], ..session(1, 1) };
            store.put(next, Version(1)).await
        });
        racer
    });
    one_wins(refreshes).await?;
    let store = &stores[0];
    let stands = store.get(ONE, LoginSessionId([1; 16])).await?;
    assert!(stands.is_some_and(|stands| stands.version == Version(2) && stands.value.state[0] == 0xa0));
    for late in [0, 1, 3, u64::MAX] {
        check_stale(store.put(session(1, 1), Version(late)).await, 2);
    }
    check_stale(store.put(session(1, 2), Version(1)).await, 0);
    Ok(())
}

/// A family that was ended takes no further write, whoever has read which version.
pub async fn t22_an_ended_session_stays_ended(store: Store) -> Checked {
    store.put(session(1, 1), Version::NONE).await?;
    let over = LoginSession { ended: Some(ended("refresh.reused")), ..session(1, 1) };
    store.put(over.clone(), Version(1)).await?;
    let later = LoginSession { ended: Some(ended("logout")), ..session(1, 1) };
    for next in [session(1, 1), over.clone(), later] {
        check_conflict(store.put(next, Version(2)).await);
    }
    assert_eq!(store.end_all_of_user(ONE, ANNA, ended("password.changed")).await?, 0);
    assert_eq!(store.get(ONE, over.id).await?, Some(at(over, 2)));
    Ok(())
}

/// A session goes on for the same user on the same device, or not at all.
pub async fn t22_a_session_keeps_its_user_and_device(store: Store) -> Checked {
    let first = session(1, 1);
    store.put(first.clone(), Version::NONE).await?;
    let others = [
        LoginSession { user: UserId([8; 16]), ..first.clone() },
        LoginSession { device: Some([9; 32]), ..first.clone() },
        LoginSession { device: None, ..first.clone() },
        LoginSession { created_at: Timestamp(1_001), ..first.clone() },
    ];
    for other in others {
        check_conflict(store.put(other, Version(1)).await);
    }
    assert_eq!(store.get(ONE, first.id).await?, Some(at(first, 1)));
    Ok(())
}

/// All of a user's sessions end at once; those of others, and what begins afterwards, go on.
pub async fn t24_all_sessions_of_a_user_end(store: Store) -> Checked {
    for n in 1..4 {
        store.put(session(1, n), Version::NONE).await?;
        store.put(session(2, n), Version::NONE).await?;
        store.put(LoginSession { user: UserId([8; 16]), ..session(1, n + 10) }, Version::NONE).await?;
    }
    assert_eq!(store.end_all_of_user(ONE, ANNA, ended("password.changed")).await?, 3);
    let over = |n| at(LoginSession { ended: Some(ended("password.changed")), ..session(1, n) }, 2);
    assert_eq!(store.of_user(ONE, ANNA, None, 9).await?, [over(1), over(2), over(3)]);
    check_stale(store.put(session(1, 1), Version(1)).await, 2);
    store.put(session(1, 4), Version::NONE).await?;
    let open = |page: Vec<Versioned<LoginSession>>| page.iter().filter(|one| one.value.ended.is_none()).count();
    assert_eq!(open(store.of_user(ONE, ANNA, None, 9).await?), 1);
    assert_eq!(open(store.of_user(ONE, UserId([8; 16]), None, 9).await?), 3);
    assert_eq!(open(store.of_user(TenantId(2), ANNA, None, 9).await?), 3);
    Ok(())
}

/// A refresh that is raced by the end of all sessions does not outlive it.
pub async fn t24_no_refresh_outlives_the_end_of_all_sessions(store: Store) -> Checked {
    for n in 0..12 {
        store.put(session(1, n), Version::NONE).await?;
    }
    let refreshes = (0..12).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Checked> = Box::pin(async move {
            let told = store.put(LoginSession { state: vec![0xa0], ..session(1, n) }, Version(1)).await;
            match told {
                Ok(_) | Err(StoreError::Stale { .. }) => Ok(()),
                Err(other) => Err(other),
            }
        });
        racer
    });
    let ending = Arc::clone(&store);
    let end: Racer<'_, Checked> =
        Box::pin(async move { ending.end_all_of_user(ONE, ANNA, ended("password.changed")).await.map(drop) });
    let mut racers: Vec<_> = refreshes.collect();
    racers.insert(6, end);
    join_all(racers).await.into_iter().collect::<Checked>()?;
    let all = store.of_user(ONE, ANNA, None, 99).await?;
    assert_eq!(all.len(), 12);
    assert!(all.iter().all(|one| one.value.ended == Some(ended("password.changed"))), "{all:?}");
    Ok(())
}

/// Sessions come page by page by id; those that expired are forgotten in steps.
pub async fn sessions_are_paged_and_forgotten(store: Store) -> Checked {
    for n in [200, 1, 0, 127, 255, 128] {
        store.put(session(1, n), Version::NONE).await?;
        store.put(LoginSession { user: UserId([8; 16]), ..session(1, n ^ 2) }, Version::NONE).await?;
    }
    for size in [1, 4, 6, PAGE_MAX] {
        let mut seen: Vec<LoginSessionId> = Vec::new();
        loop {
            let page = store.of_user(ONE, ANNA, seen.last().copied(), size).await?;
            assert!(page.len() <= size && page.iter().all(|one| one.value.user == ANNA));
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|one| one.value.id));
        }
        assert_eq!(seen, [0, 1, 127, 128, 200, 255].map(|n| LoginSessionId([n; 16])), "pages of {size}");
    }
    store.put(LoginSession { expires_at: Timestamp(2_001), ..session(1, 1) }, Version(1)).await?;
    assert_eq!(store.prune(ONE, Timestamp(2_000), 99).await?, 0, "what expires now did not expire before");
    assert_eq!(store.prune(TenantId(2), Timestamp(i64::MAX), 99).await?, 0);
    for told in [8, 3, 0] {
        assert_eq!(store.prune(ONE, Timestamp(2_001), 8).await?, told);
    }
    let left = store.of_user(ONE, ANNA, None, 9).await?;
    assert_eq!(left.iter().map(|one| one.value.id).collect::<Vec<_>>(), [LoginSessionId([1; 16])]);
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let long = LoginSession { state: vec![0; LoginSession::STATE_MAX + 1], ..session(1, 1) };
    check_refused(store.put(long, Version::NONE).await);
    let too_long = "r".repeat(LoginSession::REASON_MAX + 1);
    for reason in ["", "Logout", "a b", too_long.as_str()] {
        let bad = LoginSession { ended: Some(ended(reason)), ..session(1, 1) };
        check_refused(store.put(bad, Version::NONE).await);
        check_refused(store.end_all_of_user(ONE, ANNA, ended(reason)).await);
    }
    assert_eq!(store.of_user(ONE, ANNA, None, 9).await?, []);
    for n in [0, PAGE_MAX + 1] {
        check_refused(store.of_user(ONE, ANNA, None, n).await);
        check_refused(store.prune(ONE, Timestamp(0), n).await);
    }
    Ok(())
}
