//! The shell: the handle that other services hold, and the tasks that carry out what the engine decides.

mod commit;
mod entitle;
mod project;
mod recover;
mod run;
mod services;
#[cfg(test)]
mod tests;

pub use recover::Recovered;

use crate::{
    Config, EngineError, EngineKeys, ManualOrder, Pseudonyms,
    engine::{AccountKey, Answer, Effect, Engine, Input, Token},
};
use aitrading_audit::{AuditLog, LogState};
use aitrading_env::{Env, Fs, Task};
use aitrading_hub::{Part, Status};
use aitrading_journal::{Backlog, Journal, Position, State as JournalState};
use aitrading_model::{SignalId, TraceId};
use aitrading_risk::{StateScope, TradingState};
use aitrading_store::{SignalStore, SubscriptionStore, TickStore};
use aitrading_wire::services::SignalDelivery;
use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Purpose tag of the engine's journal.
const MAGIC: [u8; 4] = *b"ATTE";

/// The audit log, which the engine alone writes, and where its files lie.
#[derive(Debug, Clone)]
pub struct AuditParts {
    /// The open log.
    pub log: AuditLog,
    /// The file system that it lies on.
    pub fs: Arc<dyn Fs>,
    /// Its folder.
    pub dir: PathBuf,
}

/// What the engine is made of.
#[derive(Clone)]
pub struct Parts {
    /// The world.
    pub env: Env,
    /// Folder of the engine's journal.
    pub dir: PathBuf,
    /// Settings.
    pub config: Config,
    /// Keys.
    pub keys: EngineKeys,
    /// Audit log.
    pub audit: AuditParts,
    /// Where signals are projected to.
    pub signals: Arc<dyn SignalStore>,
    /// Who is entitled.
    pub subscriptions: Arc<dyn SubscriptionStore>,
    /// Stored ticks, for reports about times that memory no longer holds.
    pub ticks: Arc<dyn TickStore>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// One thing for the engine's task.
enum Message {
    Input { input: Input, reply: Option<(Token, oneshot::Sender<Answer>)> },
    Stop(oneshot::Sender<()>),
}

/// What health reports show.
#[derive(Debug, Default)]
struct Gauges {
    open: AtomicU64,
    sessions: AtomicU64,
    state: AtomicU8,
    halted: AtomicUsize,
    restricted: AtomicUsize,
    clock_behind: AtomicBool,
    /// Why nothing is decided any more until the next start.
    stopped: OnceLock<&'static str>,
}

struct Shared {
    env: Env,
    queue: mpsc::Sender<Message>,
    journal: Journal,
    audit: AuditLog,
    names: Pseudonyms,
    tokens: AtomicU64,
    gauges: Gauges,
    delivery: OnceLock<Arc<dyn SignalDelivery>>,
    subscriptions: Arc<dyn SubscriptionStore>,
    /// Accounts whose entitlement is kept fresh.
    accounts: Mutex<BTreeSet<AccountKey>>,
    projected: watch::Sender<Position>,
    /// How long the signal store has been behind the journal.
    backlog: Arc<Backlog>,
    tasks: Mutex<Vec<Task>>,
}

/// The running engine. Clones are handles on the same one.
#[derive(Clone)]
pub struct TradingEngine(Arc<Shared>);

impl fmt::Debug for TradingEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TradingEngine").field("journal", &self.0.journal).finish_non_exhaustive()
    }
}

