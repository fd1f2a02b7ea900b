//! The index in process agrees with the twin that looks in double precision, and is bounded.

use super::{LocalPatterns, weight};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Match, Near, Pattern, PatternIndex as _, PatternKind, StoreError, memory::MemoryPatterns};
use std::future::Future;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// As whoever keeps the rows hands them over: of two with the same key the later one.
fn put(local: &LocalPatterns, patterns: Vec<Pattern>) -> Result<(), StoreError> {
    local.put(patterns.into_iter().map(|pattern| ((pattern.tenant, pattern.id), pattern)).collect())
}

/// The same for the same `n`, and spread over all directions.
fn number(n: u64) -> f32 {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
}

fn pattern(tenant: u64, n: u8, dimensions: u64) -> Pattern {
    Pattern {
        tenant: TenantId(tenant),
        id: [n; 16],
        kind: if n.is_multiple_of(3) { PatternKind::Threat } else { PatternKind::Error },
        vector: (0..dimensions).map(|d| number(u64::from(n) * 10_000 + d)).collect(),
        text: format!("pattern {n}"),
        at: Timestamp(i64::from(n)),
    }
}

fn question(dimensions: u64, limit: usize) -> Near {
    let vector = (0..dimensions).map(|d| number(d + 7)).collect();
    Near { tenant: TenantId(1), kind: None, vector, since: None, distance_max: 2.0, limit }
}

fn ids(found: &[Match]) -> Vec<u8> {
    found.iter().map(|found| found.pattern.id[0]).collect()
}

#[test]
fn it_answers_like_the_twin_whatever_the_number_of_dimensions() {
    for dimensions in [1, 2, 15, 16, 17, 33, 384] {
        let (local, twin) = (LocalPatterns::default(), MemoryPatterns::default());
        let patterns: Vec<Pattern> = (0..=199).map(|n| pattern(1, n, dimensions)).collect();
        put(&local, patterns.clone()).unwrap();
        block_on(twin.put(patterns)).unwrap();
        for n in (0..=199).step_by(3) {
            let gone = local.remove((TenantId(1), [n; 16]));
            assert!(gone && block_on(twin.remove(TenantId(1), [n; 16])).unwrap());
        }
        let any = question(dimensions, 1_000);
        for near in [
            any.clone(),
            Near { limit: 1, ..any.clone() },
            Near { limit: 7, ..any.clone() },
            Near { limit: 7, kind: Some(PatternKind::Threat), ..any.clone() },
            Near { distance_max: 0.97, since: Some(Timestamp(50)), ..any.clone() },
            Near { distance_max: 0.0, ..any.clone() },
        ] {
            let (found, expected) = (local.near(&near).unwrap(), block_on(twin.near(&near)).unwrap());
            assert_eq!(found, expected, "{dimensions} dimensions, {} at most", near.limit);
        }
        assert!(!ids(&local.near(&any).unwrap()).is_empty());
    }
}

#[test]
fn the_same_direction_is_at_no_distance_at_all() {
    let local = LocalPatterns::default();
    let one = pattern(1, 1, 384);
    let longer: Vec<f32> = one.vector.iter().map(|x| x * 4.0).collect();
    put(&local, vec![one]).unwrap();
    let near = Near { vector: longer, distance_max: 0.0, ..question(384, 1) };
    assert_eq!(ids(&local.near(&near).unwrap()), [1]);
}

#[test]
fn beyond_its_bound_it_is_full_and_keeps_what_it_had() {
    let each = weight(4, "pattern 1".len());
    let local = LocalPatterns::bounded(2 * each);
    put(&local, vec![pattern(1, 1, 4), pattern(1, 2, 4)]).unwrap();
    for beyond in [vec![pattern(1, 3, 4)], vec![pattern(1, 1, 5)], vec![pattern(2, 1, 1), pattern(2, 2, 1)]] {
        let refused = put(&local, beyond);
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
    assert_eq!(local.count(TenantId(1)), 2);
    assert_eq!(local.count(TenantId(2)), 0);
    // Replacing takes no more room, and what is removed makes room.
    put(&local, vec![pattern(1, 1, 3), pattern(1, 1, 4)]).unwrap();
    assert!(local.remove((TenantId(1), [2; 16])));
    put(&local, vec![pattern(1, 3, 4)]).unwrap();
    let mut left = ids(&local.near(&question(4, 9)).unwrap());
    left.sort_unstable();
    assert_eq!(left, [1, 3]);
}
