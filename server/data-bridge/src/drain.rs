//! The drain: takes durable records from the journal into the tick store, in the background and in order.
//!
//! The store keeps the journal position with the rows, so a crash anywhere repeats nothing and leaves nothing out. Segments
//! that the store and the checkpoint cover are removed.

use crate::{
    BridgeError, Settings,
    background::blocking,
    gaps::Totals,
    meters,
    recovery::{States, decode, save},
    tick::{BatchRecord, Checkpoint, HistoryRecord, Record, changed_bars, missing},
};
use aitrading_env::Env;
use aitrading_error::{Coded, chain};
use aitrading_journal::{Backlog, Journal, Position};
use aitrading_model::{Bar, Gap, GapState, HistoryFault, MarketTime, Source, Tick, TickReject, Timeframe};
use aitrading_store::{GapChange, JournalMark, SeqRun, SourceCommit, StoreError, TickCommit, TickStore};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Stored ticks around late ones that are compared with them: more than any hour has.
const AROUND_MAX: usize = 1 << 20;
/// How a hole is given up whose stored ticks are damaged.
const DAMAGED: GapState = GapState::GivenUp { attempts: 0, fault: HistoryFault::Damaged };
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
    /// Has the store said where it stands? If it was away at the start, `position` is where it surely stands at least.
    pub(crate) placed: bool,
    /// What the checkpoint file covers.
    pub(crate) checkpoint: Position,
    pub(crate) status: Arc<DrainStatus>,
    pub(crate) totals: Arc<Totals>,
    /// The hole of each source that was worked on last, and whether a part of it was given up for damage.
    pub(crate) spoilt: BTreeMap<Source, (Gap, bool)>,
}

