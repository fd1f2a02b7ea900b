//! The trading engine: decides, reserves, signs, distributes, and checks what comes back.
//!
//! [`engine`] is a deterministic state machine; [`TradingEngine`] is the shell around it that owns the journal and the audit
//! log. A signal leaves only when its journal record (reservation and outbox entry) and its audit leaf are both durable.
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod audit_copy;
mod engine;
mod error;
mod meters;
mod settings;
mod shell;
mod strategy;
#[cfg(test)]
mod testing;

pub use audit_copy::AuditCopy;
pub use engine::{AccountKeyPublic as AccountKey, EngineKeys, ManualOrder, Pseudonyms};
pub use error::{EngineError, Refusal};
pub use settings::{Config, EngineSettings, StrategySettings};
pub use shell::{AuditParts, Parts, Recovered, TradingEngine};
pub use strategy::{Intent, MaCross, StopDistance, Strategy};
