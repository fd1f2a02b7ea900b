//! What every [`LogPolicyStore`] promises.

use super::race::check_refused;
use crate::{LogCost, LogLevel, LogPolicyStore, PAGE_MAX, RetentionPolicy, StorageTier, StoreError};
use aitrading_model::{Money, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn LogPolicyStore>;
type Checked = Result<(), StoreError>;

/// The most that `DECIMAL(10,4)` and `DECIMAL(10,2)` hold.
const PRICE_MAX: Money = Money::from_raw(99_999_999_990_000);
const COST_MAX: Money = Money::from_raw(9_999_999_999_000_000);

fn policy(level: LogLevel) -> RetentionPolicy {
    RetentionPolicy {
        level,
        retention_days: 7,
        storage_tier: "hot".to_owned(),
        compression: None,
        compliance_required: false,
        cost_per_gb_month: None,
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
    }
}

fn tier(name: &str) -> StorageTier {
    StorageTier {
        name: name.to_owned(),
        technology: "parquet \"x\" '".to_owned(),
        max_query_latency_ms: None,
        cost_per_gb_month: None,
        compression_ratio_tenths: None,
        is_active: true,
    }
}

/// One policy per level, read back as it was last written; when it was made stays.
pub async fn policies_are_replaced(store: Store) -> Checked {
    assert_eq!(store.policies().await?, []);
    for level in LogLevel::ALL.iter().rev() {
        store.put_policy(policy(*level)).await?;
    }
    let full = RetentionPolicy {
        retention_days: RetentionPolicy::DAYS_MAX,
        storage_tier: "t".repeat(20),
        compression: Some("zstd-19".to_owned()),
        compliance_required: true,
        cost_per_gb_month: Some(PRICE_MAX),
        created_at: Timestamp(99),
        updated_at: Timestamp(100),
        ..policy(LogLevel::Warning)
    };
    store.put_policy(full.clone()).await?;
    let mut expected: Vec<_> = LogLevel::ALL.iter().map(|level| policy(*level)).collect();
    expected[2] = RetentionPolicy { created_at: Timestamp(1), ..full };
    assert_eq!(store.policies().await?, expected);
    Ok(())
}

/// Tiers come by name, as they were last written.
pub async fn tiers_are_replaced(store: Store) -> Checked {
    assert_eq!(store.tiers(9).await?, []);
    for name in ["warm", "cold", "hot", "Hot"] {
        store.put_tier(tier(name)).await?;
    }
    let full = StorageTier {
        technology: "t".repeat(StorageTier::TECHNOLOGY_MAX),
        max_query_latency_ms: Some(i32::MAX as u32),
        cost_per_gb_month: Some(Money::from_raw(10_000)),
        compression_ratio_tenths: Some(999),
        is_active: false,
        ..tier("hot")
    };
    store.put_tier(full.clone()).await?;
    assert_eq!(store.tiers(9).await?, [tier("Hot"), tier("cold"), full, tier("warm")]);
    assert_eq!(store.tiers(1).await?, [tier("Hot")]);
    Ok(())
}

/// Costs come by day, both ends included, as they were last written; what is not known stays unknown.
pub async fn costs_are_kept_by_day(store: Store) -> Checked {
    let day = |day| LogCost { day, ..LogCost::default() };
    for n in [30, 10, 20, 0, LogCost::DAY_MAX] {
        store.put_cost(day(n)).await?;
    }
    let full = LogCost {
        day: 20,
        total_logs_gb_hundredths: Some(9_999_999_999),
        hot: Some(COST_MAX),
        warm: Some(Money::from_raw(1_000_000)),
        cold: Some(Money::ZERO),
        total_month: Some(COST_MAX),
        savings: Some(Money::from_raw(-COST_MAX.raw())),
    };
    store.put_cost(full).await?;
    assert_eq!(store.costs(10, 30, 9).await?, [day(10), full, day(30)]);
    assert_eq!(store.costs(11, 29, 9).await?, [full]);
    assert_eq!(store.costs(0, i64::MAX, 2).await?, [day(0), day(10)]);
    assert_eq!(store.costs(30, 10, 9).await?, []);
    Ok(())
}

/// What the tables cannot hold is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = policy(LogLevel::Info);
    let money = |raw| Some(Money::from_raw(raw));
    for raw in [-10_000, 1, 9_999, PRICE_MAX.raw() + 10_000, i64::MAX] {
        check_refused(store.put_policy(RetentionPolicy { cost_per_gb_month: money(raw), ..good.clone() }).await);
        check_refused(store.put_tier(StorageTier { cost_per_gb_month: money(raw), ..tier("a") }).await);
    }
    for retention_days in [0, RetentionPolicy::DAYS_MAX + 1] {
        check_refused(store.put_policy(RetentionPolicy { retention_days, ..good.clone() }).await);
    }
    for name in ["", "a\0", &"n".repeat(21)] {
        check_refused(store.put_policy(RetentionPolicy { storage_tier: name.to_owned(), ..good.clone() }).await);
        check_refused(store.put_policy(RetentionPolicy { compression: Some(name.to_owned()), ..good.clone() }).await);
        check_refused(store.put_tier(tier(name)).await);
    }
    let long = "t".repeat(StorageTier::TECHNOLOGY_MAX + 1);
    check_refused(store.put_tier(StorageTier { technology: long, ..tier("a") }).await);
    check_refused(store.put_tier(StorageTier { compression_ratio_tenths: Some(1_000), ..tier("a") }).await);
    check_refused(store.put_tier(StorageTier { max_query_latency_ms: Some(1 << 31), ..tier("a") }).await);
    let cost = LogCost { day: 1, ..LogCost::default() };
    for raw in [1, 10_000, COST_MAX.raw() + 1_000_000, i64::MIN] {
        check_refused(store.put_cost(LogCost { savings: money(raw), ..cost }).await);
    }
    check_refused(store.put_cost(LogCost { day: -1, ..cost }).await);
    check_refused(store.put_cost(LogCost { day: LogCost::DAY_MAX + 1, ..cost }).await);
    check_refused(store.put_cost(LogCost { total_logs_gb_hundredths: Some(-1), ..cost }).await);
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.tiers(limit).await);
        check_refused(store.costs(0, 9, limit).await);
    }
    assert_eq!(
        (store.policies().await?, store.tiers(9).await?, store.costs(-9, 9, 9).await?),
        (vec![], vec![], vec![])
    );
    Ok(())
}
