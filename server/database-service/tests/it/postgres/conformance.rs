//! What every store of rows promises, each property on a database of its own.

use super::{open, settings};
use crate::world::block_on;
use aitrading_store::{SignalStore, StoreError, Stores, memory};
use aitrading_testkit::servers::Postgres;
use std::{future::Future, sync::Arc};

/// Ticks and cache are none of this server's business: the twins stand in for them.
fn check_others<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Stores) -> F) {
    let Some(server) = Postgres::start() else { return };
    block_on(async {
        let postgres = open(&settings(&server, server.address())).await.unwrap();
        property(postgres.stores().within(memory::stores(|| 0))).await.unwrap();
        postgres.close().await;
    });
}

fn check_signals<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn SignalStore>) -> F) {
    check_others(|stores| property(stores.signals));
}

mod signals {
    aitrading_store::signal_store_conformance!(super::check_signals);
}

mod others {
    aitrading_store::other_stores_conformance!(super::check_others);
}
