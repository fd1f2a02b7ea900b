//! What every [`IdempotencyStore`] promises.

use super::race::{Racer, check_conflict, check_refused, check_stale, join_all};
use crate::{
    Begun, IdempotencyKey, IdempotencyStore, PAGE_MAX, RUN_TAKEN_OVER_AFTER, RunAnswer, RunAsked, RunName, StoreError,
    Version,
};
use aitrading_model::{TenantId, Timestamp};
use std::{sync::Arc, time::Duration};

type Store = Arc<dyn IdempotencyStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);
const NOW: Timestamp = Timestamp(1_000);
const DAY: Duration = Duration::from_hours(24);
/// How many ask for one change at once.
const RACERS: usize = 64;

fn name(tenant: u64, actor: u8, key: &str) -> Result<RunName, StoreError> {
    Ok(RunName { tenant: TenantId(tenant), actor: [actor; 16], key: IdempotencyKey::new(key)? })
}

/// Anna asks for a change under the key `key`.
fn asked(key: &str, at: Timestamp) -> Result<RunAsked, StoreError> {
    Ok(RunAsked { name: name(1, 7, key)?, request: [1; 32], at, expires_at: at.plus(DAY) })
}

fn answer(body: &[u8]) -> RunAnswer {
    RunAnswer { status: 201, content_type: "application/json".to_owned(), body: body.to_vec() }
}

fn later(by: Duration) -> Timestamp {
    NOW.plus(by)
}

/// Who asks first makes the change; who asks again is told to wait, and then what was answered.
pub async fn a_change_is_made_once_and_answered_twice(store: Store) -> Checked {
    let first = asked("order-1", NOW)?;
    assert_eq!(store.begin(first.clone()).await?, Begun::Fresh(Version(1)));
    for by in [Duration::ZERO, RUN_TAKEN_OVER_AFTER.saturating_sub(Duration::from_nanos(1))] {
        assert_eq!(store.begin(asked("order-1", later(by))?).await?, Begun::Running);
    }
    store.finish(first.name.clone(), Version(1), answer(b"done")).await?;
    store.finish(first.name.clone(), Version(1), answer(b"done")).await?;
    for by in [Duration::ZERO, RUN_TAKEN_OVER_AFTER, DAY.saturating_sub(Duration::from_nanos(1))] {
        assert_eq!(store.begin(asked("order-1", later(by))?).await?, Begun::Done(answer(b"done")));
    }
    check_conflict(store.finish(first.name.clone(), Version(1), answer(b"otherwise")).await);
    check_conflict(store.abandon(first.name, Version(1)).await);
    assert_eq!(store.begin(asked("order-1", NOW)?).await?, Begun::Done(answer(b"done")));
    Ok(())
}

/// Of 64 who ask for one change at once, one is told to make it.
pub async fn of_raced_askers_one_makes_the_change(store: Store) -> Checked {
    one_makes_the_change([Arc::clone(&store), store]).await
}

/// The same of two instances over one database.
pub async fn one_makes_the_change(stores: [Store; 2]) -> Checked {
    let racers = (0..RACERS).map(|n| {
        let store = Arc::clone(&stores[n % 2]);
        let racer: Racer<'_, Result<Begun, StoreError>> =
            Box::pin(async move { store.begin(asked("raced", NOW)?).await });
        racer
    });
    let told = join_all(racers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(told.iter().filter(|begun| **begun == Begun::Fresh(Version(1))).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|begun| **begun == Begun::Running).count(), RACERS - 1, "{told:?}");
    Ok(())
}

/// A key is for one request.
pub async fn another_request_under_the_same_key_is_told(store: Store) -> Checked {
    let first = asked("a", NOW)?;
    let other = RunAsked { request: [2; 32], ..asked("a", later(RUN_TAKEN_OVER_AFTER))? };
    store.begin(first.clone()).await?;
    assert_eq!(store.begin(other.clone()).await?, Begun::Mismatch, "also of a run that may be dead");
    store.finish(first.name.clone(), Version(1), answer(b"")).await?;
    assert_eq!(store.begin(other).await?, Begun::Mismatch);
    assert_eq!(store.begin(first).await?, Begun::Done(answer(b"")));
    Ok(())
}

/// Keys of different actors and tenants have nothing to do with each other.
pub async fn actors_and_tenants_do_not_mix(store: Store) -> Checked {
    for name in [name(1, 7, "a")?, name(1, 8, "a")?, name(2, 7, "a")?, name(u64::MAX, 7, "a")?, name(1, 7, "A")?] {
        let request = [name.actor[0]; 32];
        let begun = store.begin(RunAsked { name, request, ..asked("a", NOW)? }).await?;
        assert_eq!(begun, Begun::Fresh(Version(1)));
    }
    store.finish(name(1, 7, "a")?, Version(1), answer(b"anna's")).await?;
    let other = RunAsked { name: name(2, 7, "a")?, request: [7; 32], ..asked("a", NOW)? };
    assert_eq!(store.begin(other).await?, Begun::Running);
    Ok(())
}

