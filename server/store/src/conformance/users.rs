//! What every [`UserStore`] promises.

use super::race::{Racer, check_refused, check_stale, one_wins};
use crate::{LoginName, PAGE_MAX, StoreError, User, UserId, UserRole, UserStatus, UserStore, Version, Versioned};
use aitrading_model::{TenantId, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn UserStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn user(tenant: u64, n: u8, login: &str) -> Result<User, StoreError> {
    Ok(User {
        tenant: TenantId(tenant),
        id: UserId([n; 16]),
        login: LoginName::new(login)?,
        role: UserRole::Subscriber,
        status: UserStatus::Invited,
        opaque: Vec::new(),
        second_factor: Vec::new(),
        note: String::new(),
        created_at: Timestamp(1),
        changed_at: Timestamp(2),
    })
}

fn at(value: User, version: u64) -> Versioned<User> {
    Versioned { value, version: Version(version) }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    assert_eq!(store.get(ONE, UserId([1; 16])).await?, None);
    assert_eq!(store.by_login(ONE, &LoginName::new("a")?).await?, None);
    assert_eq!(store.of_tenant(ONE, None, 9).await?, []);
    check_stale(store.erase(ONE, UserId([1; 16]), Version::NONE).await, 0);
    Ok(())
}

/// Every field comes back: every role and status, secrets of every byte, extremes.
pub async fn every_field_of_a_user_survives(store: Store) -> Checked {
    for (n, role) in (0_u8..).zip(UserRole::ALL) {
        let status = UserStatus::ALL[usize::from(n) % UserStatus::ALL.len()];
        let full = User {
            role: *role,
            status,
            opaque: (0..=u8::MAX).cycle().take(User::SECRET_MAX).collect(),
            second_factor: vec![n; 7],
            note: "a \"b\" ' \\ é 🦀\r\n".to_owned(),
            created_at: Timestamp(i64::MIN),
            changed_at: Timestamp(i64::MAX),
            ..user(u64::MAX, n, &format!("{n}._-+@{}", "z".repeat(LoginName::BYTES_MAX - 6)))?
        };
        assert_eq!(store.put(full.clone(), Version::NONE).await?, Version(1));
        assert_eq!(store.get(TenantId(u64::MAX), full.id).await?, Some(at(full.clone(), 1)));
        assert_eq!(store.by_login(TenantId(u64::MAX), &full.login).await?, Some(at(full, 1)));
    }
    Ok(())
}

/// A writer who has not read the last version is refused, and nothing changes.
pub async fn a_late_writer_is_refused(store: Store) -> Checked {
    let (first, second) = (user(1, 1, "first")?, user(1, 1, "second")?);
    check_stale(store.put(first.clone(), Version(1)).await, 0);
    assert_eq!(store.put(first.clone(), Version::NONE).await?, Version(1));
    for late in [0, 2, u64::MAX] {
        check_stale(store.put(second.clone(), Version(late)).await, 1);
        check_stale(store.erase(ONE, first.id, Version(late)).await, 1);
    }
    assert_eq!(store.get(ONE, first.id).await?, Some(at(first, 1)));
    assert_eq!(store.put(second.clone(), Version(1)).await?, Version(2));
    assert_eq!(store.get(ONE, second.id).await?, Some(at(second, 2)));
    assert_eq!(store.by_login(ONE, &LoginName::new("first")?).await?, None, "the old name is free");
    Ok(())
}

/// Of many who change the same user at once, one wins; of many who take the same name, too.
pub async fn of_raced_writers_one_wins(store: Store) -> Checked {
    store.put(user(1, 1, "raced")?, Version::NONE).await?;
    let writers = (0_i64..12).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> = Box::pin(async move {
            let changed = User { changed_at: Timestamp(n), ..user(1, 1, "raced")? };
            store.put(changed, Version(1)).await
        });
        racer
    });
    one_wins(writers).await?;
    assert_eq!(store.get(ONE, UserId([1; 16])).await?.map(|user| user.version), Some(Version(2)));
    let namesakes = (2_u8..14).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Result<bool, StoreError>> = Box::pin(async move {
            match store.put(user(1, n, "namesake")?, Version::NONE).await {
                Ok(_) => Ok(true),
                Err(StoreError::Conflict { .. }) => Ok(false),
                Err(other) => Err(other),
            }
        });
        racer
    });
    let ended = super::race::join_all(namesakes).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(ended.into_iter().filter(|won| *won).count(), 1, "of those who took the same name");
    assert_eq!(store.of_tenant(ONE, None, 99).await?.len(), 2);
    Ok(())
}

