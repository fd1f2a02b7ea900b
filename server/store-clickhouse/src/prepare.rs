//! Before the first call: is the server new enough, are the tables there, do they keep ticks for as long as configured?

use crate::{
    ClickHouseSettings,
    door::{Door, Insert},
    rows::VersionRow,
    schema::{KNOWN, STEPS, VERSIONS},
    version,
};
use aitrading_store::StoreError;
use std::num::NonZeroU32;

/// What the operator knows the tables by.
const PLACE: &str = "the ClickHouse database";
const PREPARING: &str = "preparing the tick tables";
/// Stands before the days in a table's description.
const DAYS: &str = "toInt64(";
/// What of a table may be forgotten, and when.
struct Kept {
    table: &'static str,
    /// Takes the days as a parameter.
    keep_for: &'static str,
    keep_all: &'static str,
}

macro_rules! kept {
    ($table:literal by $time:literal) => {
        Kept {
            table: $table,
            // In seconds and capped at the server's last second (in 2106): a plain sum of date and days would begin anew beyond
            // it, and what is to be kept for very long would be forgotten at once.
            keep_for: concat!(
                "ALTER TABLE ", $table, " MODIFY TTL toDateTime(greatest(0, least(intDiv(", $time,
                ", 1000) + toInt64({days:UInt32}) * 86400, 4294967295)), 'UTC')"
            ),
            keep_all: concat!("ALTER TABLE ", $table, " REMOVE TTL"),
        }
    };
}

const TICKS: Kept = kept!("ticks" by "time_ms");
/// By their end: a bar is not older than its last tick.
const BARS: Kept = kept!("bars" by "(start_ms + timeframe_ms)");

/// Makes the server ready and says its version. What is ready already is left alone.
pub(crate) async fn prepare(door: &Door, settings: ClickHouseSettings) -> Result<String, StoreError> {
    let version = server_version(door).await?;
    version::check(&version)?;
    create_database(door).await?;
    migrate(door).await?;
    keep_for(door, &TICKS, settings.retention_days).await?;
    keep_for(door, &BARS, settings.bars_retention_days).await?;
    Ok(version)
}

/// Asked without the database, which may not be there yet.
pub(crate) async fn server_version(door: &Door) -> Result<String, StoreError> {
    let query =
        |client: &clickhouse::Client| client.clone().with_database("default").query("SELECT version() AS version");
    let mut rows = door.fetch::<String>("asking for the server's version", query).await?;
    Ok(rows.pop().unwrap_or_default())
}

/// Only where it is missing: a user who may not create one can be given one.
async fn create_database(door: &Door) -> Result<(), StoreError> {
    let name = door.link().endpoint().database().to_owned();
    let there = door.fetch::<u64>(PREPARING, |client| {
        let client = client.clone().with_database("default");
        client.query("SELECT count() AS n FROM system.databases WHERE name = {name:String}").param("name", &name)
    });
    if there.await?.first().copied().unwrap_or_default() > 0 {
        return Ok(());
    }
    door.execute(PREPARING, |client| {
        let client = client.clone().with_database("default");
        client.query("CREATE DATABASE IF NOT EXISTS {name:Identifier}").param("name", &name)
    })
    .await
}

async fn migrate(door: &Door) -> Result<(), StoreError> {
    door.execute(PREPARING, |client| client.query(VERSIONS)).await?;
    let found =
        door.fetch::<u32>(PREPARING, |client| client.query("SELECT max(version) AS version FROM schema_versions"));
    let found = found.await?.first().copied().unwrap_or_default();
    if found > KNOWN {
        return Err(StoreError::SchemaNewer { place: PLACE, found: found.into(), known: KNOWN.into() });
    }
    for (version, step) in (1..).zip(STEPS).skip_while(|(version, _)| *version <= found) {
        for statement in step {
            door.execute(PREPARING, |client| client.query(statement)).await?;
        }
        door.insert::<VersionRow, _>(
            PREPARING,
            "schema_versions",
            Insert::AtOnce,
            std::iter::once(VersionRow { version }),
        )
        .await?;
        tracing::info!(version, "the tick tables have a new schema");
    }
    Ok(())
}

/// A change rewrites what is there, so it is made only where the table says something else.
async fn keep_for(door: &Door, kept: &Kept, retention: Option<NonZeroU32>) -> Result<(), StoreError> {
    let described = door.fetch::<String>(PREPARING, |client| {
        let description = "SELECT engine_full AS text FROM system.tables
             WHERE database = currentDatabase() AND name = {name:String}";
        client.query(description).param("name", kept.table)
    });
    let described = described.await?.pop().unwrap_or_default();
    let (now, wanted) = (days(&described), retention.map(NonZeroU32::get));
    if now == wanted {
        return Ok(());
    }
    tracing::info!(table = kept.table, ?now, ?wanted, "a table is kept for another number of days");
    match wanted {
        None => door.execute(PREPARING, |client| client.query(kept.keep_all)).await,
        Some(days) => door.execute(PREPARING, |client| client.query(kept.keep_for).param("days", days)).await,
    }
}

/// The days after which a table of this description forgets: the first number behind the word.
fn days(described: &str) -> Option<u32> {
    let (_, rest) = described.split_once(DAYS)?;
    let rest = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn the_days_of_a_table_are_read_from_its_description() {
        for (described, found) in [
            ("MergeTree ORDER BY a SETTINGS index_granularity = 8192", None),
            ("MergeTree ORDER BY a TTL toDateTime(least(t + (toInt64(30) * 86400), 9)) SETTINGS b = 1", Some(30)),
            (
                "MergeTree ORDER BY a TTL least(t + (toInt64(_CAST(3650, 'UInt32')) * 86400), 9) SETTINGS b = 1",
                Some(3650),
            ),
            ("TTL toInt64(x)", None),
        ] {
            assert_eq!(days(described), found, "{described}");
        }
    }
}
