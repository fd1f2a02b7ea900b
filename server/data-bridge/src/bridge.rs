//! The bridge as a whole: opened from its directory, shut down in order, asked for its health.

use crate::{
    BridgeError, Prices, Quoted, Settings, SourceState, away,
    background::blocking,
    door::{Entrance, Resumes},
    drain::{Drain, DrainStatus, FlushRequest},
    gaps::Gaps,
    imports,
    ingest::Ingest,
    meters::Meters,
    publish::publish,
    recovery::recover,
    seats::Seats,
    sources::Sources,
};
use aitrading_channel::ServerSettings;
use aitrading_env::{Env, Task};
use aitrading_http::Handler;
use aitrading_hub::{Part, Status};
use aitrading_journal::{Position, State};
use aitrading_model::{MarketTime, Source, Tick};
use aitrading_security::Authenticator;
use aitrading_store::{DeviceStore, SubscriptionStore, TickStore};
use aitrading_wire::services::{AuditSink, CheckpointSource, ReportSink, TickFeed, TickIngest};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Flushes that may wait.
const FLUSHES_MAX: usize = 16;

/// What the bridge works with.
#[derive(Clone)]
pub struct Ports {
    /// Where ticks end up.
    pub ticks: Arc<dyn TickStore>,
    /// Which devices may come in.
    pub devices: Arc<dyn DeviceStore>,
    /// Who decides on them.
    pub feed: Arc<dyn TickFeed>,
    /// Who hears what clients say.
    pub reports: Arc<dyn ReportSink>,
    /// Who keeps the proof.
    pub audit: Arc<dyn AuditSink>,
    /// Who is entitled to signals: told to clients, decided by the engine.
    pub subscriptions: Arc<dyn SubscriptionStore>,
    /// What clients are shown of the audit log.
    pub checkpoints: Arc<dyn CheckpointSource>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// By what the bridge knows its clients, and they it.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Noise key, policy and limits of the channel.
    pub channel: ServerSettings,
    /// Maps a certificate to device and account.
    pub authenticator: Arc<dyn Authenticator>,
}

/// What sessions and the bridge share.
pub(crate) struct Core {
    pub(crate) env: Env,
    pub(crate) settings: Arc<Settings>,
    pub(crate) ports: Ports,
    pub(crate) keys: Keys,
    pub(crate) seats: Arc<Seats>,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) resumes: Resumes,
    pub(crate) gaps: Gaps,
    /// How far the tick store is.
    stored: watch::Receiver<Position>,
    feed_ends: Mutex<BTreeMap<Source, u64>>,
}

impl Core {
    /// Returns when the tick store has everything that is durable now. A store that is down is waited for.
    pub(crate) async fn caught_up(&self) {
        let durable = self.ingest.journal.durable();
        // The drain is gone: the bridge ends, and nobody asks any more.
        drop(self.stored.clone().wait_for(|stored| *stored >= durable).await);
    }

    pub(crate) fn note_feed_end(&self, source: Source, total: u64) {
        tracing::info!(symbol = %source.symbol, total, "a replayed feed ended");
        self.feed_ends.lock().unwrap_or_else(PoisonError::into_inner).insert(source, total);
    }
}

/// What runs in the background.
struct Workers {
    publisher: Task,
    drain: Task,
    flushes: mpsc::Sender<FlushRequest>,
    stop_publisher: oneshot::Sender<()>,
}

/// The data bridge. Clones are handles on the same one.
#[derive(Clone)]
pub struct Bridge {
    core: Arc<Core>,
    drain: Arc<DrainStatus>,
    flushes: mpsc::WeakSender<FlushRequest>,
    workers: Arc<Mutex<Option<Workers>>>,
    stored: watch::Receiver<Position>,
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge")
            .field("ingest", &self.core.ingest)
            .field("seats", &self.core.seats)
            .finish_non_exhaustive()
    }
}

