//! Buckets cover every value, and percentiles are close.

use super::*;

#[test]
fn every_value_has_a_bucket_whose_bound_is_within_three_percent() {
    let edges = (0..64).flat_map(|bit| [1_u64 << bit, (1_u64 << bit) - 1, (1_u64 << bit) + (1_u64 << bit) / 3]);
    for value in edges.chain([u64::MAX]) {
        let bound = upper_bound(bucket(value));
        assert!(bucket(value) < BUCKETS, "{value}");
        assert!(bound >= value && bound - value <= value / 31, "{value} is counted as up to {bound}");
        assert_eq!(bucket(bound), bucket(value), "{value}");
    }
}

#[test]
fn percentiles_follow_the_counts() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.percentiles(), Percentiles::default());
    for value in 1..=1000 {
        histogram.add(value, 1);
    }
    let p = histogram.percentiles();
    assert_eq!((p.count, p.max), (1000, 1000));
    for (found, exact) in [(p.p50, 500), (p.p90, 900), (p.p99, 990), (p.p999, 999)] {
        assert!(found >= exact && found <= exact + exact / 31, "{found} for {exact}");
    }
    histogram.add(5_000, 100_000);
    assert_eq!(histogram.percentiles().p50, 5_000, "a bound is never beyond the largest value");
}
