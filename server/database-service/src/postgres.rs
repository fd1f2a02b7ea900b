//! The relational dialect of several machines: a PostgreSQL server.

mod conn;
mod db;
mod dial;
mod error;
mod open;
mod pool;
// The shared stores, compiled here over this module's `db`.
#[path = "relational/mod.rs"]
mod relational;
mod rotation;
mod schema;

pub use open::PostgresStores;