/// Of 64 logins that spend one step of the second factor at once, one goes through: each marks the step in the record that it
/// has read.
pub async fn t29_of_logins_with_one_code_one_goes_through(store: Store) -> Checked {
    store.put(user(1, 1, "anna")?, Version::NONE).await?;
    let logins = (0_u8..64).map(|_| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> = Box::pin(async move {
            let spent = User { second_factor: vec![0, 5], ..user(1, 1, "anna")? };
            store.put(spent, Version(1)).await
        });
        racer
    });
    one_wins(logins).await
}

/// A login name is one user's within a tenant; a refused one changes nothing.
pub async fn login_names_are_unique(store: Store) -> Checked {
    store.put(user(1, 1, "anna")?, Version::NONE).await?;
    store.put(user(1, 2, "bert")?, Version::NONE).await?;
    for (n, version) in [(3, Version::NONE), (2, Version(1))] {
        let taken = store.put(user(1, n, "anna")?, version).await;
        assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
    }
    assert_eq!(store.get(ONE, UserId([2; 16])).await?, Some(at(user(1, 2, "bert")?, 1)));
    assert_eq!(store.get(ONE, UserId([3; 16])).await?, None);
    store.put(user(11, 1, "anna")?, Version::NONE).await?;
    store.erase(ONE, UserId([1; 16]), Version(1)).await?;
    assert_eq!(store.get(ONE, UserId([1; 16])).await?, None);
    assert_eq!(store.by_login(ONE, &LoginName::new("anna")?).await?, None);
    store.put(user(1, 3, "anna")?, Version::NONE).await?;
    assert_eq!(store.by_login(TenantId(11), &LoginName::new("anna")?).await?, Some(at(user(11, 1, "anna")?, 1)));
    Ok(())
}

/// Users come page by page in the order of their names' bytes, and only the tenant's own.
pub async fn users_are_paged_by_name(store: Store) -> Checked {
    let names = ["a+b", "a-b", "a.b", "a1", "a@b", "a_b", "aa", "b"];
    for (n, name) in (0_u8..).zip(names.iter().rev()) {
        store.put(user(1, n, name)?, Version::NONE).await?;
        store.put(user(2, n, name)?, Version::NONE).await?;
    }
    for size in [1, 3, 8, PAGE_MAX] {
        let mut seen: Vec<LoginName> = Vec::new();
        loop {
            let page = store.of_tenant(ONE, seen.last(), size).await?;
            assert!(page.len() <= size && page.iter().all(|user| user.value.tenant == ONE));
            if page.is_empty() {
                break;
            }
            seen.extend(page.into_iter().map(|user| user.value.login));
        }
        assert_eq!(seen.iter().map(LoginName::as_str).collect::<Vec<_>>(), names, "pages of {size}");
    }
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = user(1, 1, "a")?;
    let long = vec![0; User::SECRET_MAX + 1];
    check_refused(store.put(User { opaque: long.clone(), ..good.clone() }, Version::NONE).await);
    check_refused(store.put(User { second_factor: long, ..good.clone() }, Version::NONE).await);
    check_refused(store.put(User { note: "n".repeat(User::NOTE_MAX + 1), ..good.clone() }, Version::NONE).await);
    check_refused(store.put(User { note: "a\0b".to_owned(), ..good }, Version::NONE).await);
    assert_eq!(store.of_tenant(ONE, None, 9).await?, []);
    check_refused(store.of_tenant(ONE, None, 0).await);
    check_refused(store.of_tenant(ONE, None, PAGE_MAX + 1).await);
    for bad in ["", "A", "a b", "é", "a/b", &"a".repeat(LoginName::BYTES_MAX + 1)] {
        check_refused(LoginName::new(bad));
    }
    Ok(())
}
