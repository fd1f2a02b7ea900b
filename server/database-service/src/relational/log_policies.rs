//! How long logs are kept, where, and what that costs, in rows: the tables under the views that the deployment's owner reads.

use super::{
    columns::{limit, small},
    db::{Db, Doing},
};
use aitrading_model::{Money, Timestamp};
use aitrading_store::{LogCost, LogLevel, LogPolicyStore, RetentionPolicy, StorageTier, StoreError, check_limit};
use async_trait::async_trait;

const KEEPING: &str = "keeping a rule for logs";
const READING: &str = "reading the rules for logs";

/// Keeps the rules for logs in rows.
#[derive(Debug)]
pub(super) struct SqlLogPolicies(pub(super) Db);

/// Level, days, tier, compression, compliance, price, made, changed.
type PolicyRow = (String, i64, String, Option<String>, bool, Option<i64>, i64, i64);

fn policy(row: PolicyRow) -> Result<RetentionPolicy, StoreError> {
    let (level, days, storage_tier, compression, compliance_required, cost, created_at, updated_at) = row;
    Ok(RetentionPolicy {
        level: LogLevel::from_name(&level).ok_or_else(|| StoreError::corrupt("a policy's log level"))?,
        retention_days: small(days, "a policy's days")?,
        storage_tier,
        compression,
        compliance_required,
        cost_per_gb_month: cost.map(Money::from_raw),
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
    })
}

/// Name, technology, latency, price, ratio, used.
type TierRow = (String, String, Option<i64>, Option<i64>, Option<i64>, bool);

fn tier((name, technology, latency, cost, ratio, is_active): TierRow) -> Result<StorageTier, StoreError> {
    Ok(StorageTier {
        name,
        technology,
        max_query_latency_ms: latency.map(|ms| small(ms, "a tier's latency")).transpose()?,
        cost_per_gb_month: cost.map(Money::from_raw),
        compression_ratio_tenths: ratio.map(|tenths| small(tenths, "a tier's ratio")).transpose()?,
        is_active,
    })
}

/// Day, gigabytes, hot, warm, cold, month, savings.
type CostRow = (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

fn cost((day, gb, hot, warm, cold, total, savings): CostRow) -> LogCost {
    LogCost {
        day,
        total_logs_gb_hundredths: gb,
        hot: hot.map(Money::from_raw),
        warm: warm.map(Money::from_raw),
        cold: cold.map(Money::from_raw),
        total_month: total.map(Money::from_raw),
        savings: savings.map(Money::from_raw),
    }
}

#[async_trait]
impl LogPolicyStore for SqlLogPolicies {
    async fn put_policy(&self, policy: RetentionPolicy) -> Result<(), StoreError> {
        policy.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        // When a policy was made first stays as it was.
        let statement = "INSERT INTO log_policies (log_level, retention_days, storage_tier, compression_algo,
                 compliance_required, cost_per_gb_month, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (log_level) DO UPDATE SET retention_days = excluded.retention_days,
                 storage_tier = excluded.storage_tier, compression_algo = excluded.compression_algo,
                 compliance_required = excluded.compliance_required, cost_per_gb_month = excluded.cost_per_gb_month,
                 updated_at = excluded.updated_at";
        let query = sqlx::query(statement)
            .bind(policy.level.name())
            .bind(i64::from(policy.retention_days))
            .bind(policy.storage_tier)
            .bind(policy.compression)
            .bind(policy.compliance_required)
            .bind(policy.cost_per_gb_month.map(Money::raw))
            .bind(policy.created_at.0)
            .bind(policy.updated_at.0);
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await
    }

    async fn policies(&self) -> Result<Vec<RetentionPolicy>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT log_level, retention_days, storage_tier, compression_algo, compliance_required,
                 cost_per_gb_month, created_at, updated_at FROM log_policies";
        let rows = sqlx::query_as::<_, PolicyRow>(statement).fetch_all(&mut *tx).await.doing(READING)?;
        let mut policies = rows.into_iter().map(policy).collect::<Result<Vec<_>, _>>()?;
        policies.sort_by_key(|policy| policy.level);
        Ok(policies)
    }

    async fn put_tier(&self, tier: StorageTier) -> Result<(), StoreError> {
        tier.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        let statement = "INSERT INTO log_tiers (tier_name, technology, max_query_latency_ms, cost_per_gb_month,
                 compression_ratio_tenths, is_active)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tier_name) DO UPDATE SET technology = excluded.technology,
                 max_query_latency_ms = excluded.max_query_latency_ms, cost_per_gb_month = excluded.cost_per_gb_month,
                 compression_ratio_tenths = excluded.compression_ratio_tenths, is_active = excluded.is_active";
        let query = sqlx::query(statement)
            .bind(tier.name)
            .bind(tier.technology)
            .bind(tier.max_query_latency_ms.map(i64::from))
            .bind(tier.cost_per_gb_month.map(Money::raw))
            .bind(tier.compression_ratio_tenths.map(i64::from))
            .bind(tier.is_active);
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await
    }

    async fn tiers(&self, n: usize) -> Result<Vec<StorageTier>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT tier_name, technology, max_query_latency_ms, cost_per_gb_month,
                 compression_ratio_tenths, is_active
             FROM log_tiers ORDER BY tier_name LIMIT $1";
        let query = sqlx::query_as::<_, TierRow>(statement).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(tier).collect()
    }

    async fn put_cost(&self, cost: LogCost) -> Result<(), StoreError> {
        cost.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        let statement = "INSERT INTO log_costs (day, total_logs_gb_hundredths, hot, warm, cold, total_month, savings)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (day) DO UPDATE SET total_logs_gb_hundredths = excluded.total_logs_gb_hundredths,
                 hot = excluded.hot, warm = excluded.warm, cold = excluded.cold, total_month = excluded.total_month,
                 savings = excluded.savings";
        let query = sqlx::query(statement)
            .bind(cost.day)
            .bind(cost.total_logs_gb_hundredths)
            .bind(cost.hot.map(Money::raw))
            .bind(cost.warm.map(Money::raw))
            .bind(cost.cold.map(Money::raw))
            .bind(cost.total_month.map(Money::raw))
            .bind(cost.savings.map(Money::raw));
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await
    }

    async fn costs(&self, from: i64, to: i64, n: usize) -> Result<Vec<LogCost>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT day, total_logs_gb_hundredths, hot, warm, cold, total_month, savings FROM log_costs
             WHERE day >= $1 AND day <= $2 ORDER BY day LIMIT $3";
        let query = sqlx::query_as::<_, CostRow>(statement).bind(from).bind(to).bind(limit(n));
        Ok(query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(cost).collect())
    }
}
