//! The port for how long logs are kept, where, and what that costs: the deployment's own tables, with no tenant in them.

use crate::{
    LogLevel, StoreError,
    bounds::{is_text, require},
};
use aitrading_model::{Money, SCALE, Timestamp};
use async_trait::async_trait;

/// Most bytes of a tier's name and of a compression's.
pub const TIER_NAME_MAX: usize = 20;

/// Is this what `DECIMAL(10, decimals)` can hold, given in hundred-millionths?
fn is_decimal(raw: i64, decimals: u32) -> bool {
    let unit = 10_i64.saturating_pow(8_u32.saturating_sub(decimals));
    let whole = 10_i64.saturating_pow(10_u32.saturating_sub(decimals)).saturating_mul(SCALE);
    raw.checked_rem(unit) == Some(0) && raw.checked_abs().is_some_and(|raw| raw < whole)
}

fn is_price(price: Option<Money>) -> bool {
    price.is_none_or(|price| price >= Money::ZERO && is_decimal(price.raw(), 4))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && is_text(name, TIER_NAME_MAX)
}

/// How long lines of one level are kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// Of which level.
    pub level: LogLevel,
    /// For how many days, at most [`RetentionPolicy::DAYS_MAX`].
    pub retention_days: u32,
    /// In which tier at the end.
    pub storage_tier: String,
    /// Compressed how.
    pub compression: Option<String>,
    /// May it not be shortened?
    pub compliance_required: bool,
    /// What a gigabyte costs a month, in steps of 0.0001.
    pub cost_per_gb_month: Option<Money>,
    /// When it was made first; a later write does not change it.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl RetentionPolicy {
    /// Longest time: a hundred years.
    pub const DAYS_MAX: u32 = 36_525;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require((1..=Self::DAYS_MAX).contains(&self.retention_days), "logs are kept for 1 to 36,525 days")?;
        require(
            is_name(&self.storage_tier) && self.compression.as_deref().is_none_or(is_name),
            "names of tiers and compressions have 1 to 20 bytes",
        )?;
        require(is_price(self.cost_per_gb_month), PRICE)
    }
}

const PRICE: &str = "a price of a gigabyte is 0 to 999,999.9999 in steps of 0.0001";

/// Where logs are kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageTier {
    /// Its name.
    pub name: String,
    /// What it is made of, at most [`StorageTier::TECHNOLOGY_MAX`] bytes.
    pub technology: String,
    /// How long a query may take.
    pub max_query_latency_ms: Option<u32>,
    /// What a gigabyte costs a month, in steps of 0.0001.
    pub cost_per_gb_month: Option<Money>,
    /// How many times smaller logs get there, in tenths; at most 999.
    pub compression_ratio_tenths: Option<u16>,
    /// Is it used?
    pub is_active: bool,
}

impl StorageTier {
    /// Most bytes of a technology.
    pub const TECHNOLOGY_MAX: usize = 50;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(is_name(&self.name), "names of tiers and compressions have 1 to 20 bytes")?;
        require(
            !self.technology.is_empty() && is_text(&self.technology, Self::TECHNOLOGY_MAX),
            "a tier's technology has 1 to 50 bytes",
        )?;
        require(self.compression_ratio_tenths.is_none_or(|tenths| tenths <= 999), "a ratio is 0 to 99.9")?;
        require(self.max_query_latency_ms.is_none_or(|ms| ms <= i32::MAX as u32), "a latency has at most 31 bits")?;
        require(is_price(self.cost_per_gb_month), PRICE)
    }
}

/// What logs cost, as of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogCost {
    /// The day in UTC since 1970-01-01.
    pub day: i64,
    /// Gigabytes in all, in hundredths.
    pub total_logs_gb_hundredths: Option<i64>,
    /// Cost of the hot tier; this and all that follow in steps of 0.01.
    pub hot: Option<Money>,
    /// Cost of the warm tier.
    pub warm: Option<Money>,
    /// Cost of the cold tier.
    pub cold: Option<Money>,
    /// Cost of a month in all.
    pub total_month: Option<Money>,
    /// What is saved against keeping all the same way; negative if nothing is.
    pub savings: Option<Money>,
}

impl LogCost {
    /// The last day that is taken: 9999-12-31.
    pub const DAY_MAX: i64 = 2_932_896;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require((0..=Self::DAY_MAX).contains(&self.day), "a cost is of a day from 1970-01-01 to 9999-12-31")?;
        let costs = [self.hot, self.warm, self.cold, self.total_month, self.savings];
        require(
            costs.into_iter().flatten().all(|cost| is_decimal(cost.raw(), 2)),
            "a cost is below 100,000,000 in steps of 0.01",
        )?;
        let gb = self.total_logs_gb_hundredths.unwrap_or(0);
        require((0..10_000_000_000).contains(&gb), "logs are 0 to 99,999,999.99 gigabytes")
    }
}

/// Keeps the rules for logs and what logs cost.
#[async_trait]
pub trait LogPolicyStore: Send + Sync {
    /// Writes or replaces the policy of a level. Returns when it is durable.
    async fn put_policy(&self, policy: RetentionPolicy) -> Result<(), StoreError>;
    /// All policies by level.
    async fn policies(&self) -> Result<Vec<RetentionPolicy>, StoreError>;
    /// Writes or replaces a tier. Returns when it is durable.
    async fn put_tier(&self, tier: StorageTier) -> Result<(), StoreError>;
    /// Up to `limit` tiers by name (as bytes).
    async fn tiers(&self, limit: usize) -> Result<Vec<StorageTier>, StoreError>;
    /// Writes or replaces the cost of a day.
    async fn put_cost(&self, cost: LogCost) -> Result<(), StoreError>;
    /// Up to `limit` costs of days from `from` to `to`, both included, by day.
    async fn costs(&self, from: i64, to: i64, limit: usize) -> Result<Vec<LogCost>, StoreError>;
}
