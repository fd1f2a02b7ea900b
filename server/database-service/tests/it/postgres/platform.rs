//! What every store of the platform's rows promises, each property on a database of its own.

use super::{open, settings};
use crate::{
    remembered::{check_graph, declare},
    world::{World, block_on},
};
use aitrading_database_service::{PlatformRows, Servers, Settings};
use aitrading_store::StoreError;
use aitrading_testkit::servers::Postgres;
use std::{future::Future, sync::Arc};

type Checked = Result<(), StoreError>;

fn check_platform<F: Future<Output = Checked>>(property: impl FnOnce(PlatformRows) -> F) {
    let Some(server) = Postgres::start() else { return };
    block_on(async {
        let postgres = open(&settings(&server, server.address())).await.unwrap();
        property(postgres.platform()).await.unwrap();
        postgres.close().await;
    });
}

/// Makes the tests of one port, which has the module's name among the platform's stores.
macro_rules! port {
    ($module:ident, $conformance:ident, $port:ident) => {
        mod $module {
            use super::{Arc, Checked, Future, check_platform};

            fn check<F: Future<Output = Checked>>(property: impl Fn(Arc<dyn aitrading_store::$port>) -> F) {
                check_platform(|platform| property(platform.$module));
            }

            aitrading_store::$conformance!(check);
        }
    };
}

port!(users, user_store_conformance, UserStore);
port!(invites, invite_store_conformance, InviteStore);
port!(login_sessions, login_session_store_conformance, LoginSessionStore);
port!(revocations, revocation_store_conformance, RevocationStore);
port!(lockouts, lockout_store_conformance, LockoutStore);
port!(idempotency, idempotency_store_conformance, IdempotencyStore);
port!(orders, order_store_conformance, OrderStore);
port!(positions, position_store_conformance, PositionStore);
port!(risk, risk_store_conformance, RiskStore);
port!(sequences, sequence_store_conformance, SequenceStore);
port!(logs, log_store_conformance, LogStore);
port!(log_policies, log_policy_store_conformance, LogPolicyStore);
port!(security_events, security_event_store_conformance, SecurityEventStore);
port!(audit, audit_mirror_conformance, AuditMirror);
port!(chains, chain_store_conformance, ChainStore);
port!(chain_traces, chain_trace_store_conformance, ChainTraceStore);

#[test]
fn the_graph_in_process_knows_the_chains_on_the_server_after_every_start() {
    let Some(server) = Postgres::start() else { return };
    let servers = Servers { relational: Some(settings(&server, server.address())), ..Servers::default() };
    block_on(async {
        let (here, there) = (World::new(), World::new());
        let first = here.open_all(Settings::default(), &servers).await.unwrap();
        declare(&first.platform()).await.unwrap();
        first.close().await.unwrap();
        let second = there.open_all(Settings::default(), &servers).await.unwrap();
        check_graph(&second.platform()).await.unwrap();
        second.close().await.unwrap();
    });
}