impl Bridge {
    /// Opens the bridge in its directory: replays the journal, and from then on takes ticks. `seats` is what the engine
    /// delivers signals through. The caller holds the lock of the data directory. A tick store that is away is waited for by the
    /// drain, unless it has to be seen first ([`forget_store`](crate::forget_store)).
    ///
    /// # Errors
    /// A journal, checkpoint or store that contradict each other, or cannot be read.
    pub async fn open(
        env: &Env,
        settings: Settings,
        ports: Ports,
        keys: Keys,
        seats: Arc<Seats>,
    ) -> Result<Self, BridgeError> {
        let settings = Arc::new(settings);
        let place = away::place(env, &settings, ports.ticks.as_ref()).await?;
        let world = (env.clone(), Arc::clone(&settings));
        let mut found = blocking(env, "bridge-recovery", move || recover(&world.0, &world.1, place)).await??;
        if place.is_some() {
            imports::take_up(env, &settings, ports.ticks.as_ref(), &mut found).await?;
            away::note(env, &settings)?;
        }
        let stored = found.stored;
        tracing::info!(
            records = found.records,
            torn_bytes = found.torn_bytes,
            sources = found.states.len(),
            "tick journal open"
        );
        let prices = Arc::new(Prices::default());
        found.states.iter().for_each(|(source, state)| prices.take(source, state.latest.as_slice()));
        let (outgoing, to_publish) = mpsc::channel(settings.feed_queue);
        let ingest = Arc::new(Ingest {
            env: env.clone(),
            journal: found.journal.clone(),
            sources: Arc::new(Sources::new(found.states, settings.sources_max)),
            rules: settings.rules,
            outgoing,
            meters: Arc::new(Meters::new()),
            prices,
            latest: AtomicI64::new(i64::MIN),
        });
        let (status, gaps) = (DrainStatus::new(stored), Gaps::default());
        let drain = Drain {
            env: env.clone(),
            settings: Arc::clone(&settings),
            journal: found.journal,
            store: Arc::clone(&ports.ticks),
            states: found.stored_states,
            position: stored,
            placed: place.is_some(),
            checkpoint: found.checkpoint,
            status: Arc::clone(&status),
            totals: Arc::clone(&gaps.totals),
            spoilt: BTreeMap::new(),
        };
        let (flushes, requests) = mpsc::channel(FLUSHES_MAX);
        let (stop_publisher, stopping) = oneshot::channel();
        let publisher = publish(env.clone(), Arc::clone(&ports.feed), to_publish, stopping);
        let workers = Workers {
            publisher: env.spawn.task("bridge-publish", Box::pin(publisher)),
            drain: env.spawn.task("bridge-drain", Box::pin(drain.run(requests))),
            flushes: flushes.clone(),
            stop_publisher,
        };
        let (env, stored) = (env.clone(), status.position.subscribe());
        let (resumes, feed_ends, told) = (Resumes::default(), Mutex::default(), stored.clone());
        let core = Core { env, settings, ports, keys, seats, ingest, resumes, gaps, stored: told, feed_ends };
        Ok(Self {
            core: Arc::new(core),
            drain: status,
            flushes: flushes.downgrade(),
            workers: Arc::new(Mutex::new(Some(workers))),
            stored,
        })
    }

    /// Takes ticks without a session.
    #[must_use]
    pub fn ingest(&self) -> Arc<dyn TickIngest> {
        Arc::clone(&self.core.ingest) as Arc<dyn TickIngest>
    }

    /// The handler of the bridge's door; requests that are none of its own go to `other`.
    #[must_use]
    pub fn handler(&self, other: Arc<dyn Handler>) -> Arc<dyn Handler> {
        Arc::new(Entrance { core: Arc::clone(&self.core), other })
    }

    /// Everything durable about a source.
    #[must_use]
    pub fn source(&self, source: &Source) -> Option<SourceState> {
        self.core.ingest.sources.find(source).map(|slot| slot.state())
    }