/// What the store is to get of a record's ticks.
#[derive(Debug, Default)]
struct Late {
    ticks: Vec<Tick>,
    /// Bars that they change.
    bars: Vec<Bar>,
    /// They find no place, for what is stored around them is damaged.
    lost: bool,
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
                let code = error.dna().code;
                tracing::warn!(code, error = %chain(error), "ticks wait in the journal: the tick store does not take them");
                pause.max(Duration::from_millis(50)).saturating_mul(2).min(BACKOFF_MAX)
            }
        }
    }

    /// Stores everything that is durable now.
    async fn catch_up(&mut self) -> Result<(), BridgeError> {
        let target = self.journal.durable();
        if !self.placed && self.position < target {
            if !self.waits().await? {
                return Ok(());
            }
            self.find_place().await?;
        }
        while self.position < target {
            let (journal, from, max) = (self.journal.clone(), self.position, self.settings.drain_records);
            let (records, to) = blocking(&self.env, "bridge-drain", move || read(&journal, from, max)).await??;
            let mut batches = Vec::new();
            for (at, record) in records {
                match record {
                    Record::Batch(batch) => batches.push((at, batch)),
                    Record::History(record) => {
                        // What came before it is compared with it, so that has to be stored first.
                        self.store(std::mem::take(&mut batches)).await?;
                        self.fill(&record, at).await?;
                    }
                }
            }
            self.store(batches).await?;
            self.reached(to);
        }
        self.trim().await
    }

    /// Is there a record that the store may lack? The journal's end alone does not say: it moves with segments, too.
    async fn waits(&self) -> Result<bool, BridgeError> {
        let (journal, from) = (self.journal.clone(), self.position);
        let (records, _) = blocking(&self.env, "bridge-drain", move || read(&journal, from, 1)).await??;
        Ok(!records.is_empty())
    }

    /// Asks a store that was away at the start where it stands, and takes note of the records that it has already.
    async fn find_place(&mut self) -> Result<(), BridgeError> {
        let mark = self.store.mark().await.map_err(|error| BridgeError::Store(Arc::new(error)))?;
        let stored = Position { segment: mark.segment, offset: mark.offset };
        if stored < self.position || stored > self.journal.durable() {
            return Err(BridgeError::Diverged { what: "store", found: stored });
        }
        let (mut states, mut at) = (self.states.clone(), self.position);
        while at < stored {
            let (journal, from, max) = (self.journal.clone(), at, self.settings.drain_records);
            let (records, to) = blocking(&self.env, "bridge-drain", move || read(&journal, from, max)).await??;
            for (place, record) in records {
                if place <= stored
                    && let Record::Batch(batch) = record
                {
                    states.entry(batch.source).or_default().apply(&batch);
                }
            }
            if to <= at {
                return Err(BridgeError::Diverged { what: "store", found: stored });
            }
            at = to;
        }
        (self.states, self.placed) = (states, true);
        self.reached(stored);
        tracing::info!(%mark, "the tick store is back: what waits in the journal goes there");
        Ok(())
    }

    fn reached(&mut self, position: Position) {
        self.position = position;
        self.status.position.send_replace(position);
        self.status.backlog.stored(position);
    }

    async fn store(&mut self, batches: Vec<(Position, BatchRecord)>) -> Result<(), BridgeError> {
        let Some((to, _)) = batches.last() else { return Ok(()) };
        let to = *to;
        // On copies: only a commit that succeeded moves anything.
        let mut touched = States::new();
        let sources = collect(&self.states, &mut touched, batches.iter().map(|(_, batch)| batch));
        self.commit(TickCommit { mark: mark(to), sources }).await?;
        self.states.append(&mut touched);
        self.reached(to);
        Ok(())
    }

    /// Stores what became known of a source's past. Late ticks that belong between damaged ones are given up with their hole: one
    /// damaged file must not keep the ticks of every source in the journal.
    async fn fill(&mut self, record: &HistoryRecord, at: Position) -> Result<(), BridgeError> {
        let told = match self.late(record).await {
            Ok(late) => self.tell(record, late, at).await,
            Err(error) => Err(error),
        };
        match told {
            Err(error) if error.is_damage() && !record.ticks.is_empty() => {
                let (code, symbol, (from, to)) = (error.dna().code, record.source.symbol, record.span);
                tracing::warn!(
                    code, error = %chain(&error), %symbol, %from, %to,
                    "late ticks are given up: the stored ones around them are damaged"
                );
                self.tell(record, Late { lost: true, ..Late::default() }, at).await
            }
            told => told,
        }
    }

    /// Of the record's ticks those that the store does not have: so it does no harm if a span is told twice.
    async fn late(&self, record: &HistoryRecord) -> Result<Late, BridgeError> {
        if record.ticks.is_empty() {
            return Ok(Late::default());
        }
        let cursor = self.states.get(&record.source).copied().unwrap_or_default().cursor;
        let around = self.around(record).await?;
        let here: Vec<Tick> = around.iter().filter(|tick| inside(record, tick)).copied().collect();
        let mut ticks = missing(&record.ticks, &here);
        ticks.retain(|tick| tick.time <= cursor.time);
        let mut bars = changed_bars(&around, &ticks);
        bars.retain(|bar| cursor.time.since_ms(bar.start) >= bar.timeframe.millis());
        Ok(Late { ticks, bars, lost: false })
    }

    async fn tell(&mut self, record: &HistoryRecord, late: Late, at: Position) -> Result<(), BridgeError> {
        let state = self.states.get(&record.source).copied().unwrap_or_default();
        let mut commit = SourceCommit::new(record.source, state.digits, state.cursor);
        let (added, lost) = (late.ticks.len() as u64, late.lost);
        (commit.late, commit.bars) = (late.ticks, late.bars);
        commit.late_seq = record.received.0.cast_unsigned();
        commit.gaps.clone_from(&record.found);
        let spoilt = lost || self.is_spoilt(record).await?;
        let change = |(gap, state)| GapChange { gap, added, state: if spoilt { DAMAGED } else { state } };
        commit.changes.extend(record.change.map(change));
        commit.days.extend(record.day);
        self.commit(TickCommit { mark: mark(at), sources: vec![commit] }).await?;
        if let Some((gap, _)) = record.change {
            let known = self.spoilt.insert(record.source, (gap, spoilt));
            if lost && known != Some((gap, true)) {
                self.totals.given_up.fetch_add(1, Ordering::Relaxed);
                meters::gaps_given_up().increment(1);
            }
        }
        self.totals.added.fetch_add(added, Ordering::Relaxed);
        meters::ticks_late().increment(added);
        self.reached(at);
        Ok(())
    }

    /// A hole of which a part was given up stays given up, whatever comes of its later parts. Told from its beginning, it is
    /// decided anew.
    async fn is_spoilt(&self, record: &HistoryRecord) -> Result<bool, BridgeError> {
        let Some((gap, _)) = record.change.filter(|(gap, _)| record.span.0 > gap.from) else { return Ok(false) };
        if let Some((_, spoilt)) = self.spoilt.get(&record.source).filter(|(known, _)| *known == gap) {
            return Ok(*spoilt);
        }
        let gaps = self.store.gaps(record.source).await.map_err(unreadable)?;
        Ok(gaps.iter().any(|known| known.gap == gap && known.state == DAMAGED))
    }

    /// Stored ticks of all hours that the record's span touches.
    async fn around(&self, record: &HistoryRecord) -> Result<Vec<Tick>, BridgeError> {
        let last = MarketTime(record.span.1.0.saturating_sub(1));
        let from = Timeframe::H1.start_of(record.span.0);
        let to = MarketTime(Timeframe::H1.start_of(last).0.saturating_add(Timeframe::H1.millis()));
        self.store.range(record.source, from, to, AROUND_MAX).await.map_err(unreadable)
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

const fn mark(position: Position) -> JournalMark {
    JournalMark { segment: position.segment, offset: position.offset }
}

fn unreadable(error: StoreError) -> BridgeError {
    BridgeError::Unreadable(Arc::new(error))
}

fn inside(record: &HistoryRecord, tick: &Tick) -> bool {
    record.span.0 <= tick.time && tick.time < record.span.1
}

/// Records, each with the position behind it.
type Found = Vec<(Position, Record)>;

/// Up to `max` records behind `from`, and where they end.
fn read(journal: &Journal, from: Position, max: usize) -> Result<(Found, Position), BridgeError> {
    let mut reader = journal.read_from(from)?;
    let mut records = Vec::new();
    while records.len() < max
        && let Some((at, bytes)) = reader.read()?
    {
        records.push((at, decode(bytes)?));
    }
    // Also where there was nothing to read: a new journal begins behind its header, not at its start.
    Ok((records, reader.position()))
}

/// What the records add to each source, in the order of first appearance. New states go to `touched`.
fn collect<'a>(
    states: &States,
    touched: &mut States,
    records: impl Iterator<Item = &'a BatchRecord>,
) -> Vec<SourceCommit> {
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
