//! A server and a client as real processes on this machine, for the benchmark and the crash loop.

mod ticks;

pub(crate) use ticks::write_ticks;

use crate::machine::{cargo, target_dir};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Builds the binary and returns its path.
pub(crate) fn build(root: &Path, release: bool) -> Result<PathBuf> {
    let mut command = cargo(root)?;
    command.args(["build", "--locked", "--package", "aitrading"]);
    if release {
        command.arg("--release");
    }
    ensure!(command.status()?.success(), "the build failed");
    let profile = if release { "release" } else { "debug" };
    Ok(target_dir()?.join(profile).join(format!("aitrading{}", std::env::consts::EXE_SUFFIX)))
}

/// Five free ports in the pattern of the product's, as an offset to it.
pub(crate) fn free_offset() -> Result<u16> {
    let ports = [8000, 8001, 8007, 8008, 8010];
    for offset in (1_000..50_000).step_by(137) {
        if ports.iter().all(|port| TcpListener::bind(("127.0.0.1", port + offset)).is_ok()) {
            return Ok(offset);
        }
    }
    bail!("no five free ports in the product's pattern")
}

/// What the rig works with.
#[derive(Debug, Clone)]
pub(crate) struct Rig {
    pub(crate) binary: PathBuf,
    pub(crate) server_dir: PathBuf,
    pub(crate) client_dir: PathBuf,
    pub(crate) offset: u16,
}

impl Rig {
    /// Prepares a server directory with one enrolled client.
    pub(crate) fn init(binary: &Path, work: &Path) -> Result<Self> {
        let rig = Self {
            binary: binary.to_owned(),
            server_dir: work.join("server"),
            client_dir: work.join("client"),
            offset: free_offset()?,
        };
        let offset = rig.offset.to_string();
        let mut command = Command::new(&rig.binary);
        command.args(["init", "--port-offset", &offset, "--data-dir"]).arg(&rig.server_dir);
        let done = command.arg("--demo-client").arg(&rig.client_dir).stdout(Stdio::null()).status()?;
        ensure!(done.success(), "aitrading init failed");
        // A subscriber's client waits a second before it dials again: here that would be most of its life.
        rig.set("first_ms", "20")?;
        rig.set("most_ms", "200")?;
        rig.set("listen", "\"127.0.0.1:0\"")?;
        // Replayed at a thousand times its speed, a minute holds a day of the market.
        rig.set("orders_per_minute", "6000")?;
        Ok(rig)
    }

    /// Changes one value of the client's settings.
    pub(crate) fn set(&self, key: &str, value: &str) -> Result<()> {
        let path = self.client_dir.join("settings.toml");
        let text = std::fs::read_to_string(&path)?;
        let is_key = |line: &&str| line.split('=').next().is_some_and(|name| name.trim() == key);
        ensure!(text.lines().filter(is_key).count() == 1, "the client's settings do not hold '{key}' once");
        let changed = |line: &str| if is_key(&line) { format!("{key} = {value}\n") } else { format!("{line}\n") };
        Ok(std::fs::write(&path, text.lines().map(changed).collect::<String>())?)
    }

    /// Starts the server and waits until all of it is ready. Returns how long that took from the start of the process.
    pub(crate) fn up(&self, more: &[&str]) -> Result<(Process, Duration)> {
        let start = Instant::now();
        let log = std::fs::File::options().create(true).append(true).open(self.server_dir.join("server.log"))?;
        let mut command = Command::new(&self.binary);
        // The ticks of the rig are of a past year.
        command.env("AITRADING_TRADING_ENGINE__REPLAYED_FEEDS", "true");
        command.args(["up", "--port-offset", &self.offset.to_string(), "--data-dir"]).arg(&self.server_dir).args(more);
        let process = Process::start(command.stderr(log))?;
        while !self.is_ready() {
            ensure!(
                process.is_alive(),
                "the server ended at start; see {}",
                self.server_dir.join("server.log").display()
            );
            ensure!(start.elapsed() < Duration::from_secs(30), "the server was not ready within 30 s");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok((process, start.elapsed()))
    }

    fn is_ready(&self) -> bool {
        let ask = || -> Result<bool> {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", 8010 + self.offset))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.take(64 * 1024).read_to_string(&mut answer)?;
            Ok(answer.starts_with("HTTP/1.1 200"))
        };
        ask().unwrap_or(false)
    }

    /// Starts the client role with a simulated terminal.
    pub(crate) fn client(&self, more: &[&str]) -> Result<Process> {
        let log = std::fs::File::options().create(true).append(true).open(self.client_dir.join("client.log"))?;
        let mut command = Command::new(&self.binary);
        command.args(["client", "simulate", "--config"]).arg(self.client_dir.join("settings.toml"));
        command.args(["--json-status", "--stdin-control"]).args(more);
        Process::start(command.stderr(log))
    }

    /// Runs a subcommand over the server's directory and returns its JSON.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<(bool, Value)> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--json").arg("--data-dir").arg(&self.server_dir);
        let output = command.output()?;
        let value = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("{arguments:?} gave no JSON: {}", String::from_utf8_lossy(&output.stderr).trim())
        })?;
        Ok((output.status.success(), value))
    }
}

/// A child process that is ended with its owner.
#[derive(Debug)]
pub(crate) struct Process {
    child: Mutex<Child>,
    stdin: Option<ChildStdin>,
    status: Arc<Mutex<Value>>,
}

impl Process {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let status = Arc::new(Mutex::new(Value::Null));
        if let Some(stdout) = child.stdout.take() {
            let newest = Arc::clone(&status);
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if let (Ok(value), Ok(mut newest)) = (serde_json::from_str(&line), newest.lock()) {
                        *newest = value;
                    }
                }
            });
        }
        Ok(Self { stdin: child.stdin.take(), child: Mutex::new(child), status })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().map_or(0, |c| c.id())
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.child.lock().is_ok_and(|mut c| matches!(c.try_wait(), Ok(None)))
    }

    /// The newest JSON line of its standard output.
    pub(crate) fn status(&self) -> Value {
        self.status.lock().map_or(Value::Null, |s| s.clone())
    }

    /// `kill -9`.
    pub(crate) fn kill(self) -> Result<()> {
        let mut child = self.child.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        child.kill()?;
        child.wait().map(drop).context("the killed process could not be waited for")
    }

    /// SIGTERM (or the word `stop` for a client), then waits for the orderly end.
    pub(crate) fn stop(mut self, within: Duration) -> Result<Value> {
        if let Some(mut stdin) = self.stdin.take() {
            stdin.write_all(b"stop\n").unwrap_or(());
        }
        let pid = self.pid().to_string();
        if !Command::new("kill").args(["-TERM", &pid]).status()?.success() && self.is_alive() {
            bail!("the process {pid} could not be told to stop");
        }
        let start = Instant::now();
        while self.is_alive() {
            ensure!(start.elapsed() < within, "the process did not stop within {within:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        // The reader thread sees the last line right after the end of the pipe.
        std::thread::sleep(Duration::from_millis(50));
        Ok(self.status())
    }

    /// Resident memory in MiB.
    pub(crate) fn rss_mib(&self) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            child.kill().unwrap_or(());
            child.wait().map(drop).unwrap_or(());
        }
    }
}