    /// The last accepted tick of a source; may be "no quote".
    #[must_use]
    pub fn latest(&self, source: &Source) -> Option<Tick> {
        self.source(source).and_then(|state| state.latest)
    }

    /// What a source quoted at a moment not long ago; `None` is "ask the tick store".
    #[must_use]
    pub fn quoted_at(&self, source: &Source, time: MarketTime) -> Option<Quoted> {
        self.core.ingest.prices.at(source, time)
    }

    /// All sources with their states.
    #[must_use]
    pub fn sources(&self) -> Vec<(Source, SourceState)> {
        self.core.ingest.sources.all().iter().map(|slot| (slot.source, slot.state())).collect()
    }

    /// Replayed feeds that said they are at their end, with how many ticks their terminals hold.
    #[must_use]
    pub fn feed_ends(&self) -> Vec<(Source, u64)> {
        let ends = self.core.feed_ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().map(|(source, total)| (*source, *total)).collect()
    }

    #[cfg(test)]
    pub(crate) fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }

    /// Returns when everything that is durable now is in the tick store.
    ///
    /// # Errors
    /// If the store does not take it; it stays in the journal.
    pub async fn flush(&self) -> Result<(), BridgeError> {
        let flushes = self.flushes.upgrade().ok_or(BridgeError::Stopping)?;
        flush(&flushes).await
    }

    /// Ends sessions, makes what was accepted durable, hands it to the store, and stops. Later calls do nothing.
    ///
    /// # Errors
    /// If the store did not take the rest; it stays in the journal and is handed over at the next start.
    pub async fn shutdown(&self) -> Result<(), BridgeError> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Workers { publisher, drain, flushes, stop_publisher }) = workers else { return Ok(()) };
        self.core.seats.stop_all().await;
        self.core.ingest.journal.clone().shutdown().await;
        // A publisher that died has logged why; there is nothing left to stop.
        stop_publisher.send(()).unwrap_or(());
        publisher.join().await.unwrap_or(());
        let flushed = flush(&flushes).await;
        drop(flushes);
        drain.join().await.unwrap_or(());
        flushed
    }

    /// How long the oldest acknowledged record has waited for the tick store.
    #[must_use]
    pub fn store_behind(&self) -> Duration {
        self.drain.backlog.behind(self.core.env.clock.mono_ns())
    }

    /// Health, for probes: cheap, and without waiting.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let journal = &self.core.ingest.journal;
        let (state, durable, stored) = (journal.state(), journal.durable(), *self.stored.borrow());
        let status = match state {
            State::Open => Status::Up,
            State::Full | State::Halted | State::Closed => Status::Down,
        };
        let failures = self.drain.failures.load(Ordering::Relaxed);
        let draining = if failures == 0 { Status::Up } else { Status::Degraded };
        // A store that never took anything stands before the first segment, which holds nothing but its head yet.
        let taken = stored.segment.max(1).min(durable.segment);
        let behind = (durable.segment - taken) * self.core.settings.journal.segment_bytes;
        let behind = (behind + durable.offset).saturating_sub(stored.offset);
        let sessions = self.core.seats.len();
        vec![
            Part::new(
                "journal",
                status,
                format!("{state:?}, durable to segment {} offset {}", durable.segment, durable.offset),
            ),
            Part::new("drain", draining, format!("{behind} bytes behind, {failures} failed tries")),
            Part::new("sessions", Status::Up, format!("{sessions} of {}", self.core.settings.sessions_max)),
            Part::new("sources", Status::Up, self.core.ingest.sources.len().to_string()),
            Part::new("gaps", Status::Up, self.core.gaps.shown()),
        ]
    }
}

async fn flush(flushes: &mpsc::Sender<FlushRequest>) -> Result<(), BridgeError> {
    let (tell, told) = oneshot::channel();
    flushes.send(tell).await.map_err(|_| BridgeError::Stopping)?;
    told.await.map_err(|_| BridgeError::Stopping)?
}
