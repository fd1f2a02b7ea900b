//! Installing the process's logger on stderr.

use crate::{
    LogConfig,
    layer::{LineLayer, Sink},
};
use aitrading_env::Env;
use aitrading_error::{Category, Coded, Dna};
use std::{
    fmt, io,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Lines that may wait for the stream.
const QUEUE_LINES: usize = 8192;
/// How long the end of the process waits for the last lines.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Why there is no logging.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("the log filter `{filter}` cannot be understood; write a level or module=level, separated by commas")]
    Filter {
        /// As configured.
        filter: String,
        /// Why.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// No thread for the writer.
    #[error("the log writer cannot be started; the system is out of threads")]
    Thread(#[source] io::Error),
    /// Another logger is installed.
    #[error("this process has a logger already; install it once, at the start")]
    Installed(#[source] tracing_subscriber::util::TryInitError),
}

impl Coded for LogError {
    fn dna(&self) -> Dna {
        match self {
            Self::Filter { .. } => Dna::new("logging", "LOG_FILTER", Category::Config),
            Self::Thread(_) => Dna::new("logging", "LOG_THREAD", Category::Capacity),
            Self::Installed(_) => Dna::new("logging", "LOG_INSTALLED", Category::Internal),
        }
    }
}

enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

/// Keeps the writer; dropping it writes what is queued.
pub struct LogGuard {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl LogGuard {
    /// Lines that were dropped so far because the stream was stuck.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogGuard").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let (tell, written) = sync_channel(1);
        // A full queue means a stuck stream: then there is nothing to wait for.
        if self.queue.try_send(Message::Flush(tell)).is_ok() {
            match written.recv_timeout(FLUSH_LIMIT) {
                Ok(()) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Logs to stderr from now on. Hold the guard until the end of `main`.
///
/// # Errors
/// [`LogError`].
pub fn init(env: &Env, config: &LogConfig) -> Result<LogGuard, LogError> {
    let filter = filter(config)?;
    let (sink, guard) = start(env, Box::new(io::stderr()))?;
    let layer = LineLayer::new(config.format, Arc::clone(&env.clock), sink).with_filter(filter);
    tracing_subscriber::registry().with(layer).try_init().map_err(LogError::Installed)?;
    Ok(guard)
}

pub(crate) fn filter(config: &LogConfig) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(&config.filter).map_err(|source| LogError::Filter { filter: config.filter.clone(), source })
}

/// Starts the thread that writes lines to `stream`.
pub(crate) fn start(env: &Env, stream: Box<dyn Write + Send>) -> Result<(QueueSink, LogGuard), LogError> {
    let (queue, lines) = sync_channel(QUEUE_LINES);
    let dropped = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dropped);
    let body = Box::new(move || write_lines(stream, &lines, &counted));
    drop(env.spawn.thread("log", body).map_err(LogError::Thread)?);
    let sink = QueueSink { queue: queue.clone(), dropped: Arc::clone(&dropped) };
    Ok((sink, LogGuard { queue, dropped }))
}

pub(crate) struct QueueSink {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Sink for QueueSink {
    fn line(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_lines(mut stream: Box<dyn Write + Send>, lines: &Receiver<Message>, dropped: &AtomicU64) {
    let mut told = 0;
    while let Ok(message) = lines.recv() {
        let written = match message {
            Message::Line(line) => stream.write_all(line.as_bytes()),
            Message::Flush(tell) => {
                let flushed = stream.flush();
                // The waiter may have given up.
                tell.send(()).unwrap_or(());
                flushed
            }
        };
        if written.is_err() {
            // stderr is closed: there is nobody to complain to.
            dropped.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let lost = dropped.load(Ordering::Relaxed);
        if lost > told && stream.write_all(format!("{} log lines were dropped\n", lost - told).as_bytes()).is_ok() {
            told = lost;
        }
    }
}
