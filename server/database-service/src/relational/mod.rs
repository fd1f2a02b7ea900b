//! The stores of rows, written once for SQLite and PostgreSQL: this folder is compiled by `sqlite.rs` and by `postgres.rs`.
//!
//! What differs between the two stands in the `db` module beside this one: a pool, transactions, and what errors mean. The
//! statements are SQL that both understand, with `$1` for the first value; a file here never names a dialect. A write
//! transaction shuts out every other writer of its store, so what was read inside it still holds when it commits.

use super::db;

mod accounts;
mod audit_mirror;
mod chain_traces;
pub(crate) mod chains;
mod columns;
mod devices;
mod forget;
mod idempotency;
mod invites;
mod lockouts;
mod log_policies;
mod login_sessions;
mod logs;
pub(crate) mod marks;
mod meta;
mod orders;
mod places;
mod positions;
mod revocations;
mod risk;
mod security_events;
mod sequences;
mod signals;
mod subscriptions;
mod users;

use crate::{PlatformRows, RelationalStores, turn::Turn};
use accounts::SqlAccounts;
use db::Db;
use devices::SqlDevices;
use meta::SqlMeta;
use signals::SqlSignals;
use std::sync::Arc;
use subscriptions::SqlSubscriptions;

/// The stores of trading over one database.
pub(crate) fn stores(db: &Db) -> RelationalStores {
    RelationalStores {
        signals: Arc::new(SqlSignals(db.of(Turn::Signals))),
        subscriptions: Arc::new(SqlSubscriptions(db.of(Turn::Subscriptions))),
        accounts: Arc::new(SqlAccounts(db.of(Turn::Accounts))),
        devices: Arc::new(SqlDevices(db.of(Turn::Devices))),
        meta: Arc::new(SqlMeta(db.of(Turn::Meta))),
    }
}

/// The stores of the platform over one database.
pub(crate) fn platform(db: &Db) -> PlatformRows {
    PlatformRows {
        users: Arc::new(users::SqlUsers(db.of(Turn::Users))),
        invites: Arc::new(invites::SqlInvites(db.of(Turn::Invites))),
        login_sessions: Arc::new(login_sessions::SqlLoginSessions(db.of(Turn::LoginSessions))),
        revocations: Arc::new(revocations::SqlRevocations(db.of(Turn::Revocations))),
        lockouts: Arc::new(lockouts::SqlLockouts(db.of(Turn::Lockouts))),
        idempotency: Arc::new(idempotency::SqlIdempotency(db.of(Turn::Idempotency))),
        orders: Arc::new(orders::SqlOrders(db.of(Turn::Orders))),
        positions: Arc::new(positions::SqlPositions(db.of(Turn::Positions))),
        risk: Arc::new(risk::SqlRisk(db.of(Turn::Risk))),
        sequences: Arc::new(sequences::SqlSequences(db.of(Turn::Sequences))),
        logs: Arc::new(logs::SqlLogs(db.of(Turn::Logs))),
        log_policies: Arc::new(log_policies::SqlLogPolicies(db.of(Turn::LogPolicies))),
        security_events: Arc::new(security_events::SqlSecurityEvents(db.of(Turn::SecurityEvents))),
        audit: Arc::new(audit_mirror::SqlAudit(db.of(Turn::AuditMirror))),
        chains: Arc::new(chains::SqlChains(db.of(Turn::Chains))),
        chain_traces: Arc::new(chain_traces::SqlChainTraces(db.of(Turn::ChainTraces))),
    }
}
