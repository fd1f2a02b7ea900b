//! What the stream may hold.

use aitrading_store::Event;
use std::time::Duration;

/// Bounds of the stream. They are applied when the stream is made; on one that exists only the size is ever raised, because
/// anything less would drop events: shrinking is an operator's decision, made on the server. One that keeps events for a shorter
/// time or on fewer servers than this is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// Most bytes of all events that are kept. When they are reached, events that every consumer has acknowledged make room;
    /// if none do, publishing is refused.
    pub bytes_max: u64,
    /// Events older than this are dropped, *acknowledged or not*. `None`: none are. Never less than
    /// [`Event::DEDUPLICATED_S`].
    pub age_max: Option<Duration>,
    /// An event that a consumer took and did not acknowledge comes again after this time, if the consumer did not end in
    /// order.
    pub acknowledge_within: Duration,
    /// Servers of a cluster that keep each event.
    pub replicas: u8,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self { bytes_max: 1 << 30, age_max: None, acknowledge_within: Duration::from_secs(30), replicas: 1 }
    }
}

impl EventLimits {
    /// How long ids are remembered.
    pub(crate) const DEDUPLICATED: Duration = Duration::from_secs(Event::DEDUPLICATED_S);

    /// The age as the server wants it: zero for none.
    pub(crate) fn age(&self) -> Duration {
        self.age_max.map_or(Duration::ZERO, |age| age.max(Self::DEDUPLICATED))
    }

    /// The size as the server wants it.
    pub(crate) fn bytes(&self) -> i64 {
        i64::try_from(self.bytes_max).unwrap_or(i64::MAX)
    }
}
