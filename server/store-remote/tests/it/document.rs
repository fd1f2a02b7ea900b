//! The table, the traits and the document say the same.

use aitrading_store_remote::{
    ANSWER_MAX, BATCH_BODY_MAX, BATCHES_MAX, CALLS_MAX, DEADLINE_MAX, ITEMS_MAX, LEASE, PAGE_BODY_MAX, PAGES_MAX,
    PORTS, ROW_BODY_MAX, ROWS_MAX, SMALL_BODY_MAX, SUBSCRIPTIONS_MAX,
};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = include_str!("../../../../docs/specs/ports.md");
/// Every file of the ports in which a trait is.
const TRAITS: &[&str] = &[
    include_str!("../../../store/src/ticks.rs"),
    include_str!("../../../store/src/signals.rs"),
    include_str!("../../../store/src/subscriptions.rs"),
    include_str!("../../../store/src/accounts.rs"),
    include_str!("../../../store/src/devices.rs"),
    include_str!("../../../store/src/invites.rs"),
    include_str!("../../../store/src/login_sessions.rs"),
    include_str!("../../../store/src/revocations.rs"),
    include_str!("../../../store/src/lockouts.rs"),
    include_str!("../../../store/src/idempotency.rs"),
    include_str!("../../../store/src/meta.rs"),
    include_str!("../../../store/src/users.rs"),
    include_str!("../../../store/src/orders.rs"),
    include_str!("../../../store/src/positions.rs"),
    include_str!("../../../store/src/risk.rs"),
    include_str!("../../../store/src/sequences.rs"),
    include_str!("../../../store/src/logs.rs"),
    include_str!("../../../store/src/log_policies.rs"),
    include_str!("../../../store/src/security_events.rs"),
    include_str!("../../../store/src/audit_mirror.rs"),
    include_str!("../../../store/src/chains.rs"),
    include_str!("../../../store/src/chain_traces.rs"),
    include_str!("../../../store/src/graph.rs"),
    include_str!("../../../store/src/patterns.rs"),
    include_str!("../../../store/src/events.rs"),
    include_str!("../../../store/src/shared_cache.rs"),
];
/// Methods of a subscription that a trait of its own has, or none.
const BESIDE: [(&str, &str); 5] =
    [("events", "next"), ("events", "acknowledge"), ("events", "leave"), ("shared", "next"), ("shared", "leave")];

/// Methods by trait, as the source has them.
fn methods() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for source in TRAITS {
        for part in source.split("\npub trait ").skip(1) {
            let (name, body) = part.split_once(':').unwrap();
            let body = body.split("\n}").next().unwrap();
            let named = body.split("fn ").skip(1).map(|rest| rest.split('(').next().unwrap().to_owned());
            all.insert(name.to_owned(), named.collect());
        }
    }
    all
}

#[test]
fn every_method_of_every_port_is_in_the_table_and_nothing_else_is() {
    let mut methods = methods();
    for port in PORTS {
        let mut of_trait = methods.remove(port.port).unwrap_or_else(|| panic!("no trait {}", port.port));
        for method in port.methods {
            let beside = BESIDE.contains(&(port.name, method.name));
            assert!(of_trait.remove(method.name) || beside, "{}.{} is no method", port.name, method.name);
        }
        assert_eq!(of_trait, BTreeSet::new(), "methods of {} that nobody can call", port.name);
    }
    let beside: Vec<&String> = methods.keys().collect();
    assert_eq!(beside, ["EventStream", "Invalidations"], "ports that nobody serves");
    assert_eq!(PORTS.iter().map(|port| port.name).collect::<BTreeSet<_>>().len(), PORTS.len());
}

#[test]
fn the_document_shows_the_table() {
    let mut rows = Vec::new();
    for port in PORTS {
        for method in port.methods {
            rows.push(format!(
                "| {} | {} | {} | {} |",
                port.name,
                method.name,
                method.kind.as_str(),
                method.size.as_str()
            ));
        }
    }
    let section = DOCUMENT.split("## Methods").nth(1).unwrap();
    let shown: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(shown, rows, "replace the table by:\n{}", rows.join("\n"));
    let rights = DOCUMENT.split("## Rights").nth(1).unwrap().split("\n## ").next().unwrap();
    for port in PORTS {
        let row = format!("| {} | {} | {} |", port.name, port.role, port.who.join(", "));
        assert!(rights.contains(&row), "the rights lack {row}");
    }
}

#[test]
fn the_document_names_the_limits() {
    let limits = [
        ("SMALL_BODY_MAX", SMALL_BODY_MAX as u64),
        ("ROW_BODY_MAX", ROW_BODY_MAX as u64),
        ("PAGE_BODY_MAX", PAGE_BODY_MAX as u64),
        ("BATCH_BODY_MAX", BATCH_BODY_MAX as u64),
        ("ANSWER_MAX", ANSWER_MAX as u64),
        ("ROWS_MAX", ROWS_MAX as u64),
        ("CALLS_MAX", CALLS_MAX as u64),
        ("PAGES_MAX", PAGES_MAX as u64),
        ("BATCHES_MAX", BATCHES_MAX as u64),
        ("SUBSCRIPTIONS_MAX", SUBSCRIPTIONS_MAX as u64),
        ("ITEMS_MAX", ITEMS_MAX as u64),
        ("DEADLINE_MAX", DEADLINE_MAX.as_secs()),
        ("LEASE", LEASE.as_secs()),
    ];
    for (name, value) in limits {
        let row = format!("| `{name}` | {value} |");
        assert!(DOCUMENT.contains(&row), "the document lacks {row}");
    }
}
