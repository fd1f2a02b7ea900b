//! The server's stores: SQLite for rows, Parquet files for ticks and a bounded cache on one machine, or rows in PostgreSQL.
//!
//! [`Database::open`] gives the ports of `aitrading-store` without needing anything else; [`component`] is the service around
//! it with its door. [`PostgresStores::open`] gives those of the ports that keep rows, on a PostgreSQL server. How tick files
//! can be read by other tools is described in docs/specs/tick-files.md.
#![warn(missing_docs)]

mod cache;
mod chains;
mod database;
mod meters;
mod patterns;
mod postgres;
mod schema;
mod service;
mod settings;
mod sqlite;
mod stats;
mod stores;
mod ticks;
mod turn;

pub use chains::LocalChains;
pub use database::Database;
pub use patterns::LocalPatterns;
pub use postgres::PostgresStores;
pub use schema::{SchemaState, SchemaStatus, SchemaStep};
pub use service::{NAME, component};
pub use settings::Settings;
pub use stores::RelationalStores;
