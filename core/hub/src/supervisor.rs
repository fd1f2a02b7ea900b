//! The one task that owns the life of all components.

use crate::{
    Component, ComponentError, HubConfig, HubError, Phase, ReadyHandle, Shutdown, StartReport, State, StopReport,
    component::RunFn, error::Cause, graph::Graph, health::Board, hub::Wish, shutdown::Stage,
};
use aitrading_env::{BoxFuture, Env, Task};
use aitrading_error::{Fault, chain};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};

/// What [`crate::Running`] waits for.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Starting,
    Ready(StartReport),
    Ended(Result<StopReport, HubError>),
}

/// What component tasks tell the supervisor: at most [`EVENTS_PER_COMPONENT`] each, so the queue never overflows.
enum Event {
    Ready(usize),
    ReadyDropped(usize),
    Ended(usize, Result<(), Fault>),
}

const EVENTS_PER_COMPONENT: usize = 2;

/// The supervisor's own view of one component; what probes see is on the [`Board`].
struct Member {
    run: Option<RunFn>,
    once: bool,
    stage: watch::Sender<Stage>,
    task: Option<Task>,
    started_ns: u64,
    /// Runs no more, or never ran and never will.
    ended: bool,
}

/// What the next deadline means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Starting,
    Serving,
    Draining,
    Forced,
}

pub(crate) struct Supervisor {
    env: Env,
    config: HubConfig,
    graph: Graph,
    board: Arc<Board>,
    members: Vec<Member>,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    tell: watch::Sender<Outcome>,
    step: Step,
    deadline: BoxFuture<'static, ()>,
    begun_ns: u64,
    drain_ns: u64,
    reason: String,
    failure: Option<HubError>,
    forced: Vec<String>,
}

impl Supervisor {
    pub(crate) fn new(
        env: Env,
        config: HubConfig,
        graph: Graph,
        board: Arc<Board>,
        components: Vec<Component>,
        tell: watch::Sender<Outcome>,
    ) -> Self {
        let events = mpsc::channel(components.len() * EVENTS_PER_COMPONENT + 1);
        let members = components.into_iter().map(Member::new).collect();
        let begun_ns = env.clock.mono_ns();
        let deadline = env.clock.sleep(config.start_limit);
        let (step, reason) = (Step::Starting, String::new());
        Self {
            env,
            config,
            graph,
            board,
            members,
            events,
            tell,
            step,
            deadline,
            begun_ns,
            drain_ns: 0,
            reason,
            failure: None,
            forced: Vec::new(),
        }
    }