/// A run that is not heard of any more is taken over by one who asks; who comes back from it afterwards is refused.
pub async fn a_run_that_died_is_taken_over_once(store: Store) -> Checked {
    store.begin(asked("a", NOW)?).await?;
    let racers = (0..12).map(|_| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Result<Begun, StoreError>> =
            Box::pin(async move { store.begin(asked("a", later(RUN_TAKEN_OVER_AFTER))?).await });
        racer
    });
    let told = join_all(racers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(told.iter().filter(|begun| **begun == Begun::TakenOver(Version(2))).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|begun| **begun == Begun::Running).count(), 11, "{told:?}");
    let name = name(1, 7, "a")?;
    check_stale(store.finish(name.clone(), Version(1), answer(b"late")).await, 2);
    check_stale(store.abandon(name.clone(), Version(1)).await, 2);
    store.finish(name.clone(), Version(2), answer(b"second")).await?;
    check_stale(store.finish(name, Version(1), answer(b"second")).await, 2);
    assert_eq!(store.begin(asked("a", NOW)?).await?, Begun::Done(answer(b"second")));
    Ok(())
}

/// What was given up without a change may be begun anew, also otherwise; the run that gave up has no say any more.
pub async fn an_abandoned_key_is_free(store: Store) -> Checked {
    let name = name(1, 7, "a")?;
    store.begin(asked("a", NOW)?).await?;
    store.abandon(name.clone(), Version(1)).await?;
    store.abandon(name.clone(), Version(1)).await?;
    check_conflict(store.finish(name.clone(), Version(1), answer(b"")).await);
    let other = RunAsked { request: [2; 32], ..asked("a", NOW)? };
    assert_eq!(store.begin(other.clone()).await?, Begun::Fresh(Version(2)));
    check_stale(store.finish(name.clone(), Version(1), answer(b"")).await, 2);
    assert_eq!(store.begin(asked("a", NOW)?).await?, Begun::Mismatch);
    store.finish(name.clone(), Version(2), answer(b"other")).await?;
    assert_eq!(store.begin(other).await?, Begun::Done(answer(b"other")));
    let unknown = RunName { key: IdempotencyKey::new("b")?, ..name };
    for run in [0, 1] {
        check_stale(store.abandon(unknown.clone(), Version(run)).await, 0);
    }
    Ok(())
}

/// An answer is kept until its expiry, and is gone from then on, whether it was forgotten or not.
pub async fn old_keys_are_forgotten(store: Store) -> Checked {
    for n in 0..5 {
        store.begin(asked(&format!("a{n}"), NOW)?).await?;
    }
    store.begin(asked("b", Timestamp(NOW.0 + 1))?).await?;
    store.finish(name(1, 7, "a0")?, Version(1), answer(b"old")).await?;
    let expiry = NOW.plus(DAY);
    let other = RunAsked { request: [2; 32], ..asked("a0", expiry)? };
    assert_eq!(store.begin(other).await?, Begun::Fresh(Version(2)), "of the old answer nothing is left");
    assert_eq!(store.prune(ONE, expiry, 9).await?, 0, "what expires now did not expire before");
    assert_eq!(store.prune(TenantId(2), Timestamp(i64::MAX), 9).await?, 0);
    for told in [3, 1, 0] {
        assert_eq!(store.prune(ONE, Timestamp(expiry.0 + 1), 3).await?, told);
    }
    assert_eq!(store.begin(asked("b", NOW)?).await?, Begun::Running);
    assert_eq!(store.begin(asked("a1", NOW)?).await?, Begun::Fresh(Version(1)));
    Ok(())
}

/// Answers of every byte and size come back as they were.
pub async fn every_field_of_an_answer_survives(store: Store) -> Checked {
    let longest = "~".repeat(IdempotencyKey::BYTES_MAX);
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(RunAnswer::BODY_MAX).collect();
    for (key, status, body) in [("!", 100, Vec::new()), (longest.as_str(), 599, body)] {
        let full = RunAnswer { status, content_type: "é/\"".repeat(25), body };
        let name = RunName { actor: [0xff; 16], ..name(u64::MAX, 0, key)? };
        let expires_at = Timestamp(i64::MAX);
        let ask = RunAsked { name: name.clone(), request: [0xff; 32], at: Timestamp(i64::MIN), expires_at };
        assert_eq!(store.begin(ask.clone()).await?, Begun::Fresh(Version(1)));
        store.finish(name, Version(1), full.clone()).await?;
        assert_eq!(store.begin(ask).await?, Begun::Done(full));
    }
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let soon = NOW.plus(RUN_TAKEN_OVER_AFTER.saturating_sub(Duration::from_nanos(1)));
    check_refused(store.begin(RunAsked { expires_at: soon, ..asked("a", NOW)? }).await);
    assert_eq!(store.begin(asked("a", NOW)?).await?, Begun::Fresh(Version(1)));
    let bad = [
        RunAnswer { status: 99, ..answer(b"") },
        RunAnswer { status: 600, ..answer(b"") },
        RunAnswer { content_type: "t".repeat(RunAnswer::TYPE_MAX + 1), ..answer(b"") },
        RunAnswer { content_type: "a\0b".to_owned(), ..answer(b"") },
        answer(&vec![0; RunAnswer::BODY_MAX + 1]),
    ];
    for bad in bad {
        check_refused(store.finish(name(1, 7, "a")?, Version(1), bad).await);
    }
    assert_eq!(store.begin(asked("a", NOW)?).await?, Begun::Running);
    for n in [0, PAGE_MAX + 1] {
        check_refused(store.prune(ONE, NOW, n).await);
    }
    for key in ["", "a b", "a\nb", "é", &"a".repeat(IdempotencyKey::BYTES_MAX + 1)] {
        check_refused(IdempotencyKey::new(key));
    }
    Ok(())
}
