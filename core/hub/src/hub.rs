//! Starting a process and waiting for its end.

use crate::{
    Component, Health, HubError,
    error::Cause,
    graph::Graph,
    health::Board,
    supervisor::{Outcome, Supervisor},
};
use aitrading_env::Env;
use aitrading_error::Fault;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long the phases of a life may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubConfig {
    /// From start until all are ready.
    pub start_limit: Duration,
    /// From *begin* to *force*.
    pub drain_limit: Duration,
    /// From *force* until tasks are aborted.
    pub force_limit: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { start_limit: seconds(30), drain_limit: seconds(10), force_limit: seconds(2) }
    }
}

/// A process before its start. Components that show health or may end the process get theirs from here.
#[derive(Debug)]
pub struct Hub {
    health: Health,
    control: Control,
    wishes: watch::Receiver<Wish>,
}

/// What the start took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartReport {
    /// From start to all ready.
    pub total_us: u64,
    /// Each component's name and own start time.
    pub components: Vec<(String, u64)>,
}

/// How the end went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// Why it was stopped.
    pub reason: String,
    /// From *begin* to the last *complete*.
    pub drain_us: u64,
    /// Those that needed *force*.
    pub forced: Vec<String>,
}

/// A started process. Dropping it together with all its [`Control`]s stops the process.
#[derive(Debug)]
pub struct Running {
    health: Health,
    control: Control,
    outcome: watch::Receiver<Outcome>,
}

/// Why the process should end.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    None,
    Stop(String),
    Fail(String, Cause),
}

/// The process-wide way to stop, or to fail. Cheap to clone; the first wish wins.
#[derive(Debug, Clone)]
pub struct Control(Arc<watch::Sender<Wish>>);

impl Hub {
    /// Nothing is started yet.
    #[must_use]
    pub fn new() -> Self {
        let (wish, wishes) = watch::channel(Wish::None);
        Self { health: Health(Arc::new(Board::new())), control: Control(Arc::new(wish)), wishes }
    }

    /// The health of what will be started; not ready until then.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// The way to stop, for components. While one of them keeps it, dropping [`Running`] stops nothing.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Checks the graph and starts it. Returns at once; [`Running::ready`] waits.
    ///
    /// # Errors
    /// [`HubError::Graph`] with every problem of the declared needs.
    pub fn launch(self, env: &Env, config: HubConfig, components: Vec<Component>) -> Result<Running, HubError> {
        let Self { health, control, wishes } = self;
        let nodes: Vec<_> = components.iter().map(|c| (c.name.as_str(), c.needs.as_slice())).collect();
        let graph = Graph::check(&nodes).map_err(HubError::Graph)?;
        health.0.fill(components.iter().map(|c| (c.name.clone(), c.parts.clone())));
        let (tell, outcome) = watch::channel(Outcome::Starting);
        let supervisor = Supervisor::new(env.clone(), config, graph, Arc::clone(&health.0), components, tell);
        drop(env.spawn.task("hub", Box::pin(supervisor.run(wishes))));
        Ok(Running { health, control, outcome })
    }

    /// [`Hub::new`] and [`Hub::launch`] in one, for components that need neither health nor control.
    ///
    /// # Errors
    /// As [`Hub::launch`].
    pub fn start(env: &Env, config: HubConfig, components: Vec<Component>) -> Result<Running, HubError> {
        Self::new().launch(env, config, components)
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Running {
    /// The health of all components.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// A way to stop from elsewhere.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Waits until all components are ready.
    ///
    /// # Errors
    /// Why they are not; the process has then already been drained. [`HubError::Lost`] if it was stopped before it was ready.
    pub async fn ready(&self) -> Result<StartReport, HubError> {
        let mut outcome = self.outcome.clone();
        let now = outcome.wait_for(|o| !matches!(o, Outcome::Starting)).await.map_err(|_| HubError::Lost)?;
        match &*now {
            Outcome::Ready(report) => Ok(report.clone()),
            Outcome::Ended(Err(error)) => Err(error.clone()),
            Outcome::Ended(Ok(_)) | Outcome::Starting => Err(HubError::Lost),
        }
    }

    /// Waits until nothing runs any more: asked for through [`Control::stop`], or because something failed.
    ///
    /// # Errors
    /// The first failure, or who had to be aborted.
    pub async fn wait(mut self) -> Result<StopReport, HubError> {
        let now = self.outcome.wait_for(|o| matches!(o, Outcome::Ended(_))).await.map_err(|_| HubError::Lost)?;
        match &*now {
            Outcome::Ended(end) => end.clone(),
            Outcome::Starting | Outcome::Ready(_) => Err(HubError::Lost),
        }
    }
}

impl Control {
    /// Begins the drain.
    pub fn stop(&self, reason: &str) {
        self.wish(Wish::Stop(reason.to_owned()));
    }

    /// The one process-wide way to fail: drains, and [`Running::wait`] returns the fault.
    pub fn fail(&self, component: &str, fault: Fault) {
        self.wish(Wish::Fail(component.to_owned(), Cause(Arc::new(fault))));
    }

    fn wish(&self, wish: Wish) {
        self.0.send_if_modified(|now| {
            let first = matches!(now, Wish::None);
            if first {
                *now = wish;
            }
            first
        });
    }
}