impl TradingEngine {
    /// Replays the journal, settles what a crash left between journal and audit log, and starts the engine. Blocks on files.
    ///
    /// # Errors
    /// If the journal or the audit log cannot be read or written, or holds what this version does not know.
    pub async fn open(parts: Parts) -> Result<(Self, Recovered), EngineError> {
        let recover::Opened { mut engine, journal, mut committer, recovered, void } = recover::open(&parts).await?;
        if !void.is_empty() {
            let now = aitrading_model::Timestamp(parts.env.clock.wall_ns());
            let effects = engine.step(now, Input::Void { signals: void }, parts.env.rng.as_ref());
            settle_start(&mut engine, &mut committer, now, effects, &parts.env).await?;
        }
        let (queue, incoming) = mpsc::channel(parts.config.queue);
        let mark = parts.signals.mark().await.map_err(EngineError::Store)?;
        let shared = Arc::new(Shared {
            env: parts.env.clone(),
            queue,
            journal: journal.clone(),
            audit: parts.audit.log.clone(),
            names: parts.keys.pseudonyms.clone(),
            tokens: AtomicU64::new(1),
            gauges: Gauges::default(),
            delivery: OnceLock::new(),
            subscriptions: Arc::clone(&parts.subscriptions),
            accounts: Mutex::new(BTreeSet::new()),
            projected: watch::Sender::new(Position { segment: mark.segment, offset: mark.offset }),
            backlog: Arc::default(),
            tasks: Mutex::new(Vec::new()),
        });
        let project = project::start(&shared, &parts, journal)?;
        let run = run::start(&shared, &parts, engine, committer, incoming);
        let entitle = entitle::start(&shared);
        shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend([run, entitle, project]);
        Ok((Self(shared), recovered))
    }

    /// Names the one who brings signals to devices. Once: engine and bridge refer to each other.
    ///
    /// # Errors
    /// The given delivery, if there is one already.
    pub fn set_delivery(&self, delivery: Arc<dyn SignalDelivery>) -> Result<(), Arc<dyn SignalDelivery>> {
        self.0.delivery.set(delivery)
    }

