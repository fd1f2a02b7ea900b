//! Latencies over a data directory's whole life: one small file that each run of the client merges its own into.
//!
//! Figures, and nothing else: a file that cannot be used never keeps the client from trading. What the newest seconds before a
//! `kill -9` brought is missing in it.

use super::Histogram;
use crate::{session::given, status::Board};
use aitrading_env::{Env, Fs, Task};
use aitrading_error::{Category, Coded, Dna, FaultSide};
use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// Name within the client's data directory.
const FILE: &str = "latencies";
/// More than a histogram with all its buckets takes.
const FILE_BYTES: u64 = 128 * 1024;
const FIRST_LINE: &str = "aitrading latencies 1";
/// Name of the one histogram that is kept. What happens to signals is in the server's reports.
const TICK_TO_ACK: &str = "tick_to_ack";
/// At most so much is missing after a sudden end.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Why latencies cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum LatencyFileError {
    /// The file cannot be read or written.
    #[error("the latency file {path:?} cannot be {action}; check space and permissions of the data directory")]
    Io {
        /// `read` or `written`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is not one.
    #[error("the latency file {0:?} is damaged or of another version; latencies are counted anew")]
    Malformed(PathBuf),
}

impl Coded for LatencyFileError {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::Io { .. } => "LATENCIES_IO",
            Self::Malformed(_) => "LATENCIES_MALFORMED",
        };
        Dna::new("metatrader-connector", code, Category::Storage).side(FaultSide::Dependency)
    }
}

/// Tick to acknowledgement over the whole life of a client's data directory; empty if nothing was ever counted.
///
/// # Errors
/// [`LatencyFileError`]: the file is there and cannot be used.
pub fn load(fs: &dyn Fs, dir: &Path) -> Result<Histogram, LatencyFileError> {
    let path = dir.join(FILE);
    let failed = |source| LatencyFileError::Io { action: "read", path: path.clone(), source };
    if fs.metadata(&path).map_err(failed)?.is_none() {
        return Ok(Histogram::default());
    }
    let bytes = fs.read(&path, FILE_BYTES).map_err(failed)?;
    let histogram = std::str::from_utf8(&bytes).ok().and_then(parse);
    histogram.ok_or(LatencyFileError::Malformed(path))
}

/// Name, largest value, then `bucket:count` for each bucket that is not empty.
fn render(histogram: &Histogram) -> String {
    let mut text = format!("{FIRST_LINE}\n{TICK_TO_ACK} {}", histogram.max);
    for (bucket, count) in histogram.buckets() {
        // Writing to a String cannot fail.
        write!(text, " {bucket}:{count}").unwrap_or(());
    }
    text.push('\n');
    text
}

fn parse(text: &str) -> Option<Histogram> {
    // Without its last character the file was cut.
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let mut words = lines.next()?.split(' ');
    if words.next()? != TICK_TO_ACK || lines.next().is_some() {
        return None;
    }
    let max = words.next()?.parse().ok()?;
    let buckets = words.map(|word| {
        let (bucket, count) = word.split_once(':')?;
        Some((bucket.parse().ok()?, count.parse().ok()?))
    });
    Histogram::from_buckets(max, buckets.collect::<Option<Vec<_>>>()?)
}

/// Adds what the board counts in this run to what the file has.
#[derive(Debug)]
pub(crate) struct Keeping {
    env: Env,
    path: PathBuf,
    board: Arc<Board>,
    /// Earlier runs. `None` if they could not be read: then they are not replaced either.
    before: Option<Histogram>,
    /// Samples of this run that are in the file.
    saved: Mutex<u64>,
}

impl Keeping {
    /// Reads a file: call it at start.
    pub(crate) fn open(env: &Env, dir: &Path, board: &Arc<Board>) -> Self {
        let before = match load(env.fs.as_ref(), dir) {
            Ok(before) => Some(before),
            Err(error) => {
                board.error(&error);
                matches!(error, LatencyFileError::Malformed(_)).then(Histogram::default)
            }
        };
        let (env, board) = (env.clone(), Arc::clone(board));
        Self { env, path: dir.join(FILE), board, before, saved: Mutex::default() }
    }

    /// Saves now and then until the stop is given. The last save is the caller's: acknowledgements still come in after the stop.
    pub(crate) fn spawn(self: &Arc<Self>, mut stop: watch::Receiver<bool>) -> Task {
        let keeping = Arc::clone(self);
        let run = async move {
            loop {
                tokio::select! {
                    biased;
                    () = given(&mut stop) => return,
                    () = keeping.env.clock.sleep(SAVE_EVERY) => keeping.save().await,
                }
            }
        };
        self.env.spawn.task("latencies", Box::pin(run))
    }

    /// Writes the file if there is something new. One caller at a time.
    pub(crate) async fn save(&self) {
        let Some(before) = &self.before else { return };
        let run = self.board.tick_to_ack();
        if run.total() == *self.saved.lock().unwrap_or_else(PoisonError::into_inner) {
            return;
        }
        let mut all = before.clone();
        all.merge(&run);
        match self.write(render(&all)).await {
            Ok(()) => *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = run.total(),
            Err(source) => {
                self.board.error(&LatencyFileError::Io { action: "written", path: self.path.clone(), source });
            }
        }
    }

    /// On a thread of its own: syncing takes its time.
    async fn write(&self, text: String) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        let (fs, path) = (Arc::clone(&self.env.fs), self.path.clone());
        // Whoever waited may be gone; the file is written all the same.
        let write = move || drop(done.send(fs.write_atomic(&path, text.as_bytes())));
        self.env.spawn.thread("latencies", Box::new(write))?;
        written.await.unwrap_or_else(|_| Err(io::Error::other("the writer ended early")))
    }
}

#[cfg(test)]
mod tests;
