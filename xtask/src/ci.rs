//! The gate in front of the main branch: one command that a developer and the build machine run unchanged.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::machine::{self, DENY, cargo, step, succeeds};
use crate::{test, tidy};

/// Runs every step, also after a failed one, so that one run tells everything.
pub(crate) fn run(root: &Path) -> Result<bool> {
    println!("builds go to {}", machine::target_dir()?.display());
    let mut failed = Vec::new();
    for (name, work) in STEPS {
        if !step(name, || work(root)) {
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        println!("failed steps: {}", failed.join(", "));
    }
    // Not a step of its own: its parts are timed, and its count has to be the last line.
    let tested = test::run(root, test::Scope::All)?;
    Ok(failed.is_empty() && tested)
}

type Step = (&'static str, fn(&Path) -> Result<bool>);

const STEPS: &[Step] = &[("fmt", fmt), ("clippy", clippy), ("tidy", |root| tidy::run(root, false)), ("deny", deny)];

fn fmt(root: &Path) -> Result<bool> {
    succeeds(cargo(root)?.args(["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Result<bool> {
    succeeds(cargo(root)?.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

fn deny(root: &Path) -> Result<bool> {
    println!("advisories are not checked here: their database is a git repository that this gate does not fetch");
    let program = machine::tool(DENY)?;
    succeeds(Command::new(program).current_dir(root).args(["check", "licenses", "bans", "sources"]))
}
