//! Which servers play which parts. A part without a server is embedded.

#[cfg(test)]
mod tests;

use aitrading_config::Collector;
use aitrading_database_link::{Role, ServerSettings, Settings};
use serde::Deserialize;
use std::num::NonZeroU32;

/// The usual ports.
const POSTGRESQL: u16 = 5432;
const CLICKHOUSE: u16 = 8443;
const REDIS: u16 = 6379;
const WEAVIATE: u16 = 443;
const ARANGODB: u16 = 8529;
const NATS: u16 = 4222;

/// The section `[database]` as written: `[database.ticks.clickhouse]` with a host moves the ticks there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawServers {
    relational: RawRelational,
    ticks: RawTicks,
    cache: RawCache,
    patterns: RawPatterns,
    graph: RawGraph,
    events: RawEvents,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawRelational {
    postgresql: Option<Settings>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawTicks {
    clickhouse: Option<Settings>,
    /// Days after which ticks are forgotten; for ever if none.
    retention_days: Option<u32>,
    /// Days after which bars are forgotten; for ever if none.
    bars_retention_days: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawCache {
    redis: Option<Settings>,
    dragonfly: Option<Settings>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawPatterns {
    weaviate: Option<Settings>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawGraph {
    arangodb: Option<Settings>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawEvents {
    nats: Option<Settings>,
}

/// Which servers play which parts, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers {
    /// Rows on PostgreSQL.
    pub relational: Option<ServerSettings>,
    /// Ticks, bars and gaps on ClickHouse.
    pub ticks: Option<ServerSettings>,
    /// Days after which ClickHouse forgets ticks.
    pub retention_days: Option<NonZeroU32>,
    /// Days after which ClickHouse forgets bars.
    pub bars_retention_days: Option<NonZeroU32>,
    /// The shared cache on Redis or DragonflyDB.
    pub cache: Option<ServerSettings>,
    /// Similarity on Weaviate.
    pub patterns: Option<ServerSettings>,
    /// Chains on ArangoDB.
    pub graph: Option<ServerSettings>,
    /// Events over NATS JetStream.
    pub events: Option<ServerSettings>,
}

impl Servers {
    /// The server that plays a part.
    #[must_use]
    pub const fn of(&self, role: Role) -> Option<&ServerSettings> {
        match role {
            Role::Relational => self.relational.as_ref(),
            Role::Ticks => self.ticks.as_ref(),
            Role::Cache => self.cache.as_ref(),
            Role::Patterns => self.patterns.as_ref(),
            Role::Graph => self.graph.as_ref(),
            Role::Events => self.events.as_ref(),
        }
    }
}

impl RawServers {
    /// Checks every value, in the section that the caller has opened.
    pub fn resolve(self, collector: &mut Collector<'_>) -> Option<Servers> {
        let ticks = collector.section("ticks", |c| {
            let named = self.ticks.clickhouse.is_some();
            let ticks = days(c, "retention_days", self.ticks.retention_days, named);
            let bars = days(c, "bars_retention_days", self.ticks.bars_retention_days, named);
            Some((one(c, "clickhouse", CLICKHOUSE, self.ticks.clickhouse)?, ticks?, bars?))
        });
        let cache = collector.section("cache", |c| {
            if self.cache.redis.is_some() && self.cache.dragonfly.is_some() {
                c.refuse("dragonfly", "", "there is one shared cache", "name Redis or DragonflyDB, not both");
                return None;
            }
            let redis = one(c, "redis", REDIS, self.cache.redis)?;
            Some(redis.or(one(c, "dragonfly", REDIS, self.cache.dragonfly)?))
        });
        let patterns = collector.section("patterns", |c| one(c, "weaviate", WEAVIATE, self.patterns.weaviate));
        let graph = collector.section("graph", |c| one(c, "arangodb", ARANGODB, self.graph.arangodb));
        let events = collector.section("events", |c| one(c, "nats", NATS, self.events.nats));
        let relational =
            collector.section("relational", |c| one(c, "postgresql", POSTGRESQL, self.relational.postgresql));
        let (ticks, retention_days, bars_retention_days) = ticks?;
        Some(Servers {
            relational: relational?,
            ticks,
            retention_days,
            bars_retention_days,
            cache: cache?,
            patterns: patterns?,
            graph: graph?,
            events: events?,
        })
    }
}

/// How long ClickHouse keeps something. `None`: refused. `Some(None)`: for ever.
#[expect(clippy::option_option, reason = "for ever and refused are two things")]
fn days(c: &mut Collector<'_>, key: &'static str, days: Option<u32>, named: bool) -> Option<Option<NonZeroU32>> {
    let Some(days) = days else { return Some(None) };
    if !named {
        let cure = "remove it, or name a ClickHouse server in [database.ticks.clickhouse]";
        c.refuse(key, "", "the embedded tick files are kept for ever", cure);
        return None;
    }
    c.within(key, days, 1..=36_525).map(NonZeroU32::new)
}

/// `None`: refused. `Some(None)`: not named.
#[expect(clippy::option_option, reason = "not named and refused are two things")]
fn one(
    collector: &mut Collector<'_>,
    key: &'static str,
    port: u16,
    raw: Option<Settings>,
) -> Option<Option<ServerSettings>> {
    match raw {
        None => Some(None),
        Some(raw) => collector.section(key, |c| raw.resolve(port, c)).map(Some),
    }
}
