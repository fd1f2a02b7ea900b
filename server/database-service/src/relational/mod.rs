//! The stores of rows, written once for SQLite and PostgreSQL: this folder is compiled by `sqlite.rs` and by `postgres.rs`.
//!
//! What differs between the two stands in the `db` module beside this one: a pool, transactions, and what errors mean. The
//! statements are SQL that both understand, with `$1` for the first value; a file here never names a dialect.

use super::db;

mod accounts;
pub(crate) mod marks;
mod meta;
mod signals;
mod subscriptions;

use crate::{RelationalStores, turn::Turn};
use accounts::{SqlAccounts, SqlDevices};
use db::Db;
use meta::SqlMeta;
use signals::SqlSignals;
use std::sync::Arc;
use subscriptions::SqlSubscriptions;

/// All of them over one database.
pub(crate) fn stores(db: &Db) -> RelationalStores {
    RelationalStores {
        signals: Arc::new(SqlSignals(db.of(Turn::Signals))),
        subscriptions: Arc::new(SqlSubscriptions(db.of(Turn::Subscriptions))),
        accounts: Arc::new(SqlAccounts(db.of(Turn::Accounts))),
        devices: Arc::new(SqlDevices(db.of(Turn::Devices))),
        meta: Arc::new(SqlMeta(db.of(Turn::Meta))),
    }
}
