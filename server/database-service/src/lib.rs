//! The server's stores on one machine: SQLite for rows, Parquet files for ticks, a bounded cache in process.
//!
//! [`Database::open`] gives the ports of `aitrading-store`; [`component`] is the service around it with its door, where the operator
//! and the auditor may ask in SQL (docs/specs/sql.md). How tick
//! files can be read by other tools is described in docs/specs/tick-files.md.
#![warn(missing_docs)]

mod accounts;
mod cache;
mod chains;
mod database;
mod meta;
mod meters;
mod patterns;
mod service;
mod settings;
mod signals;
mod sql;
mod sqlite;
mod stats;
mod subscriptions;
mod ticks;

pub use chains::LocalChains;
pub use database::Database;
pub use patterns::LocalPatterns;
pub use service::{NAME, component};
pub use settings::Settings;
pub use sql::{Answer, ERROR_CODE, ERROR_DETAIL, LEFT_OUT, PATH as SQL_PATH, Question};
