//! What a server would forget at once of what is moved there.

use crate::{Database, Servers};
use aitrading_model::{MarketTime, Timestamp};
use aitrading_store::StoreError;
use serde::Serialize;

const NS_PER_MS: i64 = 1_000_000;
const MS_PER_DAY: i64 = 86_400_000;

/// Records that are older than the server is told to keep them: they go with its first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// What they are.
    pub what: &'static str,
    /// The setting that says so.
    pub setting: &'static str,
    /// How long they are kept.
    pub days: u32,
    /// The oldest that is here.
    pub oldest: MarketTime,
    /// What is older than this is forgotten.
    pub before: MarketTime,
}

/// What ClickHouse will forget of what `from` holds, by the settings in `servers`.
///
/// # Errors
/// As the medium says.
pub async fn forgotten(from: &Database, servers: &Servers, now: Timestamp) -> Result<Vec<Forgotten>, StoreError> {
    let [ticks, bars] = from.ticks().oldest().await?;
    let now_ms = now.0.div_euclid(NS_PER_MS);
    let kept = [
        ("ticks", "database.ticks.retention_days", servers.retention_days, ticks),
        ("bars", "database.ticks.bars_retention_days", servers.bars_retention_days, bars),
    ];
    let told = kept.into_iter().filter_map(|(what, setting, days, oldest)| {
        let (days, oldest) = (days?.get(), oldest?);
        let before = MarketTime(now_ms.saturating_sub(i64::from(days).saturating_mul(MS_PER_DAY)));
        (oldest < before).then_some(Forgotten { what, setting, days, oldest, before })
    });
    Ok(told.collect())
}
