//! The drain: takes durable records from the journal into the tick store, in the background and in order.
//!
//! The store keeps the journal position with the rows, so a crash anywhere repeats nothing and leaves nothing out. Segments
//! that the store and the checkpoint cover are removed.

use crate::{
    BridgeError, Settings,
    background::blocking,
    meters,
    recovery::{States, decode, save},
    tick::{BatchRecord, Checkpoint},
};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_journal::{Backlog, Journal, Position};
use aitrading_model::{Source, TickReject};
use aitrading_store::{JournalMark, SeqRun, SourceCommit, StoreError, TickCommit, TickStore};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Longest pause between two tries while the store is down.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Someone who waits until everything durable at this moment is stored.
pub(crate) type FlushRequest = oneshot::Sender<Result<(), BridgeError>>;

/// How the drain is doing, for health reports.
#[derive(Debug)]
pub(crate) struct DrainStatus {
    /// The store's position.
    pub(crate) position: watch::Sender<Position>,
    /// Failed tries since the last success.
    pub(crate) failures: AtomicU64,
    /// How long the store has been behind.
    pub(crate) backlog: Backlog,
}

impl DrainStatus {
    pub(crate) fn new(position: Position) -> Arc<Self> {
        Arc::new(Self {
            position: watch::Sender::new(position),
            failures: AtomicU64::new(0),
            backlog: Backlog::default(),
        })
    }
}

/// Moves records from the journal to the store.
pub(crate) struct Drain {
    pub(crate) env: Env,
    pub(crate) settings: Arc<Settings>,
    pub(crate) journal: Journal,
    pub(crate) store: Arc<dyn TickStore>,
    /// At the store's position.
    pub(crate) states: States,
    pub(crate) position: Position,
    /// What the checkpoint file covers.
    pub(crate) checkpoint: Position,
    pub(crate) status: Arc<DrainStatus>,
}

impl Drain {
    /// Works until the requests' sender is gone.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<FlushRequest>) {
        let mut pause = self.settings.drain_interval;
        loop {
            let request = tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                () = self.wait(pause) => None,
            };
            let outcome = self.catch_up().await;
            pause = self.note(&outcome, pause);
            if let Some(request) = request {
                // Whoever asked may have given up.
                request.send(outcome).unwrap_or(());
            }
        }
    }

    /// Waits for work, then for more of it, so that one commit covers many records.
    async fn wait(&self, pause: Duration) {
        if self.journal.durable_after(self.position).await.is_err() && self.position >= self.journal.durable() {
            // The journal is closed and everything is stored: only requests can come.
            std::future::pending::<()>().await;
        }
        self.status.backlog.waits(self.journal.durable(), self.env.clock.mono_ns());
        self.env.clock.sleep(pause).await;
    }

    fn note(&self, outcome: &Result<(), BridgeError>, pause: Duration) -> Duration {
        match outcome {
            Ok(()) => {
                self.status.failures.store(0, Ordering::Relaxed);
                self.settings.drain_interval
            }
            Err(error) => {
                self.status.failures.fetch_add(1, Ordering::Relaxed);
                meters::drain_failed().increment(1);
                tracing::warn!(code = error.dna().code, "ticks wait in the journal: the tick store does not take them");
                pause.max(Duration::from_millis(50)).saturating_mul(2).min(BACKOFF_MAX)
            }
        }
    }

    /// Stores everything that is durable now.
    async fn catch_up(&mut self) -> Result<(), BridgeError> {
        let target = self.journal.durable();
        while self.position < target {
            let (journal, from, max) = (self.journal.clone(), self.position, self.settings.drain_records);
            let (records, to) = blocking(&self.env, "bridge-drain", move || read(&journal, from, max)).await??;
            if !records.is_empty() {
                // On copies: only a commit that succeeded moves anything.
                let mut touched = States::new();
                let sources = collect(&self.states, &mut touched, &records);
                let mark = JournalMark { segment: to.segment, offset: to.offset };
                self.commit(TickCommit { mark, sources }).await?;
                self.states.append(&mut touched);
            }
            self.position = to;
            self.status.position.send_replace(to);
            self.status.backlog.stored(to);
        }
        self.trim().await
    }

    async fn commit(&self, commit: TickCommit) -> Result<(), BridgeError> {
        let mark = commit.mark;
        let rows: usize = commit.sources.iter().map(|source| source.ticks.len()).sum();
        match self.store.commit(commit).await {
            Ok(()) => {}
            // An earlier try went through although it was reported as failed.
            Err(StoreError::AlreadyDone { stored }) if stored == mark => {}
            Err(error) => {
                // The same can be true of any error: the store alone knows.
                if !matches!(self.store.mark().await, Ok(stored) if stored == mark) {
                    return Err(BridgeError::Store(Arc::new(error)));
                }
            }
        }
        meters::ticks_stored().increment(rows as u64);
        Ok(())
    }

    /// Removes segments that nobody needs any more, after a checkpoint that makes them dispensable.
    async fn trim(&mut self) -> Result<(), BridgeError> {
        if self.position.segment <= self.checkpoint.segment.max(1) {
            return Ok(());
        }
        let checkpoint = Checkpoint { position: self.position, sources: self.states.clone() };
        let (env, settings, journal) = (self.env.clone(), Arc::clone(&self.settings), self.journal.clone());
        let trim = move || {
            save(&env, &settings, &checkpoint)?;
            journal.remove_before(checkpoint.position).map_err(BridgeError::from)
        };
        let removed = blocking(&self.env, "bridge-trim", trim).await??;
        self.checkpoint = self.position;
        tracing::debug!(removed, segment = self.position.segment, "journal segments removed");
        Ok(())
    }
}

