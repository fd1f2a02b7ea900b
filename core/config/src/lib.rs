//! Configuration: one file, the environment and flags, laid over each other; misspelt keys are errors, all violations are
//! reported together, and of every value it is known where it comes from.
//!
//! Raw and resolved are two types: [`load`] fills a service's raw serde struct (which denies unknown keys), and the service
//! turns it into its settings with a [`Collector`]. Nothing here reads the process's environment or knows a service's settings.
#![warn(missing_docs)]

mod collector;
mod layers;
mod load;
mod secret;
#[cfg(test)]
mod tests;
mod violation;

pub use collector::Collector;
pub use layers::{Environment, Layers};
pub use load::{Loaded, Origin, Provenance, load, load_with};
pub use secret::{NoUnseal, SecretError, SecretRef, Unseal};
pub use violation::{Violation, Violations};
