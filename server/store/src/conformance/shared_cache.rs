//! What every [`SharedCache`] promises.

use super::{
    Advance,
    race::{Racer, join_all},
};
use crate::{CacheKey, Invalidation, SHARED_NAME_MAX, SHARED_TTL_MAX, SHARED_VALUE_MAX, SharedCache, StoreError};
use aitrading_model::TenantId;
use std::{fmt, sync::Arc, time::Duration};

type Checked = Result<(), StoreError>;

/// Two instances of one empty cache, and its clock.
pub struct SharedWorld {
    /// One instance.
    pub one: Arc<dyn SharedCache>,
    /// Another one on the same data; the same one where there is only one.
    pub two: Arc<dyn SharedCache>,
    /// Lets the cache's time pass.
    pub advance: Advance,
}

impl fmt::Debug for SharedWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedWorld").finish_non_exhaustive()
    }
}

/// Long enough for the property to end before it.
const LONG: Duration = Duration::from_secs(600);
/// Short enough to be waited for, long enough for a few calls to a server.
const SHORT: Duration = Duration::from_millis(400);

fn key(tenant: u64, name: &str) -> CacheKey {
    CacheKey::new(TenantId(tenant), "conformance", name)
}

fn told(tenant: u64, name: &str) -> Invalidation {
    Invalidation::Key { tenant: TenantId(tenant), space: "conformance".to_owned(), name: name.to_owned() }
}

async fn check_value(store: &Arc<dyn SharedCache>, key: &CacheKey, expected: Option<&[u8]>) -> Checked {
    assert_eq!(store.get(key).await?.as_deref(), expected, "the value of {key:?}");
    Ok(())
}

/// Nothing is made up, and what is not there can be removed.
pub async fn a_new_cache_is_empty(world: SharedWorld) -> Checked {
    check_value(&world.one, &key(1, "a"), None).await?;
    world.one.remove(&key(1, "a")).await?;
    check_value(&world.two, &key(1, "a"), None).await
}

/// The other instance sees what the one puts, replaces and removes.
pub async fn values_are_replaced_and_removed(world: SharedWorld) -> Checked {
    let a = key(1, "a");
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for value in [b"first".as_slice(), b"", &every_byte] {
        world.one.put(&a, value, LONG).await?;
        check_value(&world.one, &a, Some(value)).await?;
        check_value(&world.two, &a, Some(value)).await?;
    }
    world.two.remove(&a).await?;
    check_value(&world.one, &a, None).await
}

/// Tenant, space and name all count, however they are spelt.
pub async fn keys_do_not_mix(world: SharedWorld) -> Checked {
    let store = &world.one;
    let odd = ["1", "1:a", "a:b", "a b\r\n", "*", "{x}", "é", ""];
    let mut keys: Vec<CacheKey> = odd.iter().map(|name| key(1, name)).collect();
    keys.extend(odd.iter().map(|name| key(11, name)));
    keys.extend(odd.iter().map(|name| CacheKey::new(TenantId(1), "conformance.a", *name)));
    for (n, key) in (0_u8..).zip(&keys) {
        store.put(key, &[n], LONG).await?;
    }
    for (n, key) in (0_u8..).zip(&keys) {
        check_value(store, key, Some(&[n])).await?;
    }
    store.remove(&keys[0]).await?;
    for (n, key) in (0_u8..).zip(&keys).skip(1) {
        check_value(store, key, Some(&[n])).await?;
    }
    check_value(store, &keys[0], None).await?;
    check_value(store, &key(u64::MAX, "1"), None).await
}

