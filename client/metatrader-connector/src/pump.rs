//! The tick pump: from the terminal's feeds to the server, one task per symbol.
//!
//! The client keeps no ticks of its own: the terminal's history is the outbox. What the server has not acknowledged is read
//! again from there, from the cursor that the server names. A resumed connection repeats by itself what it must; only when it
//! could not be resumed are the feeds opened anew.

mod feed;
mod progress;
#[cfg(test)]
mod tests;
mod track;

pub use progress::ProgressError;

use crate::{
    execution::Quotes,
    line::{Flight, Lines, put},
    port::Terminal,
    reports::Owner,
    status::{Board, SymbolStatus},
};
use aitrading_env::{Env, Task};
use aitrading_model::{Cursor, Epoch, Symbol};
use aitrading_wire::{
    ea::FeedMode,
    link::{Control, Pacing, stream},
};
use progress::Progress;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use track::Track;

/// What the pump works with.
#[derive(Debug)]
pub struct PumpParts {
    /// World.
    pub env: Env,
    /// Whose ticks.
    pub owner: Owner,
    /// Terminal.
    pub terminal: Arc<dyn Terminal>,
    /// Quotes that signals are checked against.
    pub quotes: Arc<Quotes>,
    /// Status.
    pub board: Arc<Board>,
    /// Most ticks in a frame.
    pub batch: usize,
    /// The way out.
    pub lines: Lines,
}

/// A frame of ticks under way.
#[derive(Debug, Clone, Copy)]
struct Frame {
    symbol: Symbol,
    epoch: Epoch,
    last_seq: u64,
    ticks: u64,
    /// Monotonic time at which the ticks arrived here.
    arrived: u64,
}

/// Pumps ticks.
#[derive(Debug)]
pub struct Pump {
    parts: PumpParts,
    progress: Mutex<Progress>,
    tracks: Mutex<BTreeMap<Symbol, Track>>,
    tasks: Mutex<BTreeMap<Symbol, Task>>,
    flight: Flight<Frame>,
    /// Changes with every acknowledgement.
    acked: watch::Sender<u64>,
}

impl Pump {
    /// A pump whose progress records are in `dir`. Reads a file: call it at start.
    ///
    /// # Errors
    /// [`ProgressError`] if the records cannot be read.
    pub fn open(parts: PumpParts, dir: &Path) -> Result<Self, ProgressError> {
        let progress = Progress::open(&parts.env, dir)?;
        Ok(Self {
            parts,
            progress: Mutex::new(progress),
            tracks: Mutex::default(),
            tasks: Mutex::default(),
            flight: Flight::default(),
            acked: watch::Sender::default(),
        })
    }

