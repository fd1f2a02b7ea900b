//! The port for facts about the deployment itself: its id, its creation time.

use crate::StoreError;
use async_trait::async_trait;

/// Keeps small named values.
#[async_trait]
pub trait MetaStore: Send + Sync {
    /// The value.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Writes or replaces. Returns when it is durable.
    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Writes unless there is a value, and returns the one that stands.
    async fn put_if_absent(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError>;
}
