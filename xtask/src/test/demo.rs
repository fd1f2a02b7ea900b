//! The demo as a test: ten seconds of the whole product, on real ticks when they are there.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::summary::Count;
use crate::machine::{cargo, succeeds, target_dir};

/// How long the demo replays.
const REPLAY: &str = "10s";
/// Start-up, replay, drain and verification together; a debug build on a loaded machine needs some of it.
const DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
/// The ports of `aitrading up`; the demo moves them all by one offset.
const PORTS: [u16; 5] = [8000, 8001, 8007, 8008, 8010];
const OFFSET_STEP: u16 = 100;
const OFFSETS_TRIED: u16 = 20;
const TICK_FILE: &str = "ticks/gbpjpy-ticks-2012-12-03.csv";
const SYMBOL: &str = "GBPJPY";

/// Builds the server and runs its demo once. It is the one that the tests have built: alone it would get other features of the
/// same libraries, and everything below it would be built a second time.
pub(super) fn run(root: &Path) -> Result<Count> {
    let built = succeeds(cargo(root)?.args(["test", "--no-run", "--workspace", "--locked"]))?;
    ensure!(built, "the server does not build");
    let report = target_dir()?.join(format!("demo-report-{}.json", std::process::id()));
    let mut command = command(root, &report)?;
    let status = wait(command.spawn().context("the demo did not start")?)?;
    ensure!(status.success(), "the demo failed ({status}): its last lines above say what did not hold");
    let text = fs::read_to_string(&report).context("the demo exited with 0 but left no report")?;
    fs::remove_file(&report).context("the demo's report could not be removed")?;
    check_report(&text)?;
    Ok(Count { passed: 1, failed: 0 })
}

fn command(root: &Path, report: &Path) -> Result<Command> {
    let program = target_dir()?.join("debug").join(format!("aitrading{}", env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command.current_dir(root).args(["demo", "--headless", "--for", REPLAY, "--report"]).arg(report);
    match shared_data(root).map(|data| data.join(TICK_FILE)).filter(|file| file.is_file()) {
        Some(file) => {
            println!("ticks: {}", file.display());
            command.arg("--ticks").arg(file).args(["--symbol", SYMBOL]);
        }
        None => println!("ticks: synthetic (no {TICK_FILE} in a shared/data folder beside the repository)"),
    }
    let offset = free_offset()?;
    if offset > 0 {
        command.args(["--port-offset", &offset.to_string()]);
    }
    Ok(command)
}

/// The folder of shared data, which is never part of the repository.
fn shared_data(root: &Path) -> Option<PathBuf> {
    match env::var_os("AITRADING_SHARED_DATA") {
        Some(named) => Some(PathBuf::from(named)),
        None => Some(root.parent()?.join("shared").join("data")),
    }
}

/// The first offset at which all ports are free, so that a running server does not fail the tests.
fn free_offset() -> Result<u16> {
    let free = |offset: &u16| PORTS.iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port + offset)).is_ok());
    (0..OFFSETS_TRIED).map(|n| n * OFFSET_STEP).find(free).context("no free block of ports for the demo")
}

fn wait(mut child: Child) -> Result<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().context("the demo could not be waited for")? {
            return Ok(status);
        }
        thread::sleep(POLL);
    }
    child.kill().context("the demo overran and could not be stopped")?;
    child.wait().context("the demo overran and could not be waited for")?;
    bail!("the demo was still running after {} s", DEADLINE.as_secs())
}

/// The demo judges itself by its exit code; this asks only that it did something, and wrote it down.
fn check_report(text: &str) -> Result<()> {
    let report: Value = serde_json::from_str(text).context("the demo's report is not JSON")?;
    let acknowledged = report.pointer("/ticks/acknowledged").and_then(Value::as_u64);
    match acknowledged {
        None => bail!("the demo's report has no ticks.acknowledged"),
        Some(0) => bail!("the demo acknowledged no tick"),
        Some(_) => {}
    }
    let verified = report.pointer("/audit/verified").and_then(Value::as_bool);
    ensure!(verified == Some(true), "the demo's report does not say that the audit log verified");
    Ok(())
}

#[cfg(test)]
mod tests;
