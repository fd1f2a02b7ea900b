//! The engine's task: one input at a time into the state machine, its effects out to those who carry them out.

use super::{
    Message, Parts, Shared,
    commit::{Commit, Committer},
};
use crate::{
    engine::{Answer, Effect, Engine, Input, StoredTicks, Token},
    meters,
};
use aitrading_env::{Env, Task};
use aitrading_error::{Coded, chain};
use aitrading_model::{MarketTime, SignalId, Source, Timestamp};
use aitrading_risk::TradingState;
use aitrading_store::{StoreError, TickStore};
use aitrading_wire::{SignalEnvelope, services::Seat};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Pace at which time alone is looked at.
const TICK: Duration = Duration::from_millis(250);
/// Commits that may wait for the committer, and most that it takes at once.
const COMMITS: usize = 256;
/// Answers of the committer: more than commits can be under way, so that it never waits for us.
const OUTCOMES: usize = 1_024;
/// Signals that may wait for the bridge.
const DELIVERIES: usize = 1_024;
/// Failed deliveries that may wait for the engine; beyond it they wait for the next session.
const FAILURES: usize = 2_048;
/// Longest wait for the bridge to take a signal.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Most stored ticks that are looked at for one report.
const LOOKUP_TICKS: usize = 100_000;

type Outcome = Result<u64, &'static str>;
type Delivery = (Seat, SignalId, SignalEnvelope, u64);
/// Seat, signal, and whether it certainly has not left.
type Failure = (Seat, SignalId, bool);

struct Runner {
    env: Env,
    engine: Engine,
    shared: Weak<Shared>,
    ticks: Arc<dyn TickStore>,
    waiting: BTreeMap<Token, oneshot::Sender<Answer>>,
    commits: mpsc::Sender<Commit>,
    deliveries: mpsc::Sender<Delivery>,
    /// Commits under way.
    under_way: usize,
}

pub(super) fn start(
    shared: &Arc<Shared>,
    parts: &Parts,
    engine: Engine,
    committer: Committer,
    incoming: mpsc::Receiver<Message>,
) -> Task {
    let env = parts.env.clone();
    meters::describe();
    let (commits, commit_queue) = mpsc::channel(COMMITS);
    let (tell, outcomes) = mpsc::channel(OUTCOMES);
    let (deliveries, delivery_queue) = mpsc::channel(DELIVERIES);
    let (failed, failures) = mpsc::channel(FAILURES);
    // Both end when the runner drops its senders.
    drop(env.spawn.task("engine-commit", Box::pin(commit_loop(env.clone(), committer, commit_queue, tell))));
    let weak = Arc::downgrade(shared);
    drop(env.spawn.task("engine-deliver", Box::pin(deliver_loop(env.clone(), weak.clone(), delivery_queue, failed))));
    let ticks = Arc::clone(&parts.ticks);
    let waiting = BTreeMap::new();
    let runner = Runner { env: env.clone(), engine, shared: weak, ticks, waiting, commits, deliveries, under_way: 0 };
    runner.show();
    env.spawn.task("engine", Box::pin(runner.run(incoming, outcomes, failures)))
}

async fn commit_loop(
    env: Env,
    mut committer: Committer,
    mut queue: mpsc::Receiver<Commit>,
    tell: mpsc::Sender<(usize, Outcome)>,
) {
    let took = meters::commit_us();
    let mut group = Vec::with_capacity(COMMITS);
    loop {
        if queue.recv_many(&mut group, COMMITS).await == 0 {
            return;
        }
        let started = env.clock.mono_ns();
        let count = group.len();
        let outcome = committer.commit(std::mem::take(&mut group)).await;
        let micros = env.clock.mono_ns().saturating_sub(started).div_euclid(1_000);
        took.record(f64::from(u32::try_from(micros).unwrap_or(u32::MAX)));
        let outcome = outcome.map_err(|error| {
            tracing::error!(code = error.dna().code, error = %chain(&error), "journal or audit log failed: nothing leaves");
            error.dna().code
        });
        let failed = outcome.is_err();
        if tell.send((count, outcome)).await.is_err() || failed {
            // Whatever still comes is refused by the closed queue.
            return;
        }
    }
}

async fn deliver_loop(
    env: Env,
    shared: Weak<Shared>,
    mut queue: mpsc::Receiver<Delivery>,
    failures: mpsc::Sender<Failure>,
) {
    let failed = meters::deliveries_failed();
    // The round in which a seat's delivery failed: the rest of that round goes back too, so that nothing is overtaken.
    let mut stalled: BTreeMap<Seat, u64> = BTreeMap::new();
    while let Some((seat, signal, envelope, round)) = queue.recv().await {
        if stalled.get(&seat).is_some_and(|stalled| round <= *stalled) {
            give_back(&failures, (seat, signal, true));
            continue;
        }
        stalled.remove(&seat);
        let Some(shared) = shared.upgrade() else { return };
        let delivery = shared.delivery.get().cloned();
        drop(shared);
        let (code, kept) = match delivery {
            None => ("NO_DELIVERY", true),
            Some(delivery) => {
                match env.timeout(DELIVERY_TIMEOUT, delivery.deliver(seat, signal, envelope)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => (error.dna().code, true),
                    // It may have left or not.
                    Err(_) => ("DELIVERY_TIMEOUT", false),
                }
            }
        };
        failed.increment(1);
        tracing::warn!(code, %signal, account = %seat.account, "a signal was not taken; it is tried again");
        if give_back(&failures, (seat, signal, kept)) {
            stalled.insert(seat, round);
        }
    }
}

