//! What every shared cache promises, through each door of the server, between two instances.

use crate::world::{open, run, settings};
use aitrading_env::Env;
use aitrading_store::{SharedCache, StoreError, conformance::shared_cache::SharedWorld};
use aitrading_testkit::servers::{Door, Redis};
use std::{future::Future, sync::Arc};

fn check<F: Future<Output = Result<(), StoreError>>>(door: Door, property: impl Fn(SharedWorld) -> F) {
    let Some(server) = Redis::start(door) else { return };
    run(async {
        let settings = settings(&server, server.address());
        let instance = || -> Arc<dyn SharedCache> { Arc::new(open(&settings)) };
        let clock = Env::real().clock;
        let world = SharedWorld { one: instance(), two: instance(), advance: Box::new(move |by| clock.sleep(by)) };
        property(world).await.unwrap();
    });
}

/// One module for each door.
macro_rules! through {
    ($module:ident, $door:ident) => {
        mod $module {
            use super::{Door, Future, SharedWorld, StoreError};

            fn check<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(SharedWorld) -> F) {
                super::check(Door::$door, property);
            }

            aitrading_store::shared_cache_conformance!(check);
        }
    };
}

through!(open_door, Open);
through!(password, Password);
through!(tls, Tls);