    pub(crate) async fn run(mut self, mut wishes: watch::Receiver<Wish>) {
        self.launch_waiting();
        let mut listening = true;
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.1.recv() => self.on_event(event),
                changed = wishes.changed(), if listening => {
                    listening = false;
                    self.on_wish(changed.map(|()| wishes.borrow().clone()).ok());
                }
                () = &mut self.deadline => self.on_deadline(),
            }
            if self.begun() && self.members.iter().all(|m| m.ended) {
                break;
            }
        }
        self.end();
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Ready(at) => self.on_ready(at),
            Event::ReadyDropped(at) if self.begun() => {
                tracing::debug!(component = self.board.name(at), "stopped before it was ready")
            }
            Event::ReadyDropped(at) => self.fail(at, Fault::new(ComponentError::ReadyDropped)),
            Event::Ended(at, end) => self.on_end(at, end),
        }
    }

    fn on_ready(&mut self, at: usize) {
        if self.board.state(at) != State::Starting {
            return;
        }
        let took = self.members.get(at).map_or(0, |m| self.since_us(m.started_ns));
        self.board.change(at, |entry| (entry.state, entry.start_us) = (State::Ready, Some(took)));
        tracing::debug!(component = self.board.name(at), start_us = took, "component ready");
        self.launch_waiting();
    }

    fn on_end(&mut self, at: usize, end: Result<(), Fault>) {
        let Some(member) = self.members.get_mut(at) else { return };
        member.ended = true;
        let asked = *member.stage.borrow() >= Stage::Begin;
        let done = member.once && self.board.state(at) == State::Ready;
        match end {
            Err(fault) => self.fail(at, fault),
            Ok(()) if done && !asked => {}
            Ok(()) if !asked => self.fail(at, Fault::new(ComponentError::EndedEarly)),
            Ok(()) => self.board.change(at, |entry| {
                if entry.state != State::Failed {
                    entry.state = State::Stopped;
                }
            }),
        }
        self.drain_further();
    }

    /// No wish means that nobody is left who could ask for anything.
    fn on_wish(&mut self, wish: Option<Wish>) {
        match wish {
            Some(Wish::Stop(reason)) => self.begin(reason),
            Some(Wish::Fail(component, cause)) => {
                self.first_failure(HubError::Failed { component: component.clone(), cause });
                self.begin(format!("component `{component}` failed"));
            }
            Some(Wish::None) | None => self.begin("nobody holds the process any more".to_owned()),
        }
    }

    fn on_deadline(&mut self) {
        self.deadline = Box::pin(std::future::pending());
        match self.step {
            Step::Starting => {
                let late = self.names(|board, at, _| matches!(board.state(at), State::Starting | State::Waiting));
                let limit_ms = u64::try_from(self.config.start_limit.as_millis()).unwrap_or(u64::MAX);
                self.first_failure(HubError::StartTimeout { components: late.join(", "), limit_ms });
                self.begin("not ready in time".to_owned());
            }
            Step::Serving => {}
            Step::Draining => {
                self.forced = self.names(|_, _, member| !member.ended);
                tracing::warn!(components = self.forced.join(", "), "drain deadline passed, forcing");
                self.members.iter().for_each(|m| m.raise(Stage::Force));
                self.set_step(Step::Forced, Some(self.config.force_limit));
            }
            Step::Forced => self.abort_rest(),
        }
    }

    /// Starts all that wait for nothing any more; when all are up, says so.
    fn launch_waiting(&mut self) {
        if self.begun() {
            return;
        }
        for at in 0..self.members.len() {
            let needs = self.graph.needs.get(at).into_iter().flatten();
            let free = needs.into_iter().all(|&need| self.board.state(need) == State::Ready);
            if free && self.board.state(at) == State::Waiting {
                self.launch(at);
            }
        }
        if (0..self.members.len()).all(|at| self.board.state(at) == State::Ready) {
            self.board.set_phase(Phase::Ready);
            self.set_step(Step::Serving, None);
            let started = self.members.iter().enumerate().map(|(at, _)| (self.board.name(at), self.board.start_us(at)));
            let report = StartReport { total_us: self.since_us(self.begun_ns), components: started.collect() };
            tracing::info!(total_us = report.total_us, components = report.components.len(), "all components ready");
            self.tell.send_replace(Outcome::Ready(report));
        }
    }

    fn launch(&mut self, at: usize) {
        let (env, name) = (self.env.clone(), self.board.name(at));
        let Some(member) = self.members.get_mut(at) else { return };
        let Some(run) = member.run.take() else { return };
        self.board.change(at, |entry| entry.state = State::Starting);
        let (tell, said) = oneshot::channel();
        let ready = ReadyHandle { tell, board: Arc::clone(&self.board), index: at };
        let shutdown = Shutdown(member.stage.subscribe());
        let report = EndReport { at, events: self.events.0.clone(), end: None };
        member.started_ns = env.clock.mono_ns();
        member.task = Some(env.spawn.task(&name, Box::pin(live(run, ready, said, shutdown, report))));
    }

    fn fail(&mut self, at: usize, fault: Fault) {
        let name = self.board.name(at);
        tracing::error!(component = name, code = fault.dna().code, error = %chain(fault.internal()), "component failed");
        let public = fault.public().to_owned();
        self.board.change(at, |entry| (entry.state, entry.reason) = (State::Failed, Some(public)));
        let because = ComponentError::NeedFailed(name.clone()).to_string();
        for dependant in self.graph.all_dependants(at) {
            self.board.change(dependant, |entry| {
                if entry.state != State::Failed && entry.state != State::Stopped {
                    (entry.state, entry.reason) = (State::Failed, Some(because.clone()));
                }
            });
        }
        self.first_failure(HubError::Failed { component: name.clone(), cause: Cause(Arc::new(fault)) });
        self.begin(format!("component `{name}` failed"));
    }

    fn first_failure(&mut self, error: HubError) {
        self.failure.get_or_insert(error);
    }

    fn begin(&mut self, reason: String) {
        if self.begun() {
            return;
        }
        tracing::info!(reason, "stopping");
        self.reason = reason;
        self.board.set_phase(Phase::Draining);
        self.drain_ns = self.env.clock.mono_ns();
        self.set_step(Step::Draining, Some(self.config.drain_limit));
        for member in &mut self.members {
            member.ended |= member.task.is_none();
        }
        self.drain_further();
    }

    /// Asks those to stop on whom nothing running depends any more.
    fn drain_further(&mut self) {
        if !self.begun() {
            return;
        }
        for (at, member) in self.members.iter().enumerate() {
            let mut dependants = self.graph.dependants.get(at).into_iter().flatten();
            let free = dependants.all(|&d| self.members.get(d).is_none_or(|m| m.ended));
            if free && !member.ended && *member.stage.borrow() == Stage::Running {
                self.board.change(at, |entry| {
                    if entry.state != State::Failed {
                        entry.state = State::Draining;
                    }
                });
                member.raise(Stage::Begin);
            }
        }
    }

    fn abort_rest(&mut self) {
        let components = self.names(|_, _, member| !member.ended).join(", ");
        for (at, member) in self.members.iter_mut().enumerate().filter(|(_, m)| !m.ended) {
            member.ended = true;
            member.task.iter().for_each(Task::abort);
            self.board.change(at, |entry| entry.state = State::Failed);
        }
        tracing::error!(components, "aborted");
        self.first_failure(HubError::NotComplete { components });
    }

    fn end(self) {
        self.board.set_phase(Phase::Stopped);
        let drain_us = self.since_us(self.drain_ns);
        let outcome = match self.failure {
            Some(error) => Err(error),
            None => Ok(StopReport { reason: self.reason, drain_us, forced: self.forced }),
        };
        self.tell.send_replace(Outcome::Ended(outcome));
    }

    fn begun(&self) -> bool {
        matches!(self.step, Step::Draining | Step::Forced)
    }

    fn set_step(&mut self, step: Step, limit: Option<Duration>) {
        self.step = step;
        self.deadline = limit.map_or_else(|| Box::pin(std::future::pending()) as _, |l| self.env.clock.sleep(l));
    }

    fn names(&self, wanted: impl Fn(&Board, usize, &Member) -> bool) -> Vec<String> {
        let found = self.members.iter().enumerate().filter(|(at, member)| wanted(&self.board, *at, member));
        found.map(|(at, _)| self.board.name(at)).collect()
    }

    fn since_us(&self, ns: u64) -> u64 {
        self.env.clock.mono_ns().saturating_sub(ns) / 1000
    }
}

