//! `cargo xtask tidy`: the rules of this project that no compiler knows, each with its cure.

mod architecture;
mod edges;
mod files;
mod graph;
mod inventory;
mod manifest;
mod source;
mod threats;
mod trees;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl Violation {
    fn new(path: impl Into<String>, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, rule, message: message.into() }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({ "path": self.path, "line": self.line, "rule": self.rule, "message": self.message })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// Runs every check and prints what it found; true when that is nothing. An error means that a check could not run.
pub(crate) fn run(root: &Path, json: bool) -> Result<bool> {
    let found = violations(root)?;
    show(&report(&found, json))?;
    Ok(found.is_empty())
}

/// Writes anew what is made from something else: the list of tests in the threat model.
pub(crate) fn write(root: &Path) -> Result<()> {
    let path = root.join(threats::FILE);
    let document = files::read(root, Path::new(threats::FILE))?;
    let written = threats::written(&document, &files::texts(root)?);
    std::fs::write(&path, written).with_context(|| format!("{} could not be written", threats::FILE))
}

fn report(found: &[Violation], json: bool) -> String {
    if json {
        return format!("{:#}\n", serde_json::Value::Array(found.iter().map(Violation::json).collect()));
    }
    let lines: String = found.iter().map(|violation| format!("{violation}\n")).collect();
    format!("{lines}tidy: {} violations\n", found.len())
}

/// A reader that closes the pipe early, as `head` does, has seen enough.
fn show(report: &str) -> Result<()> {
    match io::stdout().write_all(report.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the report could not be printed")
        }
        _ => Ok(()),
    }
}

fn violations(root: &Path) -> Result<Vec<Violation>> {
    let graph = graph::Graph::load(root)?;
    let map = files::read(root, Path::new(architecture::FILE))?;
    let mut found = architecture::check(&map, &graph, edges::TABLE);
    found.extend(edges::check(&graph, edges::TABLE));
    found.extend(trees::check(&graph));
    found.extend(inventory::check(&graph));
    for member in &graph.members {
        let text = files::read(root, &Path::new(&member.folder).join("Cargo.toml"))?;
        found.extend(manifest::check(member, &text));
    }
    let texts = files::texts(root)?;
    found.extend(threats::check(&texts));
    for (path, text) in &texts {
        found.extend(source::check(path, text));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests;
