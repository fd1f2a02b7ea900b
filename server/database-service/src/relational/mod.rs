//! The platform's ports in rows. The files below name no dialect: whatever depends on one comes from `db`, so that the same
//! files serve every relational database that has one. Their SQL is what SQLite and PostgreSQL share.
//!
//! A write transaction shuts out every other writer of its store, so what was read inside it still holds when it commits.

mod audit_mirror;
mod chain_traces;
mod chains;
mod columns;
mod log_policies;
mod logs;
mod orders;
mod positions;
mod risk;
mod security_events;
mod sequences;
mod users;

use crate::PlatformRows;
use db::Db;
use std::sync::Arc;

/// All that the files of this module know of the database.
mod db {
    pub(crate) use crate::sqlite::{Db, Doing};

    /// A connection, inside a transaction.
    pub(crate) type Conn = sqlx::SqliteConnection;
}

/// The platform's ports over one database.
pub(crate) fn platform(db: &Db) -> PlatformRows {
    PlatformRows {
        users: Arc::new(users::SqlUsers(db.clone())),
        orders: Arc::new(orders::SqlOrders(db.clone())),
        positions: Arc::new(positions::SqlPositions(db.clone())),
        risk: Arc::new(risk::SqlRisk(db.clone())),
        sequences: Arc::new(sequences::SqlSequences(db.clone())),
        logs: Arc::new(logs::SqlLogs(db.clone())),
        log_policies: Arc::new(log_policies::SqlLogPolicies(db.clone())),
        security_events: Arc::new(security_events::SqlSecurityEvents(db.clone())),
        audit: Arc::new(audit_mirror::SqlAudit(db.clone())),
        chains: Arc::new(chains::SqlChains(db.clone())),
        chain_traces: Arc::new(chain_traces::SqlChainTraces(db.clone())),
    }
}
