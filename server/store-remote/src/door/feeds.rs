//! What a subscription gives: events, or changes of shared values.

use aitrading_store::{EventStream, Invalidations, StoreError};
use async_trait::async_trait;
use serde_json::Value;

/// Gives one item after the other. Giving up a wait loses nothing.
#[async_trait]
pub(super) trait Feed: Send {
    /// The next item; `None` at the end of all.
    async fn next(&mut self) -> Result<Option<Value>, StoreError>;
    /// This one was taken care of.
    async fn acknowledge(&mut self, place: u64) -> Result<(), StoreError>;
}

fn value(item: &impl serde::Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(item).map_err(|_| StoreError::corrupt("an item of a subscription has no JSON form"))
}

/// Events of a topic.
pub(super) struct Events(pub(super) Box<dyn EventStream>);

#[async_trait]
impl Feed for Events {
    async fn next(&mut self) -> Result<Option<Value>, StoreError> {
        self.0.next().await?.map(|delivery| value(&delivery)).transpose()
    }

    async fn acknowledge(&mut self, place: u64) -> Result<(), StoreError> {
        self.0.acknowledge(place).await
    }
}

/// Changes of shared values.
pub(super) struct Changes(pub(super) Box<dyn Invalidations>);

#[async_trait]
impl Feed for Changes {
    async fn next(&mut self) -> Result<Option<Value>, StoreError> {
        self.0.next().await.map(|change| value(&change)).transpose()
    }

    async fn acknowledge(&mut self, _place: u64) -> Result<(), StoreError> {
        Err(StoreError::Invalid { what: "changes are not acknowledged" })
    }
}
