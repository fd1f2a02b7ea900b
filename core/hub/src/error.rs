//! What can go wrong with the life of a process.

use aitrading_error::{Category, Coded, Dna, Fault, FaultSide, Severity};
use std::{fmt, sync::Arc};

const COMPONENT: &str = "hub";

/// Why the process did not start, or ended otherwise than asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HubError {
    /// The declared needs do not make a graph. All problems are listed.
    #[error("the components cannot be started: {}; correct their declared needs", list(.0))]
    Graph(Vec<GraphProblem>),
    /// A component failed; everything was stopped in order.
    #[error("component `{component}` failed and the process was stopped")]
    Failed {
        /// Which one failed first.
        component: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Components did not become ready in time.
    #[error("not ready after {limit_ms} ms: {components}; see their log lines, or raise the start limit")]
    StartTimeout {
        /// Names, separated by commas.
        components: String,
        /// The limit.
        limit_ms: u64,
    },
    /// Components ignored the forced stop and were aborted.
    #[error(
        "aborted because they did not stop in time: {components}; their last writes may be unfinished, the next start recovers them"
    )]
    NotComplete {
        /// Names, separated by commas.
        components: String,
    },
    /// A value that another component should have handed over is not there.
    #[error("{what} was not handed over; declare the component that makes it as a need")]
    NotHandedOver {
        /// Name of the [`crate::Handover`].
        what: &'static str,
    },
    /// A value was handed over twice.
    #[error("{what} was handed over twice; only one component may make it")]
    HandedOverTwice {
        /// Name of the [`crate::Handover`].
        what: &'static str,
    },
    /// The hub's own task is gone.
    #[error("the hub's own task ended unexpectedly; this is a defect, please report it")]
    Lost,
}

/// One thing wrong with the declared needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphProblem {
    /// A need that no component answers to.
    #[error("`{component}` needs `{needs}`, which does not exist")]
    Missing {
        /// Who needs.
        component: String,
        /// What is missing.
        needs: String,
    },
    /// Two components of one name.
    #[error("`{0}` is declared twice")]
    Duplicate(String),
    /// Components that wait for each other.
    #[error("{0} wait for each other")]
    Cycle(String),
}

/// How a component can fail without an error of its own.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ComponentError {
    /// The ready handle was dropped before it was used.
    #[error("it gave up its ready handle without becoming ready")]
    ReadyDropped,
    /// It returned although nobody asked it to stop.
    #[error("it ended without being asked to")]
    EndedEarly,
    /// It panicked.
    #[error("it panicked; this is a defect, please report it")]
    Panicked,
    /// It depends on one that failed.
    #[error("it needs `{0}`, which failed")]
    NeedFailed(String),
}

/// A shared fault as a source of errors.
#[derive(Clone)]
pub struct Cause(pub(crate) Arc<Fault>);

impl Cause {
    /// The fault itself.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.internal(), f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.internal().source()
    }
}

impl Coded for HubError {
    fn dna(&self) -> Dna {
        match self {
            Self::Graph(_) => Dna::new(COMPONENT, "GRAPH_INVALID", Category::Internal),
            // The first failure decides the exit code, so its own facts are passed on.
            Self::Failed { cause, .. } => cause.fault().dna(),
            Self::StartTimeout { .. } => Dna::new(COMPONENT, "START_TIMEOUT", Category::Internal),
            Self::NotComplete { .. } => Dna::new(COMPONENT, "STOP_ABORTED", Category::Internal),
            Self::NotHandedOver { .. } => Dna::new(COMPONENT, "NOT_HANDED_OVER", Category::Internal),
            Self::HandedOverTwice { .. } => Dna::new(COMPONENT, "HANDED_OVER_TWICE", Category::Internal),
            Self::Lost => Dna::new(COMPONENT, "HUB_LOST", Category::Internal).severity(Severity::Critical),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Failed { component, cause } => format!("component `{component}`: {}", cause.fault().public()),
            other => other.to_string(),
        }
    }
}

impl Coded for ComponentError {
    fn dna(&self) -> Dna {
        match self {
            Self::ReadyDropped => Dna::new(COMPONENT, "READY_DROPPED", Category::Internal),
            Self::EndedEarly => Dna::new(COMPONENT, "ENDED_EARLY", Category::Internal),
            Self::Panicked => Dna::new(COMPONENT, "PANICKED", Category::Internal).severity(Severity::Critical),
            Self::NeedFailed(_) => Dna::new(COMPONENT, "NEED_FAILED", Category::Internal).side(FaultSide::Dependency),
        }
    }
}

fn list(problems: &[GraphProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