/// A value ends with its time, and a later value has its own.
pub async fn values_expire(world: SharedWorld) -> Checked {
    let (short, long, renewed) = (key(1, "short"), key(1, "long"), key(1, "renewed"));
    world.one.put(&long, b"l", LONG).await?;
    world.one.put(&short, b"s", SHORT).await?;
    world.one.put(&renewed, b"r", SHORT).await?;
    world.one.put(&renewed, b"r", LONG).await?;
    check_value(&world.two, &short, Some(b"s")).await?;
    (world.advance)(SHORT.saturating_mul(2)).await;
    check_value(&world.one, &short, None).await?;
    check_value(&world.two, &short, None).await?;
    check_value(&world.two, &renewed, Some(b"r")).await?;
    check_value(&world.two, &long, Some(b"l")).await
}

/// What is compared decides, down to the byte, and a refusal changes nothing.
pub async fn compare_and_set_wants_the_expected_value(world: SharedWorld) -> Checked {
    let (store, a) = (&world.one, key(1, "a"));
    assert!(!store.compare_and_set(&a, Some(b""), Some(b"x"), LONG).await?, "nothing is not an empty value");
    check_value(store, &a, None).await?;
    assert!(store.compare_and_set(&a, None, None, LONG).await?);
    check_value(store, &a, None).await?;
    assert!(store.compare_and_set(&a, None, Some(b"1"), LONG).await?);
    for wrong in [None, Some(b"".as_slice()), Some(b"2"), Some(b"11")] {
        assert!(!world.two.compare_and_set(&a, wrong, Some(b"9"), LONG).await?);
        assert!(!world.two.compare_and_set(&a, wrong, None, LONG).await?);
        check_value(store, &a, Some(b"1")).await?;
    }
    assert!(world.two.compare_and_set(&a, Some(b"1"), Some(b""), LONG).await?);
    check_value(store, &a, Some(b"")).await?;
    assert!(!store.compare_and_set(&a, None, Some(b"9"), LONG).await?, "an empty value is not nothing");
    assert!(store.compare_and_set(&a, Some(b""), None, LONG).await?);
    check_value(&world.two, &a, None).await?;
    check_value(store, &key(2, "a"), None).await
}

/// A value that was set by comparison expires too, and what has expired is not there to be compared.
pub async fn compare_and_set_keeps_time(world: SharedWorld) -> Checked {
    let (store, a) = (&world.one, key(1, "a"));
    assert!(store.compare_and_set(&a, None, Some(b"1"), SHORT).await?);
    (world.advance)(SHORT.saturating_mul(2)).await;
    assert!(!store.compare_and_set(&a, Some(b"1"), Some(b"2"), LONG).await?);
    assert!(store.compare_and_set(&a, None, Some(b"3"), LONG).await?);
    check_value(store, &a, Some(b"3")).await
}

/// Of many that expect the same, one wins.
pub async fn of_raced_compare_and_sets_one_wins(world: SharedWorld) -> Checked {
    let a = key(1, "a");
    for expected in [None, Some(b"0".as_slice())] {
        if expected.is_some() {
            world.one.put(&a, b"0", LONG).await?;
        }
        let racers = (0_u8..24).map(|n| {
            let store = if n % 2 == 0 { &world.one } else { &world.two };
            let (store, a) = (Arc::clone(store), a.clone());
            let racer: Racer<'_, _> = Box::pin(async move {
                let value = [b'w', n];
                Ok::<_, StoreError>((n, store.compare_and_set(&a, expected, Some(&value), LONG).await?))
            });
            racer
        });
        let ended = join_all(racers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let winners: Vec<u8> = ended.into_iter().filter(|(_, won)| *won).map(|(n, _)| n).collect();
        assert_eq!(winners.len(), 1, "winners {winners:?}");
        check_value(&world.two, &a, Some(&[b'w', winners[0]])).await?;
    }
    Ok(())
}

/// A counter that all raise by comparison misses no step.
pub async fn a_raced_counter_counts_every_step(world: SharedWorld) -> Checked {
    const RACERS: u64 = 6;
    const STEPS: u64 = 5;
    let a = key(1, "counter");
    let racers = (0..RACERS).map(|n| {
        let store = Arc::clone(if n % 2 == 0 { &world.one } else { &world.two });
        let a = a.clone();
        let racer: Racer<'_, Checked> = Box::pin(async move {
            for _ in 0..STEPS {
                raise(&store, &a).await?;
            }
            Ok(())
        });
        racer
    });
    join_all(racers).await.into_iter().collect::<Checked>()?;
    check_value(&world.one, &a, Some(&(RACERS * STEPS).to_be_bytes())).await
}

