//! What every [`PatternIndex`] promises.

use crate::{Match, Near, Pattern, PatternIndex, PatternKind, StoreError};
use aitrading_model::{TenantId, Timestamp};
use std::sync::Arc;

type Index = Arc<dyn PatternIndex>;
type Checked = Result<(), StoreError>;

/// How far a distance may be off: indexes that quantise are good to about this.
const TOLERANCE: f32 = 0.01;
const NOW: i64 = 1_700_000_000_123_456_789;

fn pattern(tenant: u64, n: u8, vector: &[f32]) -> Pattern {
    Pattern {
        tenant: TenantId(tenant),
        id: [n; 16],
        kind: PatternKind::Error,
        vector: vector.to_vec(),
        text: format!("pattern {n}"),
        at: Timestamp(NOW),
    }
}

fn near(tenant: u64, vector: &[f32]) -> Near {
    let vector = vector.to_vec();
    Near { tenant: TenantId(tenant), kind: None, vector, since: None, distance_max: 2.0, limit: 9 }
}

fn ids(found: &[Match]) -> Vec<u8> {
    found.iter().map(|found| found.pattern.id[0]).collect()
}

async fn check_found(index: &Index, question: &Near, expected: &[u8]) -> Checked {
    assert_eq!(ids(&index.near(question).await?), expected, "{question:?}");
    Ok(())
}

/// Nothing is made up.
pub async fn a_new_index_is_empty(index: Index) -> Checked {
    assert_eq!(index.count(TenantId(1)).await?, 0);
    assert!(!index.remove(TenantId(1), [1; 16]).await?);
    check_found(&index, &near(1, &[1.0, 0.0]), &[]).await?;
    index.put(vec![]).await?;
    assert_eq!(index.count(TenantId(1)).await?, 0);
    Ok(())
}

/// The nearest comes first, with its distance; length does not matter, direction does.
pub async fn the_nearest_comes_first(index: Index) -> Checked {
    let opposite = pattern(1, 4, &[-5.0, 0.0]);
    let across = pattern(1, 3, &[0.0, 0.001]);
    let aslant = pattern(1, 2, &[3.0, 3.0]);
    let same = pattern(1, 1, &[200.0, 0.0]);
    index.put(vec![opposite, across, aslant, same]).await?;
    let found = index.near(&near(1, &[1.0, 0.0])).await?;
    assert_eq!(ids(&found), [1, 2, 3, 4]);
    for (found, expected) in found.iter().zip([0.0, 1.0 - std::f32::consts::FRAC_1_SQRT_2, 1.0, 2.0]) {
        assert!((found.distance - expected).abs() < TOLERANCE, "{} instead of {expected}", found.distance);
    }
    Ok(())
}

/// A question's bounds hold: distance, number, kind, time (the moment itself included), and all of them together.
pub async fn questions_are_bounded(index: Index) -> Checked {
    let mut all: Vec<Pattern> =
        (1..=6_u8).map(|n| pattern(1, n, &[(f32::from(n) * 0.2).cos(), (f32::from(n) * 0.2).sin()])).collect();
    for (n, one) in (0_i64..).zip(&mut all) {
        one.at = Timestamp(NOW + n);
        if n % 2 == 1 {
            one.kind = PatternKind::Threat;
        }
    }
    index.put(all).await?;
    let any = near(1, &[1.0, 0.0]);
    check_found(&index, &any, &[1, 2, 3, 4, 5, 6]).await?;
    check_found(&index, &Near { limit: 2, ..any.clone() }, &[1, 2]).await?;
    let threats = Near { kind: Some(PatternKind::Threat), ..any.clone() };
    check_found(&index, &threats, &[2, 4, 6]).await?;
    check_found(&index, &Near { kind: Some(PatternKind::Error), ..any.clone() }, &[1, 3, 5]).await?;
    check_found(&index, &Near { since: Some(Timestamp(NOW + 3)), ..any.clone() }, &[4, 5, 6]).await?;
    check_found(&index, &Near { since: Some(Timestamp(NOW + 6)), ..any.clone() }, &[]).await?;
    // Cosines of 0.6 and 0.8 are 0.825 and 0.697.
    check_found(&index, &Near { distance_max: 0.24, ..any }, &[1, 2, 3]).await?;
    let together = Near { since: Some(Timestamp(NOW + 2)), distance_max: 0.5, limit: 1, ..threats };
    check_found(&index, &together, &[4]).await
}

/// What has another number of dimensions is never near, and does not disturb.
pub async fn dimensions_do_not_mix(index: Index) -> Checked {
    index.put(vec![pattern(1, 1, &[1.0]), pattern(1, 2, &[1.0, 0.0]), pattern(1, 3, &[1.0, 0.0, 0.0])]).await?;
    check_found(&index, &near(1, &[1.0, 0.0]), &[2]).await?;
    check_found(&index, &near(1, &[-1.0]), &[1]).await?;
    check_found(&index, &near(1, &[1.0; 4]), &[]).await?;
    assert_eq!(index.count(TenantId(1)).await?, 3);
    Ok(())
}

