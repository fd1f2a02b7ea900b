//! The server's stores: on one machine SQLite for rows, Parquet files for ticks, a bounded cache in process; and for each part
//! the server that the operator named instead.
//!
//! [`Databases::open`] gives the ports of `aitrading-store`; [`component`] is the service around them with its door, where the
//! operator and the auditor may ask in SQL (docs/specs/sql.md), and other services call the ports (docs/specs/ports.md). How
//! tick files can be read by other tools is described in docs/specs/tick-files.md.
#![warn(missing_docs)]

mod cache;
mod chains;
mod database;
mod databases;
mod look;
mod meters;
mod patterns;
mod platform;
mod postgres;
mod remote;
mod schema;
mod servers;
mod service;
mod settings;
mod sql;
mod sqlite;
mod stats;
mod stores;
mod ticks;
mod transfer;
mod turn;

pub use database::Database;
pub use databases::{Databases, HELD, OpenError};
pub use look::Look;
pub use platform::PlatformRows;
pub use postgres::PostgresStores;
pub use schema::{SchemaState, SchemaStatus, SchemaStep};
pub use servers::{RawServers, Servers};
pub use service::{NAME, component};
pub use settings::Settings;
pub use sql::{Answer, ERROR_CODE, ERROR_DETAIL, LEFT_OUT, PATH as SQL_PATH, Question};
pub use stores::RelationalStores;
pub use transfer::{
    Compared, DEPLOYMENT, Forgotten, Hear, TRANSFERABLE, TransferError, Transferred, forgotten, leave_behind,
    take_back, transfer,
};