    fn tracks(&self) -> MutexGuard<'_, BTreeMap<Symbol, Track>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, symbol: Symbol, change: impl FnOnce(&mut Track) -> T) -> T {
        change(self.tracks().entry(symbol).or_default())
    }

    /// A line of another number: all feeds end, and wait for cursors.
    pub async fn restart(&self, line: u64) {
        let symbols: Vec<_> = self.lock_tasks().keys().copied().collect();
        for symbol in symbols {
            self.stop(symbol).await;
        }
        self.flight.restart(line);
    }

    fn lock_tasks(&self) -> MutexGuard<'_, BTreeMap<Symbol, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stop(&self, symbol: Symbol) {
        let task = self.lock_tasks().remove(&symbol);
        if let Some(task) = task {
            task.abort();
            // Ended or aborted: both mean that it sends nothing more.
            task.join().await.unwrap_or(());
        }
    }

    /// Ends all feeds; what is under way stays under way.
    pub async fn stop_all(&self) {
        let symbols: Vec<_> = self.lock_tasks().keys().copied().collect();
        for symbol in symbols {
            self.stop(symbol).await;
        }
    }

    /// The server says where sources stand: their feeds start there, in the same epoch if it is ours, in a new one otherwise.
    ///
    /// # Errors
    /// [`ProgressError`]: nothing was started.
    pub async fn start(
        self: &Arc<Self>,
        line: u64,
        cursors: &[(Symbol, Cursor)],
        pacing: Pacing,
    ) -> Result<(), ProgressError> {
        let mode = match pacing {
            Pacing::Live => FeedMode::Live,
            Pacing::LockStep => FeedMode::LockStep,
        };
        for (symbol, _) in cursors {
            self.stop(*symbol).await;
        }
        let mut fresh = Vec::new();
        for (symbol, cursor) in cursors {
            if self.place(*symbol, *cursor) {
                fresh.push((*symbol, *cursor));
            }
        }
        if !fresh.is_empty() {
            // Durable before the first tick of the epoch: positions of later runs are counted from it.
            self.save_progress().await?;
        }
        for (symbol, cursor) in cursors {
            let opening = fresh.iter().any(|(s, _)| s == symbol).then_some(*cursor);
            self.spawn(line, *symbol, *cursor, opening, mode);
        }
        Ok(())
    }

    /// Sets a symbol's track to a cursor. True if that takes a new epoch.
    fn place(&self, symbol: Symbol, cursor: Cursor) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        self.with(symbol, |track| {
            if track.continues(cursor) {
                track.rewind(cursor.seq);
                return false;
            }
            let record = progress.get(symbol);
            let (base, certain) = match record {
                Some(record) if record.epoch == cursor.epoch => {
                    (record.base.saturating_add(cursor.seq), record.certain)
                }
                // From the beginning of the history.
                _ if cursor == Cursor::default() => (0, true),
                _ => (cursor.seq, false),
            };
            let newest = cursor.epoch.max(track.epoch).max(record.map_or(Epoch(0), |r| r.epoch));
            *track = Track::begin(Epoch(newest.0.saturating_add(1)), base, certain);
            progress.set(symbol, track.record());
            true
        })
    }

    async fn save_progress(&self) -> Result<(), ProgressError> {
        let save = self.progress.lock().unwrap_or_else(PoisonError::into_inner).saving();
        save.run(&self.parts.env).await
    }

    fn spawn(self: &Arc<Self>, line: u64, symbol: Symbol, cursor: Cursor, opening: Option<Cursor>, mode: FeedMode) {
        let pump = Arc::clone(self);
        let task = async move { pump.run_feed(line, symbol, cursor, opening, mode).await };
        let task = self.parts.env.spawn.task("tick-feed", Box::pin(task));
        self.lock_tasks().insert(symbol, task);
    }

    /// The server made our frames up to `through` durable.
    pub fn acked(&self, through: u64) {
        let now = self.parts.env.clock.mono_ns();
        for frame in self.flight.acked(through) {
            self.frame_acked(frame, now);
        }
        self.acked.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn frame_acked(&self, frame: Frame, now: u64) {
        self.parts.board.ticks_acked(frame.arrived, now, frame.ticks);
        self.with(frame.symbol, |track| track.acked(frame.epoch, frame.last_seq));
    }

    /// Nothing under way?
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.flight.is_empty()
    }

    /// The server has worked off everything up to `seq`: a feed that stands there goes on.
    pub async fn settled(&self, symbol: Symbol, epoch: Epoch, seq: u64) {
        if self.with(symbol, |track| track.settled(epoch, seq)) {
            self.parts.terminal.continue_feed(symbol).await;
        }
    }

    /// Positions by symbol.
    #[must_use]
    pub fn status(&self) -> BTreeMap<String, SymbolStatus> {
        self.tracks().iter().map(|(symbol, track)| (symbol.to_string(), track.status())).collect()
    }

    async fn control(&self, line: u64, message: &Control) -> Option<u64> {
        let mut lines = self.parts.lines.clone();
        put(&mut lines, line, stream::CONTROL, message.kind(), &message.encode().into()).await
    }
}