/// The same id again replaces all of a pattern; of two in one call the later one counts.
pub async fn patterns_are_replaced_and_removed(index: Index) -> Checked {
    index.put(vec![pattern(1, 1, &[1.0, 0.0]), pattern(1, 2, &[1.0, 0.1])]).await?;
    let newer = Pattern { kind: PatternKind::Threat, text: "newer".into(), ..pattern(1, 1, &[0.0, 1.0, 0.0]) };
    index.put(vec![pattern(1, 1, &[0.5, 0.5]), newer.clone()]).await?;
    check_found(&index, &near(1, &[1.0, 0.0]), &[2]).await?;
    let found = index.near(&near(1, &[0.0, 1.0, 0.0])).await?;
    assert_eq!((found.len(), &found[0].pattern.text, found[0].pattern.kind), (1, &newer.text, newer.kind));
    assert_eq!(index.count(TenantId(1)).await?, 2);
    assert!(index.remove(TenantId(1), [1; 16]).await?);
    assert!(!index.remove(TenantId(1), [1; 16]).await?);
    check_found(&index, &near(1, &[0.0, 1.0, 0.0]), &[]).await?;
    assert_eq!(index.count(TenantId(1)).await?, 1);
    Ok(())
}

/// The same id of two tenants is two patterns.
pub async fn tenants_do_not_see_each_other(index: Index) -> Checked {
    let (one, eleven) = (pattern(1, 1, &[1.0, 0.0]), pattern(11, 1, &[0.0, 1.0]));
    index.put(vec![one, eleven, pattern(u64::MAX, 2, &[1.0, 0.0])]).await?;
    assert!(!index.remove(TenantId(2), [1; 16]).await?);
    check_found(&index, &near(1, &[0.0, 1.0]), &[1]).await?;
    check_found(&index, &near(2, &[1.0, 0.0]), &[]).await?;
    assert!(index.remove(TenantId(1), [1; 16]).await?);
    check_found(&index, &near(1, &[1.0, 0.0]), &[]).await?;
    check_found(&index, &near(u64::MAX, &[1.0, 0.0]), &[2]).await?;
    let found = index.near(&near(11, &[0.0, 1.0])).await?;
    assert!(found.len() == 1 && found[0].distance < TOLERANCE);
    assert_eq!(index.count(TenantId(11)).await?, 1);
    Ok(())
}

/// A pattern comes back as it was put: text of every kind, nanoseconds, the most dimensions.
pub async fn every_field_of_a_pattern_survives(index: Index) -> Checked {
    let vector: Vec<f32> = (0..Pattern::DIMENSIONS_MAX).map(|n| n as f32 / 4_096.0).collect();
    let odd = Pattern {
        kind: PatternKind::Threat,
        text: "a \"b\" \\ {c} $d ' é 🦀\r\n\t".to_owned(),
        ..pattern(u64::MAX, 255, &vector)
    };
    let longest = Pattern { text: "x".repeat(Pattern::TEXT_MAX), ..pattern(1, 1, &[0.25, -0.5]) };
    index.put(vec![odd.clone(), longest.clone()]).await?;
    let found = index.near(&near(u64::MAX, &vector)).await?;
    assert_eq!(found.into_iter().map(|found| found.pattern).collect::<Vec<_>>(), [odd]);
    let found = index.near(&near(1, &[0.25, -0.5])).await?;
    assert_eq!(found.into_iter().map(|found| found.pattern).collect::<Vec<_>>(), [longest]);
    Ok(())
}

/// One bad pattern of a call, and none of it is written; bad questions are refused.
pub async fn limits_are_kept(index: Index) -> Checked {
    let good = pattern(1, 1, &[1.0, 0.0]);
    let too_long = Pattern { text: "x".repeat(Pattern::TEXT_MAX + 1), ..pattern(1, 2, &[1.0]) };
    let mut bad = vec![vec![good.clone(), too_long], vec![good.clone(); Near::LIMIT_MAX + 1]];
    let vectors = [vec![], vec![0.0; 3], vec![f32::NAN, 1.0], vec![f32::INFINITY], vec![1.0; 4_097]];
    bad.extend(vectors.iter().map(|vector| vec![good.clone(), pattern(1, 2, vector)]));
    for patterns in bad {
        let refused = index.put(patterns).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(index.count(TenantId(1)).await?, 0);
    let question = near(1, &[1.0, 0.0]);
    let mut bad: Vec<Near> = vectors.into_iter().map(|vector| Near { vector, ..question.clone() }).collect();
    bad.extend([0, Near::LIMIT_MAX + 1].map(|limit| Near { limit, ..question.clone() }));
    bad.extend([-0.1, 2.1, f32::NAN].map(|distance_max| Near { distance_max, ..question.clone() }));
    for question in bad {
        let refused = index.near(&question).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    index.put(vec![good; Near::LIMIT_MAX]).await?;
    check_found(&index, &Near { limit: Near::LIMIT_MAX, ..question }, &[1]).await
}
