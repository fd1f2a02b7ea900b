//! Central Hub: the component graph of one process, its readiness, health and shutdown.
//!
//! Components declare what they need; the hub refuses missing needs and cycles, starts what is independent in parallel,
//! counts a dropped ready handle as failure, and on shutdown drains dependants before what they depend on. Lifecycle only:
//! no business message passes through here, and no service is named here.
#![warn(missing_docs)]

mod component;
mod error;
mod graph;
mod handover;
mod health;
mod hub;
mod shutdown;
mod signals;
mod supervisor;
#[cfg(test)]
mod tests;

pub use component::{Component, ReadyHandle};
pub use error::{Cause, ComponentError, GraphProblem, HubError};
pub use handover::Handover;
pub use health::{ComponentHealth, Health, Part, Phase, Snapshot, State, Status};
pub use hub::{Control, Hub, HubConfig, Running, StartReport, StopReport};
pub use shutdown::{Shutdown, ShutdownTrigger};
pub use signals::Signals;