/// Up to `max` records behind `from`, and where they end.
fn read(journal: &Journal, from: Position, max: usize) -> Result<(Vec<BatchRecord>, Position), BridgeError> {
    let mut reader = journal.read_from(from)?;
    let mut records = Vec::new();
    while records.len() < max
        && let Some((_, bytes)) = reader.read()?
    {
        records.push(decode(bytes)?);
    }
    // Also where there was nothing to read: a new journal begins behind its header, not at its start.
    Ok((records, reader.position()))
}

/// What the records add to each source, in the order of first appearance. New states go to `touched`.
fn collect(states: &States, touched: &mut States, records: &[BatchRecord]) -> Vec<SourceCommit> {
    let mut commits: Vec<SourceCommit> = Vec::new();
    let mut places: BTreeMap<Source, usize> = BTreeMap::new();
    for record in records {
        let state =
            touched.entry(record.source).or_insert_with(|| states.get(&record.source).copied().unwrap_or_default());
        let bars = state.apply(record);
        let place = *places.entry(record.source).or_insert_with(|| {
            commits.push(SourceCommit::new(record.source, state.digits, state.cursor));
            commits.len().saturating_sub(1)
        });
        let Some(commit) = commits.get_mut(place) else { continue };
        commit.duplicates += u64::from(record.duplicates);
        if let Some(bars) = bars {
            add(commit, record);
            commit.bars.extend(bars);
        }
        commit.digits = state.digits;
        commit.cursor = state.cursor;
    }
    commits
}

fn add(commit: &mut SourceCommit, record: &BatchRecord) {
    commit.ticks.extend_from_slice(&record.accepted);
    for seq in record.accepted_seqs() {
        SeqRun::push(&mut commit.runs, record.cursor.epoch, seq);
    }
    commit.gaps.extend_from_slice(&record.gaps);
    let mut counts: BTreeMap<TickReject, u64> = commit.rejected.drain(..).collect();
    for (_, code) in &record.rejected {
        *counts.entry(*code).or_default() += 1;
    }
    commit.rejected = counts.into_iter().collect();
}
