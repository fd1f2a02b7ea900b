//! What the commands need of the machine: where the repository and the caches are, other programs, and timed steps.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

/// A cargo subcommand that a step uses, pinned so that two machines judge alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(crate) const NEXTEST: Tool = Tool { name: "cargo-nextest", version: "0.9.143" };
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// The output stream of a child that is kept while it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep {
    Stdout,
    Stderr,
}

/// The repository that the caller stands in.
pub(crate) fn repository() -> Result<PathBuf> {
    let output = Command::new(cargo_path())
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .output()
        .context("cargo locate-project did not start")?;
    ensure!(output.status.success(), "no Cargo workspace here: run this inside the repository");
    let manifest = String::from_utf8(output.stdout).context("the repository's path is not UTF-8")?;
    let root = Path::new(manifest.trim()).parent().context("the workspace manifest has no folder")?;
    Ok(root.to_owned())
}

fn cargo_path() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A cargo command in the repository that builds into the shared target folder.
pub(crate) fn cargo(root: &Path) -> Result<Command> {
    let mut command = Command::new(cargo_path());
    command.current_dir(root).env("CARGO_TARGET_DIR", target_dir()?);
    forget_caller(&mut command);
    Ok(command)
}

/// Takes away what cargo told this program about its own package. Build scripts that watch those variables would otherwise
/// run again, and everything above them be built again, whenever a build started here follows one from the shell.
pub(crate) fn forget_caller(command: &mut Command) {
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
        command.env_remove(name);
    }
}

/// Where builds go: the caller's choice, or the user's cache folder, so that clones share one build.
pub(crate) fn target_dir() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => std::path::absolute(dir).context("CARGO_TARGET_DIR is not a usable path"),
        None => Ok(cache_dir()?.join("target")),
    }
}

/// The project's folder in the user's cache.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set: set one")?)
            .join(".cache"),
    };
    Ok(base.join("aitrading"))
}

/// The program of a tool: as found on the PATH, else from the cache folder, where it is installed when missing.
pub(crate) fn tool(tool: Tool) -> Result<PathBuf> {
    let on_path = PathBuf::from(tool.name);
    if answers(&on_path) {
        return Ok(on_path);
    }
    let home = cache_dir()?.join("tools");
    let cached = home.join("bin").join(format!("{}{}", tool.name, env::consts::EXE_SUFFIX));
    if !answers(&cached) {
        println!("{} is missing: installing {} into {}", tool.name, tool.version, home.display());
        let status = Command::new(cargo_path())
            .args(["install", tool.name, "--locked", "--version", tool.version, "--root"])
            .arg(&home)
            // cargo builds a tool in a folder of its own and removes it; our target folder would keep it for ever.
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .context("cargo install did not start")?;
        ensure!(status.success(), "{} could not be installed ({status}): install it by hand and run again", tool.name);
    }
    Ok(cached)
}

fn answers(program: &Path) -> bool {
    // `cargo-nextest --version` and `cargo-deny --version` both answer without a workspace.
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Runs one named step and prints how it went and how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<bool>) -> bool {
    println!("==> {name}");
    let start = Instant::now();
    let passed = work().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        false
    });
    let verdict = if passed { "ok" } else { "FAILED" };
    println!("<== {name}: {verdict} in {:.1} s", start.elapsed().as_secs_f64());
    passed
}

/// Runs a command that speaks for itself.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("{} did not start", command.get_program().display()))?;
    Ok(status.success())
}

/// Runs a command, shows one of its streams as it comes, and keeps it.
pub(crate) fn watch(command: &mut Command, keep: Keep) -> Result<(ExitStatus, String)> {
    match keep {
        Keep::Stdout => command.stdout(Stdio::piped()),
        Keep::Stderr => command.stderr(Stdio::piped()),
    };
    let mut child = command.spawn().with_context(|| format!("{} did not start", command.get_program().display()))?;
    let kept = match (child.stdout.take(), child.stderr.take()) {
        (Some(stream), _) => show_and_keep(stream, |line| print!("{line}"))?,
        (_, Some(stream)) => show_and_keep(stream, |line| eprint!("{line}"))?,
        _ => bail!("the child's output could not be read"),
    };
    Ok((child.wait().context("the child could not be waited for")?, kept))
}

fn show_and_keep(stream: impl Read, show: impl Fn(&str)) -> Result<String> {
    let mut reader = BufReader::new(stream);
    let mut kept = String::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).context("the child's output could not be read")? > 0 {
        let text = String::from_utf8_lossy(&line);
        show(&text);
        kept.push_str(&text);
        line.clear();
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;
