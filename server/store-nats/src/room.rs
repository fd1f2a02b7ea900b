//! Makes room in a full stream: drops events that every consumer of their topic has acknowledged, and no others.
//!
//! The server could do this by itself (retention by interest), but then an id would be forgotten over a restart together
//! with its event, although the port promises to recognise it. Dropped here, ids stay known to the running server.

use crate::errors::told;
use aitrading_store::StoreError;
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use std::collections::BTreeMap;

const DOING: &str = "making room for events";
/// Topics that are looked at in one go.
const TOPICS_MAX: usize = 16_384;

/// Drops what is handled, and says how many events that were.
pub(crate) async fn make(stream: &Stream, subjects: &str) -> Result<u64, StoreError> {
    // Before the consumers: one that is added from here on begins behind this.
    let last = stream.get_info().await.map_err(|error| told(DOING, error))?.state.last_sequence;
    let floors = floors(stream).await?;
    let mut topics = stream.info_with_subjects(subjects).await.map_err(|error| told(DOING, error))?;
    let (mut dropped, mut looked) = (0_u64, 0);
    while let Some(topic) = topics.next().await {
        let (subject, _) = topic.map_err(|error| told(DOING, error))?;
        let handled = floors.handled(&subject).unwrap_or(last).min(last);
        if handled > 0 {
            let purge = stream.purge().filter(subject).sequence(handled.saturating_add(1));
            dropped = dropped.saturating_add(purge.await.map_err(|error| told(DOING, error))?.purged);
        }
        looked += 1;
        if looked >= TOPICS_MAX {
            break;
        }
    }
    Ok(dropped)
}

/// Up to where events are acknowledged.
#[derive(Debug, Default)]
struct Floors {
    by_subject: BTreeMap<String, u64>,
    /// Of consumers of more than one subject: not ours, but theirs all the same.
    of_all: Option<u64>,
}

impl Floors {
    /// Up to where every consumer has acknowledged all events of a subject; `None` if it has no consumer.
    fn handled(&self, subject: &str) -> Option<u64> {
        let own = self.by_subject.get(subject).copied();
        [own, self.of_all].into_iter().flatten().min()
    }

    fn add(&mut self, subject: &str, floor: u64) {
        if subject.is_empty() || subject.contains(['*', '>']) {
            self.of_all = Some(self.of_all.map_or(floor, |least| least.min(floor)));
        } else {
            let least = self.by_subject.entry(subject.to_owned()).or_insert(floor);
            *least = floor.min(*least);
        }
    }
}

async fn floors(stream: &Stream) -> Result<Floors, StoreError> {
    let mut floors = Floors::default();
    let mut consumers = stream.consumers();
    while let Some(consumer) = consumers.next().await {
        let consumer = consumer.map_err(|error| told(DOING, error))?;
        floors.add(&consumer.config.filter_subject, consumer.ack_floor.stream_sequence);
    }
    Ok(floors)
}

#[cfg(test)]
mod tests {
    use super::Floors;

    #[test]
    fn the_slowest_consumer_of_a_subject_decides() {
        let mut floors = Floors::default();
        for (subject, floor) in [("a", 7), ("a", 3), ("b", 9)] {
            floors.add(subject, floor);
        }
        assert_eq!(["a", "b", "c"].map(|subject| floors.handled(subject)), [Some(3), Some(9), None]);
        floors.add("x.>", 5);
        assert_eq!(["a", "b", "c"].map(|subject| floors.handled(subject)), [Some(3), Some(5), Some(5)]);
        floors.add("", 0);
        assert_eq!(["a", "b", "c"].map(|subject| floors.handled(subject)), [Some(0); 3]);
    }
}