/// Never waits: the engine may be waiting for us. What does not fit stays with the session until the next one.
fn give_back(failures: &mpsc::Sender<Failure>, failure: Failure) -> bool {
    failures.try_send(failure).is_ok()
}

/// Cause and cure of an alert, as far as its code alone tells them.
fn advice(code: &str) -> &'static str {
    match code {
        "CLOCK_SET_BACK" => {
            "the server's clock was set back; nothing is decided until it has caught up: correct the clock"
        }
        _ => "the trading engine needs attention",
    }
}

impl Runner {
    async fn run(
        mut self,
        mut incoming: mpsc::Receiver<Message>,
        mut outcomes: mpsc::Receiver<(usize, Outcome)>,
        mut failures: mpsc::Receiver<Failure>,
    ) {
        let clock = Arc::clone(&self.env.clock);
        let mut tick = clock.sleep(TICK);
        let mut stop = None;
        loop {
            if stop.is_some() && self.under_way == 0 {
                break;
            }
            tokio::select! {
                biased;
                Some((count, outcome)) = outcomes.recv() => {
                    self.under_way = self.under_way.saturating_sub(count);
                    self.committed(outcome).await;
                }
                Some((seat, signal, kept)) = failures.recv() => {
                    self.step(Input::NotDelivered { seat, signal, kept }).await;
                }
                () = &mut tick => {
                    self.step(Input::Timer).await;
                    tick = clock.sleep(TICK);
                }
                message = incoming.recv(), if stop.is_none() => match message {
                    Some(Message::Input { input, reply }) => {
                        self.waiting.extend(reply);
                        self.step(input).await;
                    }
                    Some(Message::Stop(done)) => stop = Some(Some(done)),
                    None => stop = Some(None),
                },
            }
        }
        // Those who still wait get `ENGINE_CLOSED` from their dropped senders.
        if let Some(Some(done)) = stop {
            // The asker may have given up.
            done.send(()).unwrap_or(());
        }
    }

    async fn committed(&mut self, outcome: Outcome) {
        match outcome {
            Ok(through) => self.step(Input::Committed { through }).await,
            Err(code) => {
                self.under_way = 0;
                if let Some(shared) = self.shared.upgrade() {
                    // The first failure is the cause; what fails after it is its consequence.
                    shared.gauges.stopped.set(code).unwrap_or(());
                }
                self.step(Input::CommitFailed { code }).await;
            }
        }
    }

    async fn step(&mut self, input: Input) {
        let now = Timestamp(self.env.clock.wall_ns());
        let rng = Arc::clone(&self.env.rng);
        let mut effects = self.engine.step(now, input, rng.as_ref());
        while !effects.is_empty() {
            let mut failed = false;
            for effect in effects {
                failed |= !self.carry_out(effect).await;
            }
            effects = if failed {
                self.engine.step(now, Input::CommitFailed { code: "ENGINE_HALTED" }, rng.as_ref())
            } else {
                Vec::new()
            };
        }
        self.show();
    }

    /// `false` if a commit could not be handed over.
    async fn carry_out(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Commit { ticket, events, leaves } => {
                let sent = self.commits.send(Commit { ticket, events, leaves }).await.is_ok();
                self.under_way = self.under_way.saturating_add(usize::from(sent));
                return sent;
            }
            Effect::Deliver { seat, signal, envelope, round } => {
                // The other end lives as long as this task.
                drop(self.deliveries.send((seat, signal, envelope, round)).await);
            }
            Effect::Reply { token, answer } => {
                if let Some(reply) = self.waiting.remove(&token) {
                    // The asker may have given up.
                    drop(reply.send(answer));
                }
            }
            Effect::LookupTicks { token, source, from, to } => {
                let (ticks, shared) = (Arc::clone(&self.ticks), self.shared.clone());
                let look = async move {
                    let stored = look_up(ticks.as_ref(), source, from, to).await.ok();
                    let Some(shared) = shared.upgrade() else { return };
                    let input = Input::Ticks { token, stored };
                    drop(shared.queue.send(Message::Input { input, reply: None }).await);
                };
                drop(self.env.spawn.task("engine-ticks", Box::pin(look)));
            }
            Effect::Alert(alert) => {
                meters::alerts(alert.code).increment(1);
                let account = alert.account.map(|(_, account)| account.0);
                tracing::error!(code = alert.code, account, trace = %alert.trace, "{}", advice(alert.code));
            }
            Effect::Count(name) => meters::count(name).increment(1),
        }
        true
    }

    fn show(&self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let (open, sessions, state) = self.engine.summary();
        let number = match state {
            TradingState::Active => 0,
            TradingState::Reducing => 1,
            TradingState::Halted => 2,
        };
        shared.gauges.open.store(open as u64, Ordering::Relaxed);
        shared.gauges.sessions.store(sessions as u64, Ordering::Relaxed);
        shared.gauges.halted.store(self.engine.halted(), Ordering::Relaxed);
        shared.gauges.restricted.store(self.engine.restricted(), Ordering::Relaxed);
        shared.gauges.state.store(number, Ordering::Relaxed);
        shared.gauges.clock_behind.store(self.engine.is_clock_behind(), Ordering::Relaxed);
    }
}

/// The stored ticks of a range. What lies behind it is asked for first: what comes in between is no reason to call it complete.
async fn look_up(
    store: &dyn TickStore,
    source: Source,
    from: MarketTime,
    to: MarketTime,
) -> Result<StoredTicks, StoreError> {
    let behind = store.range(source, to, MarketTime(i64::MAX), 1).await?;
    let ticks = store.range(source, from, to, LOOKUP_TICKS).await?;
    Ok(StoredTicks { ticks, complete: !behind.is_empty() })
}
