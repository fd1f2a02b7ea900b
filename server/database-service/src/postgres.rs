//! The relational dialect of several machines: a PostgreSQL server.

mod conn;
mod db;
mod dial;
mod error;
mod open;
mod pool;
// The shared stores, compiled here over this module's `db`.
#[expect(clippy::duplicate_mod, reason = "the same statements for two dialects: docs/adr/0001")]
#[path = "relational/mod.rs"]
mod relational;
mod rights;
mod rotation;
mod schema;

pub(crate) use error::Doing;
pub use open::PostgresStores;
pub(crate) use open::long_connection;
