//! `cargo xtask test`: the test command of README.md, from unit tests to the demo on real ticks.

mod demo;
mod servers;
mod summary;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::machine::{self, Keep, NEXTEST, cargo, step, watch};
use summary::Count;

/// What the tests may ask of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Real database servers as well.
    All,
    /// Nothing beyond the toolchain: tests of database servers are skipped, and say so.
    Embedded,
}

/// Tells tests to skip what needs a server (core/testkit/src/servers/programs.rs).
const EMBEDDED_ONLY: &str = "AITRADING_EMBEDDED_ONLY";

/// Runs nextest, the doc tests and the demo, prints the total last, and says whether all of it passed.
pub(crate) fn run(root: &Path, scope: Scope) -> Result<bool> {
    match scope {
        Scope::All => {
            println!("needs: cargo, cargo-nextest, and the database servers that tests start");
            println!("what comes from a registry is installed into the user's cache folder when missing");
        }
        Scope::Embedded => println!("needs: cargo, cargo-nextest; tests of database servers are skipped"),
    }
    println!("builds go to {}", machine::target_dir()?.display());
    if scope == Scope::All {
        servers::prepare()?;
    }
    let mut total = Count::default();
    for (name, work) in PARTS {
        let mut count = Count::default();
        let passed = step(name, || {
            count = work(root, scope)?;
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

type Part = (&'static str, fn(&Path, Scope) -> Result<Count>);

const PARTS: &[Part] =
    &[("nextest", nextest), ("doc tests", |root, _| doc_tests(root)), ("demo", |root, _| demo::run(root))];

fn nextest(root: &Path, scope: Scope) -> Result<Count> {
    let program = machine::tool(NEXTEST)?;
    let mut command = Command::new(program);
    command.current_dir(root).env("CARGO_TARGET_DIR", machine::target_dir()?);
    match scope {
        // A variable left over in the caller's shell must not skip tests unseen.
        Scope::All => command.env_remove(EMBEDDED_ONLY),
        Scope::Embedded => command.env(EMBEDDED_ONLY, "1"),
    };
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
