//! The demo's terminals: one child process each, the client role of this very executable.

use crate::exit::{Exit, Failure};
use serde::Deserialize;
use std::{ffi::OsString, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
};

/// Bytes of one status line; a longer one is cut off with its sender.
const STATUS_LINE_MAX: u64 = 64 * 1024;
/// Windows' name for a process that Ctrl-C does not reach.
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x0200;

/// What a client says of itself, each half second and at its end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) connected: bool,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) feed_end: bool,
    pub(crate) signals: Signals,
    pub(crate) last_signals: Vec<LastSignal>,
    pub(crate) latency_us: Latencies,
    pub(crate) last_error: Option<LastError>,
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
}

/// Signals since the client started.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Signals {
    pub(crate) received: u64,
    pub(crate) executed: u64,
}

/// A signal for display.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LastSignal {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) reason: String,
}

/// Latencies as the client sees them.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Latencies {
    pub(crate) tick_to_ack: Percentiles,
}

/// Microseconds, since the client started.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
}

/// The last thing that went wrong at the client.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LastError {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A running client.
pub(crate) struct Client {
    pub(crate) name: String,
    process: Child,
    stdin: Option<ChildStdin>,
    status: watch::Receiver<Status>,
}

impl Client {
    /// Starts `executable client ARGUMENTS`; its log goes to `log`.
    pub(crate) fn start(
        spawn: &dyn aitrading_env::Spawn,
        name: String,
        executable: &Path,
        arguments: &[OsString],
        log: std::fs::File,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(executable);
        command.arg("client").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::from(log));
        command.kill_on_drop(true);
        // Ctrl-C in a terminal is for the demo alone: it lets its clients deliver what they hold, however young they are.
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(windows)]
        command.creation_flags(CREATE_NEW_PROCESS_GROUP);
        let failed = |e: std::io::Error| Failure::new(Exit::Internal, format!("cannot start the client {name}: {e}"));
        let mut process = command.spawn().map_err(failed)?;
        let (tell, status) = watch::channel(Status::default());
        if let Some(stdout) = process.stdout.take() {
            drop(spawn.task("demo-client", Box::pin(follow(stdout, tell))));
        }
        Ok(Self { name, stdin: process.stdin.take(), process, status })
    }

    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// `Some` with the exit code once the process has ended.
    pub(crate) fn ended(&mut self) -> Option<Option<i32>> {
        self.process.try_wait().ok().flatten().map(|status| status.code())
    }

    /// Asks it to finish: it flushes, says its final status and exits.
    pub(crate) async fn stop(&mut self, env: &aitrading_env::Env, within: Duration) -> Result<Status, Failure> {
        if let Some(mut stdin) = self.stdin.take() {
            // A client that is gone already needs no order; closing the pipe says the same.
            stdin.write_all(b"stop\n").await.unwrap_or(());
        }
        let ended = env.timeout(within, self.process.wait()).await;
        if ended.is_err() {
            let name = &self.name;
            self.process.start_kill().unwrap_or(());
            return Err(Failure::new(
                Exit::CheckFailed,
                format!("client {name} did not stop within {within:?}; it was ended"),
            ));
        }
        let mut status = self.status.clone();
        let last = env.timeout(Duration::from_secs(2), status.wait_for(|s| s.is_final)).await;
        match last {
            Ok(Ok(status)) => Ok(status.clone()),
            _ => Err(Failure::new(Exit::CheckFailed, format!("client {} ended without its final status", self.name))),
        }
    }
}

async fn follow(stdout: ChildStdout, tell: watch::Sender<Status>) {
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = tokio::io::AsyncReadExt::take(&mut lines, STATUS_LINE_MAX).read_until(b'\n', &mut line).await;
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Ok(status) = serde_json::from_slice::<Status>(&line) {
            tell.send_replace(status);
        }
    }
}
