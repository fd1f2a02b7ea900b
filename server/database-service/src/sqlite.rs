//! The relational dialect of one machine: a SQLite file.

pub(crate) mod db;
mod error;
mod patterns;
// The shared stores, compiled here over this module's `db`.
#[path = "relational/mod.rs"]
mod relational;
mod schema;

pub(crate) use db::{Db, Doing, Tx, is_still};
pub(crate) use patterns::SqlPatterns;
pub(crate) use relational::{
    chains::shapes,
    marks::{advance, mark},
    platform, stores,
};
pub(crate) use schema::{is_new, status, status_of};
