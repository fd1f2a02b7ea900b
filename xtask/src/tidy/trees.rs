//! What must never be reachable from where: pure crates stay pure, and each heavy dependency has one owner.

use super::Violation;
use super::edges::short;
use super::graph::{Graph, Kind, Member};

/// Crates whose whole tree holds no runtime, clock, randomness or I/O.
const PURE: &[&str] = &["model", "error", "risk", "store"];
const IMPURE: &[&str] = &[
    "aitrading-env",
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "rand_core",
    "reqwest",
    "smol",
    "socket2",
    "time",
    "tokio",
];

/// Dependencies that only their owners reach: everyone else must go through an owner of ours.
#[derive(Debug)]
struct Owned {
    what: &'static str,
    /// Package names; a trailing `*` stands for any ending.
    packages: &'static [&'static str],
    owners: &'static [&'static str],
}

const OWNED: &[Owned] = &[
    Owned {
        what: "a database driver or store format",
        packages: &[
            "arrow*",
            "async-nats",
            "clickhouse*",
            "datafusion*",
            "diesel*",
            "libsqlite3-sys",
            "moka",
            "parquet*",
            "redis",
            "reqwest",
            "rusqlite",
            "sea-orm*",
            "sqlx*",
            "tokio-postgres*",
        ],
        owners: &[
            "database-service",
            "sql-engine",
            "store-clickhouse",
            "store-redis",
            "store-nats",
            // Arrow is how it carries rows.
            "store-remote",
            "store-rest",
            // Never shipped: it measures the driver beside our pool.
            "bench",
        ],
    },
    Owned {
        what: "the HTTP framework",
        packages: &["axum*", "hyper", "hyper-util", "tower-http"],
        // The adapters' drivers bring its client half.
        owners: &["http", "api-gateway", "store-clickhouse", "store-rest"],
    },
];

/// Who may name a cryptography crate in its manifest. Outside libraries may bring their own; [`super::inventory`] sees
/// to there being one implementation of each primitive.
const CRYPTOGRAPHY: &[(&str, &[&str])] = &[
    ("aes-gcm", &[]),
    ("argon2", &["security"]),
    ("aws-lc-rs", &[]),
    ("blake2", &[]),
    ("chacha20poly1305", &[]),
    ("curve25519-dalek", &["security"]),
    ("ed25519-dalek", &["security", "audit"]),
    ("hkdf", &[]),
    ("hmac", &["security"]),
    ("jsonwebtoken", &["security"]),
    ("native-tls", &[]),
    ("opaque-ke", &["security"]),
    ("openssl", &[]),
    // The testkit makes certificates for test servers, and is never shipped.
    ("rcgen", &["security", "testkit"]),
    // The door computes the accept key of the WebSocket handshake, which is SHA-1 by its RFC.
    ("ring", &["security", "channel", "keystore", "http"]),
    ("rsa", &[]),
    ("sha1", &[]),
    ("sha2", &["security", "channel", "audit", "keystore"]),
    ("snow", &["channel"]),
    ("voprf", &["security"]),
    ("x25519-dalek", &[]),
];

/// Windows' own interfaces, and the one crate that names them.
const WINDOWS: (&[&str], &str) = (&["windows", "windows-sys"], "keystore");

/// Checks the resolved tree of every crate of ours.
pub(super) fn check(graph: &Graph) -> Vec<Violation> {
    let mut found = Vec::new();
    for member in &graph.members {
        found.extend(impure(graph, member));
        found.extend(OWNED.iter().filter_map(|owned| reaches_past_owner(graph, member, owned)));
        found.extend(cryptography(member));
        found.extend(windows(member));
        found.extend(audit_alone(graph, member));
    }
    found
}

fn impure(graph: &Graph, member: &Member) -> Option<Violation> {
    let way =
        PURE.contains(&short(&member.folder)).then(|| graph.reach(member, &[], |name| IMPURE.contains(&name)))??;
    let message = format!("this crate is pure, and reaches {}: take the value as an argument", way.join(" -> "));
    Some(at(member, "pure-tree", message))
}

fn reaches_past_owner(graph: &Graph, member: &Member, owned: &Owned) -> Option<Violation> {
    if owned.owners.contains(&short(&member.folder)) {
        return None;
    }
    let owners: Vec<String> = owned.owners.iter().map(|owner| format!("aitrading-{owner}")).collect();
    let closed: Vec<&str> = owners.iter().map(String::as_str).collect();
    let way = graph.reach(member, &closed, |name| owned.packages.iter().any(|pattern| matches(pattern, name)))?;
    let message = format!("{} belongs to {}: {}", owned.what, owned.owners.join(" and "), way.join(" -> "));
    Some(at(member, "owned-tree", message))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn cryptography(member: &Member) -> Vec<Violation> {
    let named = shipped(member).filter_map(|name| {
        let (_, users) = CRYPTOGRAPHY.iter().find(|(package, _)| *package == name)?;
        let message = format!("{name} is cryptography, which this crate reaches through security, channel or audit");
        (!users.contains(&short(&member.folder))).then(|| at(member, "cryptography", message))
    });
    named.collect()
}

fn windows(member: &Member) -> Option<Violation> {
    let (packages, owner) = WINDOWS;
    let name = shipped(member).find(|name| packages.contains(name))?;
    let message = format!("{name} belongs to {owner}, the only crate that speaks to Windows");
    (short(&member.folder) != owner).then(|| at(member, "windows", message))
}

/// The verifier must be trusted alone: nothing that logs or stores is below it.
fn audit_alone(graph: &Graph, member: &Member) -> Option<Violation> {
    let banned = |name: &str| {
        ["aitrading-logging", "aitrading-config", "aitrading-store", "aitrading-database-service"].contains(&name)
            || name.starts_with("tracing")
            || name.starts_with("sqlx")
    };
    let way = (short(&member.folder) == "audit").then(|| graph.reach(member, &[], banned))??;
    let message = format!("the audit verifier stands alone, and reaches {}", way.join(" -> "));
    Some(at(member, "audit-alone", message))
}

fn shipped(member: &Member) -> impl Iterator<Item = &str> {
    member.dependencies.iter().filter(|(_, kind)| *kind != Kind::Dev).map(|(name, _)| name.as_str())
}

fn at(member: &Member, rule: &'static str, message: String) -> Violation {
    Violation::new(format!("{}/Cargo.toml", member.folder), 1, rule, message)
}

#[cfg(test)]
mod tests;
