//! The port for events between instances of services.

use crate::StoreError;
use aitrading_model::{TenantId, Timestamp, TraceId};
use async_trait::async_trait;

/// What an event is about: lower-case words joined by dots, for instance `signals.issued`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(String);

crate::bounds::text_form!(Topic);

impl Topic {
    /// Most bytes of a topic.
    pub const BYTES_MAX: usize = 64;

    /// A topic of 1 to 64 bytes: `a-z`, `0-9`, `_` and single inner dots.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn new(topic: impl Into<String>) -> Result<Self, StoreError> {
        let topic = topic.into();
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if topic.len() > Self::BYTES_MAX || !topic.split('.').all(word) {
            return Err(StoreError::Invalid { what: "a topic is lower-case words joined by dots, at most 64 bytes" });
        }
        Ok(Self(topic))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The rule for names of consumers: 1 to 64 bytes of `a-z`, `0-9` and `_`.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_consumer(consumer: &str) -> Result<(), StoreError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if consumer.is_empty() || consumer.len() > Topic::BYTES_MAX || !consumer.bytes().all(good) {
        return Err(StoreError::Invalid { what: "a consumer's name has 1 to 64 of a-z, 0-9 and '_'" });
    }
    Ok(())
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Whose.
    pub tenant: TenantId,
    /// About what.
    pub topic: Topic,
    /// Chosen by the publisher: the same id published again on this topic of this tenant (within
    /// [`Event::DEDUPLICATED_S`]) is the same event.
    #[serde(with = "crate::hex")]
    pub id: [u8; 16],
    /// Joins it to its cause.
    pub trace: TraceId,
    /// When it happened.
    pub at: Timestamp,
    /// What it says; at most [`Event::BODY_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub body: Vec<u8>,
}

impl Event {
    /// Most bytes of a body.
    pub const BODY_MAX: usize = 65_536;
    /// For at least this many seconds a repeated id is recognised.
    pub const DEDUPLICATED_S: u64 = 120;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub const fn check(&self) -> Result<(), StoreError> {
        if self.body.len() > Self::BODY_MAX {
            return Err(StoreError::Invalid { what: "the body of an event has at most 65,536 bytes" });
        }
        Ok(())
    }
}

/// An event on its way to one consumer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Its place in the topic's order, as the bus numbers it.
    pub place: u64,
    /// The event.
    pub event: Event,
}

/// Events of one topic for one consumer, in order, each at least once until it is acknowledged.
#[async_trait]
pub trait EventStream: Send {
    /// Waits for the next one; `None` when the bus is closed. Giving up the wait loses nothing.
    async fn next(&mut self) -> Result<Option<Delivery>, StoreError>;
    /// This one was taken care of: it does not come again, also after a restart where the bus is durable. Those before
    /// it are not acknowledged by it. Twice is as good as once.
    async fn acknowledge(&mut self, place: u64) -> Result<(), StoreError>;
}

/// Carries events from any instance to every consumer.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Does a published event survive the restart of the bus?
    fn is_durable(&self) -> bool;
    /// Publishes; on a durable bus it is on the medium when this returns. Answers false if the id was known already.
    async fn publish(&self, event: Event) -> Result<bool, StoreError>;
    /// Events of a tenant's topic for the consumer of this name (spelt like a topic, without dots). A consumer that was there
    /// before goes on behind what it has acknowledged, on a durable bus also after its restart; a new one begins with the next
    /// event.
    async fn subscribe(
        &self,
        tenant: TenantId,
        topic: &Topic,
        consumer: &str,
    ) -> Result<Box<dyn EventStream>, StoreError>;
}
