//! The closed table of edges between our crates. ARCHITECTURE.md shows the same table; tidy compares the two.

use super::Violation;
use super::graph::{Graph, Kind, Member};

/// What one crate may use. `planned` crates have a place in the table and no folder yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) folder: &'static str,
    pub(super) planned: bool,
    /// Folder names of our crates, or the words of [`may_use`].
    pub(super) may: &'static [&'static str],
}

const fn row(folder: &'static str, may: &'static [&'static str]) -> Row {
    Row { folder, planned: false, may }
}

const fn planned(folder: &'static str, may: &'static [&'static str]) -> Row {
    Row { folder, planned: true, may }
}

/// What an adapter to one kind of database server may use.
const ADAPTER: &[&str] = &["model", "error", "env", "store", "database-link"];

/// Adding a word here is a design change: it needs the same word in ARCHITECTURE.md and a reason in the commit.
pub(super) const TABLE: &[Row] = &[
    row("core/model", &[]),
    row("core/error", &[]),
    row("core/env", &[]),
    row("core/config", &["error", "env"]),
    row("core/wire", &["model", "error"]),
    row("core/journal", &["error", "env"]),
    row("core/security", &["model", "error", "env"]),
    row("core/channel", &["error", "env", "security", "wire"]),
    row("core/audit", &["model", "error", "env"]),
    row("core/logging", &["error", "env", "config"]),
    planned("core/log-store", &["error", "env", "config", "logging"]),
    row("core/hub", &["error", "env", "config", "logging"]),
    row("core/http", &["error", "env", "logging", "channel"]),
    row("core/market-files", &["model", "error"]),
    planned("core/chain", &["model", "error"]),
    row("core/testkit", &["core"]),
    row("server/risk", &["model", "error"]),
    row("server/store", &["model", "error"]),
    row("server/database-link", &["error", "env", "config", "store"]),
    row("server/sql-engine", &["model", "error", "env", "store"]),
    row("server/store-clickhouse", ADAPTER),
    row("server/store-redis", ADAPTER),
    row("server/store-nats", ADAPTER),
    row("server/store-rest", ADAPTER),
    row("server/store-remote", &["model", "error", "env", "http", "channel", "security", "store", "database-link"]),
    row(
        "server/database-service",
        &[
            "model",
            "error",
            "env",
            "config",
            "wire",
            "channel",
            "http",
            "security",
            "store",
            "chain",
            "log-store",
            "hub",
            "database-link",
            "sql-engine",
            "store-clickhouse",
            "store-redis",
            "store-nats",
            "store-remote",
            "store-rest",
        ],
    ),
    row(
        "server/data-bridge",
        &["model", "error", "env", "config", "wire", "journal", "channel", "http", "security", "store", "hub"],
    ),
    row(
        "server/trading-engine",
        &[
            "model", "error", "env", "config", "wire", "journal", "channel", "http", "security", "risk", "store",
            "audit", "hub",
        ],
    ),
    row(
        "server/api-gateway",
        &["model", "error", "env", "config", "wire", "channel", "http", "security", "store", "chain", "hub", "logging"],
    ),
    row(
        "client/metatrader-connector",
        &["model", "error", "env", "config", "wire", "journal", "channel", "security", "settings", "keystore", "hub"],
    ),
    row("client/settings", &["config", "error", "env"]),
    row("client/keystore", &["error", "env", "security"]),
    row("client/app", &["client", "core"]),
    row("aitrading", &["all"]),
    row("bench", &["all"]),
    row("xtask", &["all"]),
    planned("tests/sim", &["all"]),
];

const SERVICES: &[&str] = &["data-bridge", "trading-engine", "api-gateway", "database-service"];
const TESTKIT: &str = "testkit";
/// Rings whose crates are never shipped, and so may look at everything.
const UNSHIPPED: &[&str] = &["bench", "xtask", "tests"];
/// The longest way through our crates below the binaries, in edges; the server's binary adds one.
const DEPTH_MAX: usize = 5;
const BINARY: &str = "aitrading";

/// The last part of a folder: what the table calls a crate.
pub(super) fn short(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// The first part of a folder: the ring.
pub(super) fn ring(folder: &str) -> &str {
    folder.split('/').next().unwrap_or(folder)
}

/// Checks every edge against the table and against the rules that stand above it.
pub(super) fn check(graph: &Graph, table: &[Row]) -> Vec<Violation> {
    let mut found = Vec::new();
    for member in &graph.members {
        let Some(row) = table.iter().find(|row| row.folder == member.folder) else {
            found.push(at(
                member,
                "edges",
                "this crate is not in the table of edges: add it to xtask/src/tidy/edges.rs",
            ));
            continue;
        };
        for (other, kind) in graph.ours(member) {
            found.extend(edge(member, row, other, kind));
        }
        found.extend(links_two_services(graph, member));
        found.extend(too_deep(graph, member));
    }
    found
}

fn edge(member: &Member, row: &Row, other: &Member, kind: Kind) -> Vec<Violation> {
    let (from, to) = (member.folder.as_str(), other.folder.as_str());
    let mut found = Vec::new();
    let testkit = short(to) == TESTKIT;
    if testkit && kind != Kind::Dev && !UNSHIPPED.contains(&ring(from)) {
        found.push(at(member, "testkit", "testkit is for tests: move it to [dev-dependencies]"));
    } else if !testkit && !may_use(row, to) {
        let message = format!("{from} may not use {to}: break the edge, or change the design in ARCHITECTURE.md");
        found.push(at(member, "edges", message));
    }
    let crossing = matches!((ring(from), ring(to)), ("core", "server" | "client"))
        || matches!((ring(from), ring(to)), ("server", "client") | ("client", "server"));
    if crossing {
        let message = format!("the {} ring never names the {} ring, so {from} cannot use {to}", ring(from), ring(to));
        found.push(at(member, "rings", message));
    }
    if SERVICES.contains(&short(from)) && SERVICES.contains(&short(to)) {
        let message = format!("services meet in wire and store only, so {from} cannot use {to}");
        found.push(at(member, "services", message));
    }
    found
}

fn may_use(row: &Row, to: &str) -> bool {
    row.may.iter().any(|word| match *word {
        "all" => true,
        "core" | "client" => ring(to) == *word,
        name => short(to) == name,
    })
}

fn links_two_services(graph: &Graph, member: &Member) -> Option<Violation> {
    if member.name == BINARY || UNSHIPPED.contains(&ring(&member.folder)) {
        return None;
    }
    let linked: Vec<&str> = SERVICES
        .iter()
        .copied()
        .filter(|service| graph.reach(member, &[], |name| name == format!("aitrading-{service}")).is_some())
        .collect();
    let message = format!("only aitrading links two services, this crate links {}", linked.join(" and "));
    (linked.len() > 1).then(|| at(member, "services", message))
}

fn too_deep(graph: &Graph, member: &Member) -> Option<Violation> {
    let bound = if member.name == BINARY { DEPTH_MAX + 1 } else { DEPTH_MAX };
    // The walk stops just above the bound, so a cycle of dev-dependencies cannot hold it.
    let depth = depth(graph, member, bound + 1);
    let message = format!("the graph below this crate is more than {bound} edges deep: flatten it");
    (depth > bound && !UNSHIPPED.contains(&ring(&member.folder))).then(|| at(member, "depth", message))
}

fn depth(graph: &Graph, member: &Member, bound: usize) -> usize {
    if bound == 0 {
        return 0;
    }
    let below = graph.ours(member).filter(|(_, kind)| *kind != Kind::Dev);
    below.map(|(other, _)| 1 + depth(graph, other, bound - 1)).max().unwrap_or(0)
}

fn at(member: &Member, rule: &'static str, message: impl Into<String>) -> Violation {
    Violation::new(format!("{}/Cargo.toml", member.folder), 1, rule, message)
}

#[cfg(test)]
mod tests;
