//! Small documents against small workspaces: each way in which the two can part is seen to fail.

use super::super::edges::Row;
use super::super::tests::graph;
use super::check;

const TABLE: &[Row] = &[
    Row { folder: "core/model", planned: false, may: &[] },
    Row { folder: "server/risk", planned: false, may: &["model"] },
    Row { folder: "core/chain", planned: true, may: &["model"] },
];

const HEADER: &str = "# Shape\n\n| crate | owns | may use | never |\n|---|---|---|---|\n";
const MODEL: &str = "| core/model | words | - | I/O |\n";
const RISK: &str = "| server/risk | checks | model | a bypass |\n";
const CHAIN: &str = "| core/chain (planned) | flows | model | stores |\n";

fn found(document: &str) -> Vec<String> {
    let workspace = graph(&["core/model", "server/risk -> core/model"]);
    check(document, &workspace, TABLE).iter().map(ToString::to_string).collect()
}

fn check_broken(document: &str, says: &str) {
    let found = found(document);
    assert!(found.iter().any(|line| line.contains(says)), "{found:?}");
}

#[test]
fn accepts_a_document_that_tells_the_truth() {
    assert_eq!(found(&format!("{HEADER}{MODEL}{RISK}{CHAIN}\nLater: `core/chain` and `core/model/`.\n")), [""; 0]);
}

#[test]
fn refuses_a_document_without_the_table() {
    check_broken("# Shape\n", "cannot be compared");
    check_broken("| crate | owns |\n|---|---|\n| core/model | words |\n", "cannot be compared");
}

#[test]
fn refuses_a_crate_that_the_document_forgets() {
    check_broken(&format!("{HEADER}{MODEL}{CHAIN}"), "server/risk is not in the table of crates");
    check_broken(&format!("{HEADER}{MODEL}{RISK}"), "core/chain is in tidy's table and not in this one");
}

#[test]
fn refuses_a_crate_that_does_not_exist_or_is_no_longer_planned() {
    check_broken(&format!("{HEADER}| core/gone | x | - | y |\n"), "core/gone does not exist");
    check_broken(&format!("{HEADER}| core/model (planned) | words | - | I/O |\n"), "it is no longer (planned)");
    check_broken(&format!("{HEADER}{MODEL}\nSee `server/oracle`.\n"), "`server/oracle` is named here");
}

#[test]
fn refuses_edges_that_differ_from_the_enforced_ones() {
    check_broken(&format!("{HEADER}| server/risk | checks | - | a bypass |\n"), "make the two tables agree");
    check_broken(&format!("{HEADER}| server/risk | checks | model, env | a bypass |\n"), "make the two tables agree");
    check_broken(&format!("{HEADER}| server/risk | checks | model, env | a bypass |\n"), "'env' is no crate");
}

#[test]
fn refuses_a_crate_without_an_invariant_of_absence() {
    check_broken(&format!("{HEADER}| core/model | words | - | - |\n"), "never does");
    check_broken(&format!("{HEADER}| core/model |  | - | I/O |\n"), "what it owns");
}