impl Member {
    fn new(component: Component) -> Self {
        let stage = watch::channel(Stage::Running).0;
        Self { run: Some(component.run), once: component.once, stage, task: None, started_ns: 0, ended: false }
    }

    fn raise(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }
}

/// Runs one component and reports readiness and end. The component's own end wins over its dropped handle, so that an
/// error is reported as itself.
async fn live(run: RunFn, ready: ReadyHandle, said: oneshot::Receiver<()>, shutdown: Shutdown, mut report: EndReport) {
    let mut running = pin!(run(ready, shutdown));
    let mut said = pin!(said);
    let ended = tokio::select! {
        biased;
        end = &mut running => Err(end),
        word = &mut said => Ok(word),
    };
    let end = match ended {
        Ok(word) => {
            report.send(if word.is_ok() { Event::Ready(report.at) } else { Event::ReadyDropped(report.at) });
            running.await
        }
        Err(end) => {
            if end.is_ok() && said.try_recv().is_ok() {
                report.send(Event::Ready(report.at));
            }
            end
        }
    };
    report.end = Some(end);
}

/// Reports the end even if the task panics or is aborted.
struct EndReport {
    at: usize,
    events: mpsc::Sender<Event>,
    end: Option<Result<(), Fault>>,
}

impl EndReport {
    fn send(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("the hub is gone, nobody is told of a component's change");
        }
    }
}

impl Drop for EndReport {
    fn drop(&mut self) {
        let end = self.end.take().unwrap_or_else(|| Err(Fault::new(ComponentError::Panicked)));
        self.send(Event::Ended(self.at, end));
    }
}
