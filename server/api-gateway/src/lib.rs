//! API gateway (:8000): where browsers, programs and webhooks come in. Enrolment, login, refresh and revocation stand in
//! [`identity`], which no route calls yet.
//!
//! One table names every operation with its permission, its limit, its body and its answer; the router, the gate, the limits,
//! the audit log and the published description are made from it. The gateway never reaches a database driver, the trading
//! engine, risk, or the audit log's writer.
#![warn(missing_docs)]

mod api;
mod assets;
mod call;
mod cors;
mod endpoint;
mod error;
pub mod identity;
mod openapi;
mod operations;
mod pipeline;
mod query;
mod router;
mod service;
mod settings;
mod table;
mod trace;
mod views;

pub use api::ApiParts;
pub use service::{Gateway, SERVICE, observer};
pub use settings::{GatewaySettings, RawGateway};
