//! ARCHITECTURE.md against the tree: every crate is in its table, every crate it names exists or is marked as planned.

use std::collections::BTreeSet;

use super::Violation;
use super::edges::{Row, short};
use super::graph::Graph;

pub(super) const FILE: &str = "ARCHITECTURE.md";
const HEADER: [&str; 4] = ["crate", "owns", "may use", "never"];
const PLANNED: &str = "(planned)";
const RINGS: &[&str] = &["core/", "server/", "client/", "tests/"];

/// One row of the document's table.
#[derive(Debug, PartialEq, Eq)]
struct DocRow {
    line: usize,
    folder: String,
    planned: bool,
    owns: String,
    may: BTreeSet<String>,
    never: String,
}

/// Compares the document with the workspace and with the table that tidy enforces.
pub(super) fn check(text: &str, graph: &Graph, table: &[Row]) -> Vec<Violation> {
    let rows = parse(text);
    if rows.is_empty() {
        let message = format!("no table with the columns '{}': the edges cannot be compared", HEADER.join(" | "));
        return vec![at(1, message)];
    }
    let folders: Vec<&str> = graph.members.iter().map(|member| member.folder.as_str()).collect();
    let mut found: Vec<Violation> = folders
        .iter()
        .filter(|folder| !rows.iter().any(|row| row.folder == **folder))
        .map(|folder| at(1, format!("{folder} is not in the table of crates: add a row")))
        .collect();
    for row in &rows {
        found.extend(judge(row, &folders, table));
    }
    let missing = table.iter().filter(|row| !rows.iter().any(|doc| doc.folder == row.folder));
    found.extend(missing.map(|row| at(1, format!("{} is in tidy's table and not in this one", row.folder))));
    found.extend(mentions(text, &rows));
    found
}

fn judge(row: &DocRow, folders: &[&str], table: &[Row]) -> Vec<Violation> {
    let mut found = Vec::new();
    let exists = folders.contains(&row.folder.as_str());
    if !exists && !row.planned {
        let cure = format!("{} does not exist: remove the row or mark it {PLANNED}", row.folder);
        found.push(at(row.line, cure));
    }
    if exists && row.planned {
        found.push(at(row.line, format!("{} exists: it is no longer {PLANNED}", row.folder)));
    }
    if row.owns.is_empty() || row.never.trim_matches('-').is_empty() {
        let cure = format!("{} needs a sentence on what it owns and one on what it never does", row.folder);
        found.push(at(row.line, cure));
    }
    let Some(ours) = table.iter().find(|ours| ours.folder == row.folder) else {
        found.push(at(row.line, format!("{} is not in tidy's table, xtask/src/tidy/edges.rs", row.folder)));
        return found;
    };
    let may: BTreeSet<String> = ours.may.iter().map(|word| (*word).to_owned()).collect();
    if may != row.may || ours.planned != row.planned {
        let cure = format!("{} reads differently in xtask/src/tidy/edges.rs: make the two tables agree", row.folder);
        found.push(at(row.line, cure));
    }
    let known = |word: &str| matches!(word, "all" | "core" | "client") || table.iter().any(|r| short(r.folder) == word);
    let unknown = row.may.iter().filter(|word| !known(word));
    found.extend(unknown.map(|word| at(row.line, format!("'{word}' is no crate of the table"))));
    found
}

/// Crates that the text names in backticks, outside the table too.
fn mentions(text: &str, rows: &[DocRow]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // Every second piece between backticks is code.
        for code in line.split('`').skip(1).step_by(2) {
            let folder = code.trim_end_matches('/');
            let is_crate = RINGS.iter().any(|ring| folder.starts_with(ring)) && folder.matches('/').count() == 1;
            if is_crate && !rows.iter().any(|row| row.folder == folder) {
                found.push(at(number + 1, format!("`{code}` is named here and has no row in the table")));
            }
        }
    }
    found
}

fn parse(text: &str) -> Vec<DocRow> {
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| cells(line) != HEADER);
    let table = lines.by_ref().skip(2).take_while(|(_, line)| line.trim_start().starts_with('|'));
    table.filter_map(|(number, line)| doc_row(number + 1, &cells(line))).collect()
}

fn doc_row(line: usize, cells: &[&str]) -> Option<DocRow> {
    let [name, owns, may, never] = cells else { return None };
    let folder = name.trim_end_matches(PLANNED).trim().trim_matches('`').to_owned();
    let may = may.split(',').map(str::trim).filter(|word| !word.is_empty() && *word != "-").map(str::to_owned);
    Some(DocRow {
        line,
        folder,
        planned: name.ends_with(PLANNED),
        owns: (*owns).to_owned(),
        may: may.collect(),
        never: (*never).to_owned(),
    })
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inner.map(|inner| inner.split('|').map(str::trim).collect()).unwrap_or_default()
}

fn at(line: usize, message: String) -> Violation {
    Violation::new(FILE, line, "architecture", message)
}

#[cfg(test)]
mod tests;
