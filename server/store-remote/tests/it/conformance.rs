//! The conformance suites of all ports, through the door and back.

use crate::world::{World, block_on};
use aitrading_store::{
    StoreError, Stores, TickStore,
    conformance::{self, events::EventWorld, shared_cache::SharedWorld},
};
use std::{future::Future, sync::Arc};

type Checked = Result<(), StoreError>;

fn check_ticks<F: Future<Output = Checked>>(property: impl Fn(Arc<dyn TickStore>) -> F) {
    check_stores(|stores| property(stores.ticks));
}

fn check_signals<F: Future<Output = Checked>>(property: impl Fn(Arc<dyn aitrading_store::SignalStore>) -> F) {
    check_stores(|stores| property(stores.signals));
}

fn check_stores<F: Future<Output = Checked>>(property: impl Fn(Stores) -> F) {
    block_on(async {
        let world = World::new().await;
        property(world.remote().await.stores()).await.unwrap();
    });
}

mod ticks {
    aitrading_store::tick_store_conformance!(super::check_ticks);
}

mod signals {
    aitrading_store::signal_store_conformance!(super::check_signals);
}

mod others {
    aitrading_store::other_stores_conformance!(super::check_stores);
}

/// Makes the tests of one port, which has the module's name among the platform's stores.
macro_rules! port {
    ($module:ident, $conformance:ident, $port:ident) => {
        mod $module {
            use super::{Arc, Checked, Future, World, block_on};

            fn check<F: Future<Output = Checked>>(property: impl Fn(Arc<dyn aitrading_store::$port>) -> F) {
                block_on(async {
                    let world = World::new().await;
                    property(world.remote().await.platform().$module).await.unwrap();
                });
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

/// Two processes on one bus.
fn check_events<F: Future<Output = Checked>>(property: impl Fn(EventWorld) -> F) {
    block_on(async {
        let world = World::new().await;
        let (one, two) = (world.remote().await.platform().events, world.remote().await.platform().events);
        property(EventWorld { one, two }).await.unwrap();
    });
}

mod events {
    aitrading_store::event_bus_conformance!(super::check_events);
}

/// Two processes on one cache.
fn check_shared<F: Future<Output = Checked>>(property: impl Fn(SharedWorld) -> F) {
    block_on(async {
        let world = World::new().await;
        let (one, two) = (world.remote().await.platform().shared, world.remote().await.platform().shared);
        let hand = world.hand.clone();
        let advance: conformance::Advance = Box::new(move |by| {
            hand.advance(by);
            Box::pin(std::future::ready(()))
        });
        property(SharedWorld { one, two, advance }).await.unwrap();
    });
}

mod shared_cache {
    aitrading_store::shared_cache_conformance!(super::check_shared);
}
