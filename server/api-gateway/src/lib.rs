//! API gateway (:8000): where browsers, programs and webhooks come in. For now it answers health, metrics and an index; enrolment,
//! login, refresh and revocation stand in [`identity`], which no route calls yet.
//!
//! It never reaches a database driver, the trading engine, risk, or the audit log's writer.
#![warn(missing_docs)]

pub mod identity;
mod routes;
mod service;
mod settings;

pub use service::{Gateway, SERVICE, observer};
pub use settings::{GatewaySettings, RawGateway};
