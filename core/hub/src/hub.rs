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

/// Starts component graphs.
#[derive(Debug)]
pub struct Hub;

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
    /// Checks the graph and starts it. Returns at once; [`Running::ready`] waits.
    ///
    /// # Errors
    /// [`HubError::Graph`] with every problem of the declared needs.
    pub fn start(env: &Env, config: HubConfig, components: Vec<Component>) -> Result<Running, HubError> {
        let nodes: Vec<_> = components.iter().map(|c| (c.name.as_str(), c.needs.as_slice())).collect();
        let graph = Graph::check(&nodes).map_err(HubError::Graph)?;
        let board = Arc::new(Board::new(components.iter().map(|c| (c.name.clone(), c.parts.clone()))));
        let (wish, wishes) = watch::channel(Wish::None);
        let (tell, outcome) = watch::channel(Outcome::Starting);
        let supervisor = Supervisor::new(env.clone(), config, graph, Arc::clone(&board), components, tell);
        drop(env.spawn.task("hub", Box::pin(supervisor.run(wishes))));
        Ok(Running { health: Health(board), control: Control(Arc::new(wish)), outcome })
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
