//! Each edge rule, seen to pass and seen to fail.

use super::super::tests::{graph, of_rule};
use super::{TABLE, check};

fn check_clean(lines: &[&str]) {
    let found = check(&graph(lines), TABLE);
    assert_eq!(found, [], "{lines:?}");
}

fn check_broken(lines: &[&str], rule: &str, says: &str) {
    let found = of_rule(&check(&graph(lines), TABLE), rule);
    assert!(found.iter().any(|line| line.contains(says)), "{lines:?}: {found:?}");
}

#[test]
fn allows_what_the_table_allows() {
    check_clean(&[
        "core/audit -> core/model core/error core/env sha2",
        "core/testkit -> core/model core/security",
        "server/data-bridge -> core/journal server/store dev:core/testkit",
        "client/app -> client/metatrader-connector core/wire",
        "aitrading -> server/data-bridge server/trading-engine client/app",
        "xtask -> server/data-bridge server/trading-engine core/testkit",
    ]);
}

#[test]
fn refuses_an_edge_that_is_not_in_the_table() {
    check_broken(&["core/model -> core/error"], "edges", "core/model may not use core/error");
    check_broken(&["core/audit -> core/logging"], "edges", "core/audit may not use core/logging");
    check_broken(&["core/hub -> core/model"], "edges", "core/hub may not use core/model");
    check_broken(&["core/model -> dev:core/env"], "edges", "core/model may not use core/env");
    check_broken(&["core/testkit -> server/store"], "edges", "core/testkit may not use server/store");
}

#[test]
fn refuses_a_crate_that_nobody_put_in_the_table() {
    check_broken(&["core/misplaced"], "edges", "not in the table");
}

#[test]
fn rings_do_not_name_what_is_above_or_beside_them() {
    check_broken(&["core/wire -> server/store"], "rings", "the core ring never names the server ring");
    check_broken(&["core/wire -> client/settings"], "rings", "the core ring never names the client ring");
    check_broken(&["server/risk -> client/settings"], "rings", "the server ring never names the client ring");
    check_broken(&["client/app -> server/risk"], "rings", "the client ring never names the server ring");
}

#[test]
fn services_do_not_depend_on_services() {
    check_broken(&["server/api-gateway -> server/trading-engine"], "services", "meet in wire and store");
    check_broken(
        &["client/app -> server/data-bridge server/trading-engine"],
        "services",
        "this crate links data-bridge and trading-engine",
    );
    check_broken(
        &["server/risk -> server/store", "server/store -> server/data-bridge server/api-gateway"],
        "services",
        "server/risk/Cargo.toml:1: services: only aitrading links two services",
    );
}

#[test]
fn testkit_stays_out_of_what_is_shipped() {
    check_broken(&["server/risk -> core/testkit"], "testkit", "move it to [dev-dependencies]");
    check_broken(&["aitrading -> core/testkit"], "testkit", "move it to [dev-dependencies]");
}

#[test]
fn the_graph_is_at_most_five_edges_deep_below_the_binaries() {
    let five = "core/e -> core/f";
    let chain = ["core/a -> core/b", "core/b -> core/c", "core/c -> core/d", "core/d -> core/e", five];
    let depth = |lines: &[&str]| of_rule(&check(&graph(lines), TABLE_OF_LETTERS), "depth");
    assert_eq!(depth(&chain), [""; 0]);
    let deeper: Vec<&str> = chain.iter().copied().chain(["core/f -> core/g"]).collect();
    assert!(depth(&deeper).iter().any(|line| line.starts_with("core/a/")), "{:?}", depth(&deeper));
    let with_binary: Vec<&str> = chain.iter().copied().chain(["aitrading -> core/a"]).collect();
    assert_eq!(depth(&with_binary), [""; 0]);
}

const TABLE_OF_LETTERS: &[super::Row] = &[
    super::row("core/a", &["core"]),
    super::row("core/b", &["core"]),
    super::row("core/c", &["core"]),
    super::row("core/d", &["core"]),
    super::row("core/e", &["core"]),
    super::row("core/f", &["core"]),
    super::row("core/g", &["core"]),
    super::row("aitrading", &["all"]),
];
