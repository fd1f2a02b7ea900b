//! Each forbidden tree, reached directly and through others.

use super::super::tests::{graph, of_rule};
use super::check;

fn check_clean(lines: &[&str]) {
    let found = check(&graph(lines));
    assert_eq!(found, [], "{lines:?}");
}

fn check_broken(lines: &[&str], rule: &str, says: &str) {
    let found = of_rule(&check(&graph(lines)), rule);
    assert!(found.iter().any(|line| line.contains(says)), "{lines:?}: {found:?}");
}

#[test]
fn pure_crates_reach_no_runtime_clock_or_randomness() {
    check_clean(&["core/model -> serde dev:proptest", "proptest -> rand", "server/risk -> core/model"]);
    check_broken(&["core/model -> tokio"], "pure-tree", "aitrading-model -> tokio");
    check_broken(&["server/store -> uuid", "uuid -> getrandom"], "pure-tree", "aitrading-store -> uuid -> getrandom");
    check_broken(&["server/risk -> core/env"], "pure-tree", "aitrading-risk -> aitrading-env");
}

#[test]
fn drivers_are_reached_through_the_database_service_only() {
    check_clean(&[
        "aitrading -> server/database-service",
        "server/database-service -> sqlx parquet",
        "sqlx -> sqlx-core",
    ]);
    check_broken(&["aitrading -> sqlx server/database-service"], "owned-tree", "aitrading -> sqlx");
    check_broken(&["core/hub -> outside", "outside -> parquet"], "owned-tree", "outside -> parquet");
    check_broken(&["core/logging -> sqlx-core"], "owned-tree", "database-service");
}

#[test]
fn the_http_framework_is_reached_through_the_door_only() {
    check_clean(&["server/data-bridge -> core/http", "core/http -> hyper", "server/api-gateway -> hyper-util"]);
    check_broken(&["server/data-bridge -> exporter", "exporter -> hyper"], "owned-tree", "exporter -> hyper");
}

#[test]
fn cryptography_is_named_by_its_owners_only() {
    check_clean(&["core/security -> ring sha2", "client/keystore -> ring", "core/channel -> snow dev:rcgen"]);
    check_clean(&["server/database-service -> sqlx", "sqlx -> sha2"]);
    check_broken(&["server/trading-engine -> ed25519-dalek"], "cryptography", "ed25519-dalek");
    check_broken(&["core/http -> snow"], "cryptography", "snow");
    check_broken(&["core/security -> openssl"], "cryptography", "openssl");
}

#[test]
fn only_the_keystore_speaks_to_windows() {
    check_clean(&["client/keystore -> windows-sys", "core/env -> tokio", "tokio -> windows-sys"]);
    check_broken(&["client/app -> windows-sys"], "windows", "belongs to keystore");
}

#[test]
fn the_audit_verifier_stands_alone() {
    check_clean(&["core/audit -> core/env sha2", "core/env -> tokio"]);
    check_broken(&["core/audit -> core/logging"], "audit-alone", "aitrading-logging");
    check_broken(&["core/audit -> core/env", "core/env -> tracing"], "audit-alone", "aitrading-env -> tracing");
    check_broken(&["core/audit -> server/store"], "audit-alone", "aitrading-store");
}
