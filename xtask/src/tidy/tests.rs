//! Small workspaces written as lines, for the tests of every rule; and what tidy does when a check cannot run.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::graph::Graph;
use super::{Violation, files, report};

/// A workspace from lines as `server/risk -> core/model dev:proptest`; a name without a folder is an outside package,
/// of version 1.0.0 unless it says another, as `sha2@0.10.9`.
pub(super) fn graph(lines: &[&str]) -> Graph {
    Graph::parse(&metadata(lines)).unwrap()
}

/// The violations of one rule, as text.
pub(super) fn of_rule(found: &[Violation], rule: &str) -> Vec<String> {
    found.iter().filter(|violation| violation.rule == rule).map(Violation::to_string).collect()
}

const TOP_LEVEL: &[&str] = &["aitrading", "xtask"];

fn is_ours(folder: &str) -> bool {
    folder.contains('/') || TOP_LEVEL.contains(&folder)
}

fn package_name(folder: &str) -> String {
    match folder.rsplit('/').next() {
        Some("aitrading") => "aitrading".to_owned(),
        Some(short) if is_ours(folder) => format!("aitrading-{short}"),
        _ => folder.split('@').next().unwrap_or(folder).to_owned(),
    }
}

fn metadata(lines: &[&str]) -> Value {
    let parsed: Vec<(&str, Vec<&str>)> = lines
        .iter()
        .map(|line| line.split_once(" -> ").unwrap_or((line, "")))
        .map(|(folder, uses)| (folder, uses.split_whitespace().collect()))
        .collect();
    let named: BTreeSet<&str> =
        parsed.iter().flat_map(|(folder, uses)| uses.iter().map(|used| bare(used)).chain([*folder])).collect();
    let uses_of = |folder: &str| parsed.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, uses)| uses);
    let packages: Vec<Value> = named.iter().map(|folder| package(folder, uses_of(folder))).collect();
    let nodes: Vec<Value> = named.iter().map(|folder| node(folder, uses_of(folder))).collect();
    json!({
        "workspace_root": "/repo",
        "workspace_members": named.iter().filter(|folder| is_ours(folder)).collect::<Vec<_>>(),
        "packages": packages,
        "resolve": { "nodes": nodes },
    })
}

fn bare(used: &str) -> &str {
    used.strip_prefix("dev:").unwrap_or(used)
}

fn kind(used: &str) -> Value {
    if used.starts_with("dev:") { json!("dev") } else { Value::Null }
}

fn package(folder: &str, uses: &[&str]) -> Value {
    let dependencies: Vec<Value> =
        uses.iter().map(|used| json!({ "name": package_name(bare(used)), "kind": kind(used) })).collect();
    json!({
        "id": folder,
        "name": package_name(folder),
        "version": folder.split_once('@').map_or("1.0.0", |(_, version)| version),
        "manifest_path": format!("/repo/{folder}/Cargo.toml"),
        "description": "what it owns",
        "license": "MIT OR Apache-2.0",
        "publish": [],
        "dependencies": dependencies,
    })
}

fn node(folder: &str, uses: &[&str]) -> Value {
    let deps: Vec<Value> =
        uses.iter().map(|used| json!({ "pkg": bare(used), "dep_kinds": [{ "kind": kind(used) }] })).collect();
    json!({ "id": folder, "deps": deps })
}

fn check_cannot_run(break_it: impl FnOnce(&mut Value), why: &str) {
    let mut broken = metadata(&["core/model -> serde"]);
    break_it(&mut broken);
    let refused = Graph::parse(&broken).unwrap_err().to_string();
    assert!(refused.contains(why), "{refused}");
}

#[test]
fn metadata_that_cannot_be_read_is_an_error_and_not_an_empty_graph() {
    check_cannot_run(|metadata| *metadata = json!({}), "workspace_root");
    check_cannot_run(|metadata| metadata["workspace_members"] = json!([]), "no workspace member");
    check_cannot_run(|metadata| metadata["resolve"] = Value::Null, "nodes");
    check_cannot_run(|metadata| metadata["resolve"]["nodes"] = json!([]), "resolved only some");
    check_cannot_run(|metadata| metadata["packages"] = json!([]), "only some workspace members");
    check_cannot_run(|metadata| metadata["packages"][0]["manifest_path"] = json!("/elsewhere/Cargo.toml"), "outside");
}

#[test]
fn a_tree_without_our_files_is_an_error_and_not_a_clean_tree() {
    let empty = tempfile::tempdir().unwrap();
    assert!(files::texts(empty.path()).unwrap_err().to_string().contains("wrong tree"));
    assert!(files::read(empty.path(), "ARCHITECTURE.md".as_ref()).is_err());
    assert!(super::run(empty.path(), false).is_err());
}

#[test]
fn reads_our_text_files_and_no_others() {
    let root = tempfile::tempdir().unwrap();
    let ours = [".ci/run", ".config/nextest.toml", "README.md"];
    let not_ours = ["target/debug/build.rs", ".git/config.toml", "core/a/ticks.parquet"];
    let rust: Vec<String> = (0..20).map(|n| format!("core/a/src/m{n}.rs")).collect();
    for path in ours.iter().chain(&not_ours).copied().chain(rust.iter().map(String::as_str)) {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), "text").unwrap();
    }
    let found: BTreeSet<String> = files::texts(root.path()).unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, ours.iter().map(|path| (*path).to_owned()).chain(rust).collect());
}

#[test]
fn a_violation_is_one_line_and_one_json_object() {
    let violation = Violation::new("core/model/src/lib.rs", 7, "allow", "say why");
    assert_eq!(violation.to_string(), "core/model/src/lib.rs:7: allow: say why");
    let both = [violation.clone(), violation];
    assert_eq!(report(&both, false).lines().last(), Some("tidy: 2 violations"));
    let read: Value = serde_json::from_str(&report(&both, true)).unwrap();
    assert_eq!(read[1], json!({ "path": "core/model/src/lib.rs", "line": 7, "rule": "allow", "message": "say why" }));
}
