//! What every connection to a database server has in common: address, TLS, deadline, retry, breaker, health.
//!
//! An adapter opens a [`Link`] for its role, takes address, TLS settings and credentials from it for its driver, and sends
//! every call through the link's [`Guard`]. Plain text is for this machine alone; over a network the server must show a
//! certificate of the configured authority with the name that was dialled.
#![warn(missing_docs)]

mod breaker;
mod credentials;
mod endpoint;
mod error;
mod guard;
mod health;
mod link;
mod meters;
mod retry;
mod role;
mod settings;
mod tls;

// Adapters name a password's place in their tests without an edge to the configuration crate.
pub use aitrading_config::SecretRef;
pub use breaker::{Breaker, BreakerPolicy, BreakerState, Outcome, Ticket};
pub use credentials::{CredentialSource, Credentials, NotAgain, Secrets, Written};
pub use endpoint::Endpoint;
pub use error::LinkError;
pub use guard::{Guard, Repeat};
pub use health::{BackendHealth, HealthLevel, HealthPart, LinkState, PoolUse};
pub use link::Link;
pub use retry::backoff;
pub use role::Role;
pub use settings::{ClientFiles, Limits, PoolBounds, ServerSettings, Settings, TlsFiles, Transport};
pub use tls::Tls;
