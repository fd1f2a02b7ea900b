//! The manifest of each crate: its name, its licence, its lints, and a sentence on what it is.

use toml::Table;

use super::Violation;
use super::edges::short;
use super::graph::Member;
use super::source::DRAWERS;

const LICENSE: &str = "MIT OR Apache-2.0";
const PREFIX: &str = "aitrading";

/// Checks one manifest; `text` is its file, for what cargo resolves away.
pub(super) fn check(member: &Member, text: &str) -> Vec<Violation> {
    let at = |key: &str, message: String| {
        let line = text.lines().position(|line| line.trim_start().starts_with(key)).map_or(1, |index| index + 1);
        Violation::new(format!("{}/Cargo.toml", member.folder), line, "manifest", message)
    };
    let mut found = Vec::new();
    let folder = short(&member.folder);
    let name = if folder == PREFIX { PREFIX.to_owned() } else { format!("{PREFIX}-{folder}") };
    if member.name != name {
        found.push(at("name", format!("the package is named after its folder: {name}")));
    }
    if DRAWERS.contains(&folder) {
        found.push(at("name", format!("'{folder}' is a drawer, not a name: say what the crate owns")));
    }
    if member.description.trim().is_empty() {
        found.push(at("description", "a sentence on what this crate owns is missing".to_owned()));
    }
    if member.license != LICENSE {
        found.push(at("license", format!("the licence is {LICENSE}: write license.workspace = true")));
    }
    if member.publishable {
        found.push(at("publish", "this crate could be published: write publish.workspace = true".to_owned()));
    }
    match text.parse::<Table>() {
        Ok(manifest) if inherits_lints(&manifest) => {}
        Ok(_) => {
            found.push(at("[lints", "the workspace's lints are not inherited: [lints] workspace = true".to_owned()))
        }
        Err(error) => found.push(at("", format!("the manifest could not be read: {}", error.message()))),
    }
    found
}

fn inherits_lints(manifest: &Table) -> bool {
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    lints.and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests;
