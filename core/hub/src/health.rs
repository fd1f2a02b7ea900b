//! What every component says about itself, gathered for probes.

use serde::Serialize;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Reports a component's health parts.
pub(crate) type PartsFn = Arc<dyn Fn() -> Vec<Part> + Send + Sync>;

/// How well something works. Ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Works.
    Up,
    /// Works with a restriction; still ready.
    Degraded,
    /// Does not work; not ready.
    Down,
}

/// One aspect of a component's health: a disk, a queue, a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What is looked at: `journal`.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// Why, for the operator. No secrets: probes show it.
    pub detail: String,
}

impl Part {
    /// Describes one part.
    pub fn new(name: impl Into<String>, status: Status, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status, detail: detail.into() }
    }
}

/// Where a component is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its needs.
    Waiting,
    /// Started, has not said ready.
    Starting,
    /// Serves.
    Ready,
    /// Asked to stop.
    Draining,
    /// Ended as asked.
    Stopped,
    /// Ended otherwise, or needs one that did.
    Failed,
}

/// Where the whole process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Some components are not ready yet.
    Starting,
    /// All said ready.
    Ready,
    /// Stopping.
    Draining,
    /// Nothing runs any more.
    Stopped,
}

/// One component as probes see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentHealth {
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// Worst of its parts; down unless it is ready.
    pub status: Status,
    /// From start to ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_us: Option<u64>,
    /// Why it failed (the public face).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// The state of the process at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// May traffic come?
    pub ready: bool,
    /// Worst of the components.
    pub status: Status,
    /// Where the process is in its life.
    pub phase: Phase,
    /// The components, in the order of their declaration.
    pub components: Vec<ComponentHealth>,
}

/// Reads the health of all components. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Health(pub(crate) Arc<Board>);

impl Health {
    /// Everything at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot(None)
    }

    /// Readiness and details, of the process or of one component; `None` if there is no such component. This is the
    /// shape that a readiness probe wants.
    #[must_use]
    pub fn report(&self, component: Option<&str>) -> Option<(bool, Snapshot)> {
        let snapshot = self.0.snapshot(component);
        let known = component.is_none() || !snapshot.components.is_empty();
        known.then_some((snapshot.ready, snapshot))
    }
}

/// The supervisor writes here, probes read here.
pub(crate) struct Board(Mutex<Inner>);

struct Inner {
    phase: Phase,
    entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) start_us: Option<u64>,
    pub(crate) reason: Option<String>,
    pub(crate) parts: Option<PartsFn>,
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl Board {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner { phase: Phase::Starting, entries: Vec::new() }))
    }

    pub(crate) fn fill(&self, components: impl Iterator<Item = (String, Option<PartsFn>)>) {
        let entries =
            components.map(|(name, parts)| Entry { name, state: State::Waiting, start_us: None, reason: None, parts });
        self.inner().entries = entries.collect();
    }

    pub(crate) fn set_parts(&self, index: usize, parts: PartsFn) {
        self.change(index, |entry| entry.parts = Some(parts));
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.inner().phase = phase;
    }

    pub(crate) fn change(&self, index: usize, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.inner().entries.get_mut(index) {
            change(entry);
        }
    }

    pub(crate) fn state(&self, index: usize) -> State {
        self.inner().entries.get(index).map_or(State::Failed, |e| e.state)
    }

    pub(crate) fn start_us(&self, index: usize) -> u64 {
        self.inner().entries.get(index).and_then(|e| e.start_us).unwrap_or(0)
    }

    pub(crate) fn name(&self, index: usize) -> String {
        self.inner().entries.get(index).map(|e| e.name.clone()).unwrap_or_default()
    }

    fn snapshot(&self, only: Option<&str>) -> Snapshot {
        let (phase, found) = {
            let inner = self.inner();
            let wanted = inner.entries.iter().filter(|e| only.is_none_or(|name| name == e.name));
            (inner.phase, wanted.map(Entry::plain).collect::<Vec<_>>())
        };
        // The callbacks are asked without the lock: a slow one must not hold up the supervisor.
        let components: Vec<_> = found.into_iter().map(|(health, parts)| with_parts(health, parts)).collect();
        let status = components.iter().map(|c| c.status).max().unwrap_or(Status::Up);
        // The process as a whole takes traffic only between the last "ready" and the first order to stop.
        let open = phase == Phase::Ready || (only.is_some() && !components.is_empty());
        Snapshot { ready: open && status < Status::Down, status, phase, components }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn plain(&self) -> (ComponentHealth, Option<PartsFn>) {
        let health = ComponentHealth {
            name: self.name.clone(),
            state: self.state,
            status: if self.state == State::Ready { Status::Up } else { Status::Down },
            start_us: self.start_us,
            reason: self.reason.clone(),
            parts: Vec::new(),
        };
        (health, self.parts.clone())
    }
}

fn with_parts(mut health: ComponentHealth, parts: Option<PartsFn>) -> ComponentHealth {
    health.parts = parts.map(|ask| ask()).unwrap_or_default();
    health.status = health.parts.iter().map(|p| p.status).fold(health.status, Status::max);
    health
}
