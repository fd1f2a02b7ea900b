//! The port's promises.

use crate::world::World;
use aitrading_store::{StoreError, TickStore};
use aitrading_testkit::servers::Door;
use std::sync::Arc;

fn run<F>(property: impl FnOnce(Arc<dyn TickStore>) -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async { property(Arc::new(world.store())).await.unwrap() });
}

aitrading_store::tick_store_conformance!(run);