async fn raise(store: &Arc<dyn SharedCache>, key: &CacheKey) -> Checked {
    loop {
        let old = store.get(key).await?;
        let count = old.as_deref().map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap_or_default()));
        let new = (count + 1).to_be_bytes();
        if store.compare_and_set(key, old.as_deref(), Some(&new), LONG).await? {
            return Ok(());
        }
    }
}

/// Every listener hears of every change, whoever makes it, in order; what was refused is not told.
pub async fn listeners_are_told_of_changes(world: SharedWorld) -> Checked {
    let store = &world.one;
    store.put(&key(1, "before"), b"", LONG).await?;
    let mut listeners = [world.one.invalidations().await?, world.two.invalidations().await?];
    store.put(&key(1, "a:b"), b"1", LONG).await?;
    store.put(&key(2, "a:b"), b"1", LONG).await?;
    assert!(!store.compare_and_set(&key(1, "refused"), Some(b"x"), Some(b"2"), LONG).await?);
    assert!(store.compare_and_set(&key(1, "c"), None, Some(b"2"), LONG).await?);
    store.remove(&key(1, "a:b")).await?;
    world.two.put(&key(1, "d"), b"", LONG).await?;
    for listener in &mut listeners {
        for expected in [told(1, "a:b"), told(2, "a:b"), told(1, "c"), told(1, "a:b"), told(1, "d")] {
            assert_eq!(listener.next().await, Some(expected));
        }
    }
    Ok(())
}

/// A listener hears of all changes or that it has missed some; never of some without knowing.
pub async fn a_slow_listener_knows_what_it_missed(world: SharedWorld) -> Checked {
    const CHANGES: u32 = 3_000;
    let mut listener = world.two.invalidations().await?;
    for n in 0..CHANGES {
        world.one.put(&key(1, &n.to_string()), b"", LONG).await?;
    }
    for n in 0..CHANGES {
        match listener.next().await {
            Some(Invalidation::Everything) => return Ok(()),
            next => assert_eq!(next, Some(told(1, &n.to_string()))),
        }
    }
    Ok(())
}

fn check_refused<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Invalid { .. })), "{answer:?}");
}

/// The largest value and name are taken, a larger one is refused and leaves what was there.
pub async fn limits_are_kept(world: SharedWorld) -> Checked {
    let store = &world.one;
    let (a, longest) = (key(1, "a"), key(1, &"n".repeat(SHARED_NAME_MAX)));
    let mut big = vec![7; SHARED_VALUE_MAX];
    store.put(&longest, &big, SHARED_TTL_MAX).await?;
    check_value(store, &longest, Some(&big)).await?;
    store.put(&a, b"1", LONG).await?;
    big.push(7);
    check_refused(store.put(&a, &big, LONG).await);
    check_refused(store.compare_and_set(&a, Some(b"1"), Some(&big), LONG).await);
    check_refused(store.put(&a, b"2", Duration::from_micros(999)).await);
    check_refused(store.put(&a, b"2", SHARED_TTL_MAX + Duration::from_millis(1)).await);
    check_refused(store.compare_and_set(&a, Some(b"1"), Some(b"2"), Duration::ZERO).await);
    check_refused(store.put(&key(1, &"n".repeat(SHARED_NAME_MAX + 1)), b"2", LONG).await);
    check_refused(store.get(&CacheKey::new(TenantId(1), "a:b", "c")).await);
    check_refused(store.remove(&CacheKey::new(TenantId(1), "", "c")).await);
    check_value(store, &a, Some(b"1")).await
}
