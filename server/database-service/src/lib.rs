//! The server's stores on one machine: SQLite for rows, Parquet files for ticks, a bounded cache in process.
//!
//! [`Database::open`] gives the ports of `aitrading-store`, those of trading with [`Database::stores`] and those of the platform
//! around it with [`Database::platform`]; [`component`] is the service around it with its door. How tick
//! files can be read by other tools is described in docs/specs/tick-files.md.
#![warn(missing_docs)]

mod accounts;
mod cache;
mod chains;
mod database;
mod meta;
mod meters;
mod patterns;
mod platform;
mod relational;
mod service;
mod settings;
mod signals;
mod sqlite;
mod stats;
mod subscriptions;
mod ticks;

pub use chains::LocalChains;
pub use database::Database;
pub use patterns::LocalPatterns;
pub use platform::PlatformRows;
pub use service::{NAME, component};
pub use settings::Settings;