    /// The audit log, for checkpoints.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.0.audit
    }

    /// Decides an operator's order. The same order under the same key is made once.
    ///
    /// # Errors
    /// [`EngineError::Denied`] with the control that refused it; the engine halted or was shut down.
    pub async fn submit(&self, order: ManualOrder) -> Result<SignalId, EngineError> {
        match self.ask(|token| Input::Manual { token, order: Box::new(order) }).await? {
            Answer::Issued(id) => Ok(id),
            Answer::Denied(denied) => Err(EngineError::Denied(denied)),
            Answer::Refused(refusal) => Err(EngineError::Refused(refusal)),
            Answer::Done | Answer::Grant(_) => Err(EngineError::Closed),
        }
    }

    /// Stops or resumes trading everywhere, or for one tenant, account, strategy or symbol; the strictest level that applies
    /// counts. Audited. Returns when it is durable.
    ///
    /// # Errors
    /// Too many levels are stopped; the engine halted or was shut down.
    pub async fn set_state(
        &self,
        scope: impl Into<StateScope>,
        state: TradingState,
        code: &str,
        trace: TraceId,
    ) -> Result<(), EngineError> {
        let (scope, code) = (scope.into(), code.to_owned());
        self.done(|token| Input::SetState { token, scope, state, code, trace }).await
    }

    /// Waits until everything that is durable now stands in the signal store.
    ///
    /// # Errors
    /// [`EngineError::Closed`] if the projection has ended.
    pub async fn projected(&self) -> Result<(), EngineError> {
        let goal = self.0.journal.durable();
        let mut projected = self.0.projected.subscribe();
        projected.wait_for(|at| *at >= goal).await.map(drop).map_err(|_| EngineError::Closed)
    }

    /// Signals whose outcome is not settled yet.
    #[must_use]
    pub fn open_signals(&self) -> u64 {
        self.0.gauges.open.load(Ordering::Relaxed)
    }

    /// Accounts whose trading is halted: an operator must look at each.
    #[must_use]
    pub fn halted_accounts(&self) -> usize {
        self.0.gauges.halted.load(Ordering::Relaxed)
    }

    /// The code of the failed write after which nothing is decided or sent until the server is started again.
    #[must_use]
    pub fn stopped(&self) -> Option<&'static str> {
        self.0.gauges.stopped.get().copied()
    }

    /// How long the oldest durable event has waited for the signal store.
    #[must_use]
    pub fn store_behind(&self) -> Duration {
        self.0.backlog.behind(self.0.env.clock.mono_ns())
    }

    /// Parts for health reports.
    #[must_use]
    pub fn health(&self) -> Vec<Part> {
        let gauges = &self.0.gauges;
        let (open, sessions) = (gauges.open.load(Ordering::Relaxed), gauges.sessions.load(Ordering::Relaxed));
        let state = gauges.state.load(Ordering::Relaxed);
        let trading = match state {
            0 if gauges.restricted.load(Ordering::Relaxed) == 0 => Status::Up,
            0 | 1 => Status::Degraded,
            _ => Status::Down,
        };
        let journal = self.0.journal.state();
        let journal_status = if journal == JournalState::Open { Status::Up } else { Status::Down };
        let audit = *self.0.audit.state().borrow();
        let audit_status = if audit == LogState::Running { Status::Up } else { Status::Down };
        let (halted, restricted) = (self.halted_accounts(), gauges.restricted.load(Ordering::Relaxed));
        let others = restricted.saturating_sub(halted);
        let more = if others == 0 { String::new() } else { format!(", {others} other levels halted or reducing") };
        let detail = match self.stopped() {
            Some(code) => format!("stopped by {code}: mend or free the disk, then start the server again"),
            None => format!("{sessions} sessions ready, {open} signals open, {halted} accounts halted{more}"),
        };
        let clock = if gauges.clock_behind.load(Ordering::Relaxed) {
            (Status::Degraded, "CLOCK_SET_BACK: nothing is decided until it has caught up; set it right, or wait")
        } else {
            (Status::Up, "runs forward")
        };
        vec![
            Part::new("trading", trading, detail),
            Part::new("engine-journal", journal_status, format!("{journal:?}")),
            Part::new("audit-log", audit_status, format!("{audit:?}")),
            Part::new("clock", clock.0, clock.1),
        ]
    }

    /// Takes nothing new, makes durable what was decided, lets the projection catch up, and ends. The audit log stays open:
    /// other services may still have something to say.
    pub async fn shutdown(&self) {
        let (done, stopped) = oneshot::channel();
        if self.0.queue.send(Message::Stop(done)).await.is_ok() {
            drop(stopped.await);
        }
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let caught_up = self.0.env.timeout(project::DRAIN, self.projected()).await;
        if !matches!(caught_up, Ok(Ok(()))) {
            tracing::warn!(
                code = "ENGINE_PROJECTION_BEHIND",
                "the signal store is behind; it catches up at the next start"
            );
        }
        tasks.iter().for_each(Task::abort);
        self.0.journal.clone().shutdown().await;
    }

    async fn done(&self, input: impl FnOnce(Token) -> Input) -> Result<(), EngineError> {
        match self.ask(input).await? {
            Answer::Refused(refusal) => Err(EngineError::Refused(refusal)),
            _ => Ok(()),
        }
    }

    async fn ask(&self, input: impl FnOnce(Token) -> Input) -> Result<Answer, EngineError> {
        let token = self.0.tokens.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let message = Message::Input { input: input(token), reply: Some((token, sender)) };
        self.0.queue.send(message).await.map_err(|_| EngineError::Closed)?;
        answer.await.map_err(|_| EngineError::Closed)
    }

    async fn tell(&self, input: Input) -> Result<(), EngineError> {
        let message = Message::Input { input, reply: None };
        self.0.queue.send(message).await.map_err(|_| EngineError::Closed)
    }
}

/// Makes durable what recovery decided, before anything else happens.
async fn settle_start(
    engine: &mut Engine,
    committer: &mut commit::Committer,
    now: aitrading_model::Timestamp,
    effects: Vec<Effect>,
    env: &Env,
) -> Result<(), EngineError> {
    let commits = effects.into_iter().filter_map(|effect| match effect {
        Effect::Commit { ticket, events, leaves } => Some(commit::Commit { ticket, events, leaves }),
        _ => None,
    });
    let through = committer.commit(commits.collect()).await?;
    drop(engine.step(now, Input::Committed { through }, env.rng.as_ref()));
    Ok(())
}
