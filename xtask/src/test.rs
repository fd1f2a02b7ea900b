//! `cargo xtask test`: the test command of README.md, from unit tests to the demo on real ticks.

mod demo;
mod summary;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::machine::{self, Keep, NEXTEST, cargo, step, watch};
use summary::Count;

/// Runs nextest, the doc tests and the demo, prints the total last, and says whether all of it passed.
pub(crate) fn run(root: &Path) -> Result<bool> {
    println!("needs: cargo, cargo-nextest (installed into the user's cache folder when missing); nothing else");
    println!("builds go to {}", machine::target_dir()?.display());
    let mut total = Count::default();
    for (name, work) in PARTS {
        let mut count = Count::default();
        let passed = step(name, || {
            count = work(root)?;
            Ok(count.failed == 0)
        });
        // A part that could not run counts as one failure: it must never vanish from the total.
        if !passed && count.failed == 0 {
            count.failed = 1;
        }
        total = total.plus(count);
    }
    println!("{total}");
    Ok(total.passed > 0 && total.failed == 0)
}

type Part = (&'static str, fn(&Path) -> Result<Count>);

const PARTS: &[Part] = &[("nextest", nextest), ("doc tests", doc_tests), ("demo", demo::run)];

fn nextest(root: &Path) -> Result<Count> {
    let program = machine::tool(NEXTEST)?;
    let mut command = Command::new(program);
    command.current_dir(root).env("CARGO_TARGET_DIR", machine::target_dir()?);
    machine::forget_caller(&mut command);
    command.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    let (status, said) = watch(&mut command, Keep::Stderr)?;
    let count = summary::nextest(&said)?;
    ensure!(count.passed + count.failed > 0, "nextest ran no test: a run that tests nothing has failed");
    Ok(count.judged(status.success()))
}

fn doc_tests(root: &Path) -> Result<Count> {
    let mut command = cargo(root)?;
    command.args(["test", "--doc", "--workspace", "--locked", "--no-fail-fast"]);
    let (status, said) = watch(&mut command, Keep::Stdout)?;
    Ok(summary::libtest(&said)?.judged(status.success()))
}
