//! What every event bus promises, through each door of the server, between two instances.

use crate::world::{open, run, settings};
use aitrading_store::{EventBus, StoreError, conformance::events::EventWorld};
use aitrading_testkit::servers::{Door, Nats};
use std::{future::Future, sync::Arc};

fn check<F: Future<Output = Result<(), StoreError>>>(door: Door, property: impl Fn(EventWorld) -> F) {
    let Some(server) = Nats::start(door) else { return };
    run(async {
        let settings = settings(&server, server.address());
        let (one, two) = (open(&settings), open(&settings));
        one.probe().await.unwrap();
        assert!(one.is_durable());
        property(EventWorld { one: Arc::new(one), two: Arc::new(two) }).await.unwrap();
    });
}

/// One module for each door.
macro_rules! through {
    ($module:ident, $door:ident) => {
        mod $module {
            use super::{Door, EventWorld, Future, StoreError};

            fn check<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(EventWorld) -> F) {
                super::check(Door::$door, property);
            }

            aitrading_store::event_bus_conformance!(check);
        }
    };
}

through!(open_door, Open);
through!(password, Password);
through!(tls, Tls);
