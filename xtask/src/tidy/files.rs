//! Finds and reads the files that tidy judges.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Folders that hold nothing of ours, and hidden folders that do.
const SKIPPED: &[&str] = &["target", "node_modules", "vendor"];
const HIDDEN_BUT_OURS: &[&str] = &[".cargo", ".ci", ".config"];
/// Endings of the text files that people write here; `run` is the build machine's entry point.
const TEXTS: &[&str] = &["rs", "toml", "md", "sh", "sql", "mq5", "mqh", "js", "html", "css", "yml", "yaml"];
const NAMED_TEXTS: &[&str] = &[".ci/run"];
/// A tree without that many Rust files is not this repository, and a check of nothing must not pass.
const RUST_FILES_MIN: usize = 20;

/// Reads one file of the repository; a missing one is an error, since then a check cannot run.
pub(super) fn read(root: &Path, relative: &Path) -> Result<String> {
    fs::read_to_string(root.join(relative)).with_context(|| format!("{} could not be read", relative.display()))
}

/// Every text file below the root as (path with forward slashes, content), sorted by path.
pub(super) fn texts(root: &Path) -> Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    collect(root, "", &mut paths)?;
    let rust = paths.iter().filter(|path| path.ends_with(".rs")).count();
    ensure!(rust >= RUST_FILES_MIN, "only {rust} Rust files below {}: tidy looks at the wrong tree", root.display());
    paths.sort();
    paths.into_iter().map(|path| read(root, Path::new(&path)).map(|text| (path, text))).collect()
}

fn collect(root: &Path, folder: &str, found: &mut Vec<String>) -> Result<()> {
    let listed = fs::read_dir(root.join(folder)).with_context(|| format!("folder '{folder}' could not be listed"))?;
    for entry in listed {
        let entry = entry.with_context(|| format!("folder '{folder}' could not be listed"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().with_context(|| format!("{path} could not be looked at"))?;
        let hidden = name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&name.as_str());
        if kind.is_dir() && !hidden && !SKIPPED.contains(&name.as_str()) {
            collect(root, &path, found)?;
        } else if kind.is_file() && is_text(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    NAMED_TEXTS.contains(&path) || path.rsplit_once('.').is_some_and(|(_, ending)| TEXTS.contains(&ending))
}
