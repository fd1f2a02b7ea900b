//! What every service's door has in common: an accept loop with timers and caps, TLS, problem+json, health and metrics.
//!
//! HTTP/1.1 only. No routes and no business rules live here: a service hands in a [`Handler`]. All waiting goes through the
//! clock of [`aitrading_env::Env`], and everything that a peer can send has a bound before it is read.
#![warn(missing_docs)]

mod body;
mod call;
mod caller;
mod client;
mod connection;
mod door;
mod error;
mod guard;
mod json;
mod meters;
mod observe;
mod problem;
mod request;
mod response;
mod slots;
#[cfg(test)]
mod tests;
mod timer;
pub mod websocket;

pub use ::bytes::Bytes;
pub use body::Body;
pub use call::{Call, ClientTls, Reply, call};
pub use caller::{Caller, CallerConfig, Post};
pub use client::{Answer, get};
pub use door::{Door, DoorConfig, Limits, Tls};
pub use error::HttpError;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use json::{JSON_BYTES_MAX, JSON_DEPTH_MAX, from_json};
pub use observe::{Metrics, Observability, Probe};
pub use problem::{problem, status_of};
pub use request::{Handler, Peer, Request, TlsPeer};
pub use response::{Frame, Response, ResponseBody, bytes, empty, json, streamed, text};
