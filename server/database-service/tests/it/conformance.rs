//! The conformance suite on the embedded stores.

use crate::world::{World, block_on, small};
use aitrading_database_service::Settings;
use aitrading_env::{Env, sim::ManualClock};
use aitrading_store::{SignalStore, StoreError, Stores, TickStore, conformance};
use std::{future::Future, sync::Arc};

fn check_stores<F: Future<Output = Result<(), StoreError>>>(settings: Settings, property: impl Fn(Stores) -> F) {
    let world = World::new();
    block_on(async {
        let database = world.open(settings).await.unwrap();
        property(database.stores()).await.unwrap();
        database.close().await.unwrap();
    });
}

fn check_ticks<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn TickStore>) -> F) {
    check_stores(Settings::default(), |stores| property(stores.ticks));
}

fn check_small_files<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn TickStore>) -> F) {
    check_stores(small(), |stores| property(stores.ticks));
}

fn check_signals<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn SignalStore>) -> F) {
    check_stores(Settings::default(), |stores| property(stores.signals));
}

fn check_others<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Stores) -> F) {
    check_stores(Settings::default(), property);
}

mod ticks_waiting_in_sqlite {
    aitrading_store::tick_store_conformance!(super::check_ticks);
}

mod ticks_in_files {
    aitrading_store::tick_store_conformance!(super::check_small_files);
}

mod signals {
    aitrading_store::signal_store_conformance!(super::check_signals);
}

mod others {
    aitrading_store::other_stores_conformance!(super::check_others);
}

#[test]
fn cached_values_expire_by_our_own_clock() {
    let clock = ManualClock::new(0);
    let mut world = World::new();
    world.env = Env { clock: Arc::new(clock.clone()), ..world.env };
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        let advance = |by| clock.advance(by);
        conformance::accounts::cached_values_expire(&*database.stores().cache, &advance);
    });
}
