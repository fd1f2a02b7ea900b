//! The conformance suites of the platform's ports on the embedded stores.

use crate::world::{World, block_on};
use aitrading_database_service::Settings;
use aitrading_env::{Env, sim::ManualClock};
use aitrading_store::{
    PlatformStores, StoreError,
    conformance::{events::EventWorld, shared_cache::SharedWorld},
};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

type Checked = Result<(), StoreError>;

fn check_platform<F: Future<Output = Checked>>(world: &World, property: impl FnOnce(PlatformStores) -> F) {
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        property(database.platform()).await.unwrap();
        database.close().await.unwrap();
    });
}

/// Makes the tests of one port, which has the module's name among the platform's stores.
macro_rules! port {
    ($module:ident, $conformance:ident, $port:ident) => {
        mod $module {
            use super::{Arc, Checked, Future, World, check_platform};

            fn check<F: Future<Output = Checked>>(property: impl Fn(Arc<dyn aitrading_store::$port>) -> F) {
                check_platform(&World::new(), |platform| property(platform.$module));
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
port!(graph, chain_graph_conformance, ChainGraph);
port!(patterns, pattern_index_conformance, PatternIndex);

mod events {
    use super::{Arc, Checked, EventWorld, Future, World, check_platform};

    fn check<F: Future<Output = Checked>>(property: impl Fn(EventWorld) -> F) {
        check_platform(&World::new(), |platform| {
            property(EventWorld { one: Arc::clone(&platform.events), two: platform.events })
        });
    }

    aitrading_store::event_bus_conformance!(check);
}

mod shared_cache {
    use super::{Arc, Checked, Duration, Env, Future, ManualClock, Pin, SharedWorld, World, check_platform};

    fn check<F: Future<Output = Checked>>(property: impl Fn(SharedWorld) -> F) {
        let clock = ManualClock::new(0);
        let mut world = World::new();
        world.env = Env { clock: Arc::new(clock.clone()), ..world.env };
        check_platform(&world, |platform| {
            let advance = move |by: Duration| -> Pin<Box<dyn Future<Output = ()> + Send>> {
                clock.advance(by);
                Box::pin(std::future::ready(()))
            };
            let (one, two) = (Arc::clone(&platform.shared), platform.shared);
            property(SharedWorld { one, two, advance: Box::new(advance) })
        });
    }

    aitrading_store::shared_cache_conformance!(check);
}
