//! What is in the inventory passes, and every second implementation is named with the way it came.

use super::super::tests::graph;
use super::{ADMITTED, Admitted, admitted, against, implements};

const INVENTORY: &[Admitted] =
    &[admitted("sha2", "0.11.", "ours"), admitted("ring", "0.17.", "ours"), admitted("opaque-ke", "4.0.1", "ours")];

fn check(lines: &[&str], wanted: &[&str]) {
    let shipped = ["core/security -> sha2@0.11.1 ring@0.17.14 opaque-ke@4.0.1", "core/testkit -> core/security"];
    let lines: Vec<&str> = shipped.iter().chain(lines).copied().collect();
    let found: Vec<String> = against(&graph(&lines), INVENTORY).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for says in wanted {
        assert!(found.iter().any(|line| line.contains(says)), "{says}: {found:?}");
    }
}

#[test]
fn an_implementation_that_is_admitted_passes() {
    check(&["server/risk -> serde@1.0.0 sha2@0.11.9"], &[]);
}

#[test]
fn a_second_implementation_is_refused_wherever_it_comes_from() {
    for (package, what) in [
        ("aes-gcm@0.10.3", "aes-gcm 0.10.3 implements AES-GCM"),
        ("sha2@0.10.9", "sha2 0.10.9 implements SHA-2"),
        ("ed25519-dalek@2.1.1", "ed25519-dalek 2.1.1 implements Ed25519"),
        ("aws-lc-rs@1.0.0", "aws-lc-rs 1.0.0 implements a whole library"),
        ("ring@0.16.20", "ring 0.16.20 implements"),
        ("opaque-ke@4.0.2", "opaque-ke 4.0.2 implements OPAQUE"),
    ] {
        check(&[&format!("server/store -> {package}")], &[what]);
        let through = format!("driver -> {package}");
        check(&["server/store -> driver", &through], &["aitrading-store -> driver -> "]);
    }
}

#[test]
fn what_only_tests_and_tools_use_is_not_shipped() {
    check(&["server/store -> dev:rsa@0.9.0", "xtask -> aes-gcm@0.10.3", "core/testkit -> md-5@0.10.0"], &[]);
}

#[test]
fn an_entry_that_nothing_needs_any_more_goes() {
    let found = against(&graph(&["core/security -> sha2@0.11.1 ring@0.17.14"]), INVENTORY);
    assert_eq!(found.len(), 1);
    assert!(found[0].to_string().contains("nothing that is shipped reaches opaque-ke 4.0.1"), "{}", found[0]);
}

#[test]
fn everything_that_is_admitted_implements_something() {
    assert!(ADMITTED.iter().all(|known| implements(known.package).is_some()));
}
