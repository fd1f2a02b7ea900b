//! Logging: emit and redact. One event is one line, whatever it holds; fields whose names speak of secrets are not written.
//!
//! A bounded queue and a thread of its own stand between those who log and the stream, so that a stuck reader of stderr
//! never holds up trading: lines are then dropped and counted. Where logs lie and how long is not decided here.
#![warn(missing_docs)]

mod capture;
mod config;
mod escape;
mod init;
mod layer;
mod line;
mod redact;
#[cfg(test)]
mod tests;
mod time;

pub use capture::{Captured, capture};
pub use config::{Format, LogConfig, RawLog};
pub use init::{LogError, LogGuard, init};
pub use redact::REDACTED;
