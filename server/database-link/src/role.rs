//! What a database server is for.

use serde::Serialize;
use std::fmt;

/// The part that a database server plays. Each is served by an embedded store or by a server of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Users, devices, orders, signals, policies.
    Relational,
    /// Ticks, bars, gaps.
    Ticks,
    /// Small values that instances share.
    Cache,
    /// Similar errors and threats.
    Patterns,
    /// Services and chains.
    Graph,
    /// Events between instances.
    Events,
}

impl Role {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [Self::Relational, Self::Ticks, Self::Cache, Self::Patterns, Self::Graph, Self::Events];

    /// The name in configuration, metrics and health.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relational => "relational",
            Self::Ticks => "ticks",
            Self::Cache => "cache",
            Self::Patterns => "patterns",
            Self::Graph => "graph",
            Self::Events => "events",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
