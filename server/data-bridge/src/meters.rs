//! What the bridge measures: every metric of this crate has its name and its meaning here, and nowhere else.
#![expect(clippy::disallowed_macros, reason = "the one place where this crate names its metrics")]

use crate::tick::BatchRecord;
use aitrading_model::TickReject;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Tells the recorder what each name means.
fn describe() {
    describe_counter!("bridge_ticks_accepted_total", "Ticks that were journalled");
    describe_counter!("bridge_ticks_duplicate_total", "Ticks that were known already");
    describe_counter!("bridge_ticks_rejected_total", "Ticks that were refused, by code");
    describe_counter!("bridge_gaps_total", "Holes that were seen in a source");
    describe_counter!("bridge_batches_durable_total", "Batches that were synced and acknowledged");
    describe_counter!("bridge_batches_failed_total", "Batches that could not be journalled");
    describe_counter!("bridge_ticks_stored_total", "Ticks that went from the journal into the tick store");
    describe_counter!("bridge_drain_failed_total", "Tries in which the tick store did not take ticks");
    describe_counter!("bridge_feed_failed_total", "Batches that the engine did not take");
    describe_counter!("bridge_peers_refused_total", "Peers that were not admitted, by code");
    describe_counter!("bridge_handshakes_failed_total", "Handshakes of the channel that failed, by code");
    describe_counter!(
        "bridge_subscription_unreadable_total",
        "Questions for a subscription that the store did not answer"
    );
    describe_counter!("bridge_history_asked_total", "Questions for a terminal's history");
    describe_counter!("bridge_ticks_late_total", "Ticks that came late and were stored in their place");
    describe_counter!("bridge_gaps_settled_total", "Holes that the terminal told everything about");
    describe_counter!("bridge_gaps_given_up_total", "Holes that were asked about in vain");
    describe_counter!("bridge_days_counted_total", "Days whose ticks were counted at the terminal and here");
    describe_counter!("bridge_days_differ_total", "Counted days on which both sides have other ticks");
    describe_counter!("bridge_days_not_counted_total", "Days that could not be counted, at the terminal or here");
    describe_gauge!("bridge_sessions", "Client sessions that are open");
}

pub(crate) fn ticks_stored() -> Counter {
    counter!("bridge_ticks_stored_total")
}

pub(crate) fn drain_failed() -> Counter {
    counter!("bridge_drain_failed_total")
}

pub(crate) fn feed_failed() -> Counter {
    counter!("bridge_feed_failed_total")
}

pub(crate) fn peers_refused(code: &'static str) -> Counter {
    counter!("bridge_peers_refused_total", "code" => code)
}

pub(crate) fn handshakes_failed(code: &'static str) -> Counter {
    counter!("bridge_handshakes_failed_total", "code" => code)
}

pub(crate) fn subscription_unreadable() -> Counter {
    counter!("bridge_subscription_unreadable_total")
}

pub(crate) fn history_asked() -> Counter {
    counter!("bridge_history_asked_total")
}

pub(crate) fn ticks_late() -> Counter {
    counter!("bridge_ticks_late_total")
}

pub(crate) fn gaps_settled() -> Counter {
    counter!("bridge_gaps_settled_total")
}

pub(crate) fn gaps_given_up() -> Counter {
    counter!("bridge_gaps_given_up_total")
}

pub(crate) fn days_counted() -> Counter {
    counter!("bridge_days_counted_total")
}

pub(crate) fn days_differ() -> Counter {
    counter!("bridge_days_differ_total")
}

pub(crate) fn days_not_counted() -> Counter {
    counter!("bridge_days_not_counted_total")
}

pub(crate) fn sessions() -> Gauge {
    gauge!("bridge_sessions")
}

/// The counters of ingest, looked up once.
pub(crate) struct Meters {
    accepted: Counter,
    pub(crate) duplicates: Counter,
    gaps: Counter,
    batches: Counter,
    pub(crate) failed: Counter,
    rejected: [Counter; TickReject::ALL.len()],
}

impl Meters {
    pub(crate) fn new() -> Self {
        describe();
        Self {
            accepted: counter!("bridge_ticks_accepted_total"),
            duplicates: counter!("bridge_ticks_duplicate_total"),
            gaps: counter!("bridge_gaps_total"),
            batches: counter!("bridge_batches_durable_total"),
            failed: counter!("bridge_batches_failed_total"),
            rejected: TickReject::ALL.map(|code| counter!("bridge_ticks_rejected_total", "code" => code.code())),
        }
    }

    pub(crate) fn count(&self, record: &BatchRecord) {
        self.batches.increment(1);
        self.accepted.increment(record.accepted.len() as u64);
        self.gaps.increment(record.gaps.len() as u64);
        for (_, code) in &record.rejected {
            let meters = TickReject::ALL.into_iter().zip(&self.rejected);
            meters.filter(|(known, _)| known == code).for_each(|(_, meter)| meter.increment(1));
        }
    }
}
