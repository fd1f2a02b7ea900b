//! What the engine measures: every metric of this crate has its name and its meaning here, and nowhere else.
#![expect(clippy::disallowed_macros, reason = "the one place where this crate names its metrics")]

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

/// What a step of the engine counts, by name.
const COUNTS: [(&str, &str); 5] = [
    ("engine_signals_total", "Signals that were decided"),
    ("engine_denied_total", "Candidates that risk or entitlement denied"),
    ("engine_reports_total", "Reports that were accepted without a finding"),
    ("engine_anomalies_total", "Reports that contradict the signal or the tick store"),
    ("engine_feeds_refused_total", "Batches of sources beyond the most that one engine follows"),
];

/// Tells the recorder what each name means.
pub(crate) fn describe() {
    for (name, meaning) in COUNTS {
        describe_counter!(name, meaning);
    }
    describe_counter!("engine_alerts_total", "Alerts, by code");
    describe_counter!("engine_deliveries_failed_total", "Signals that could not be handed to their session");
    describe_counter!("engine_projection_failed_total", "Tries in which the signal store did not take changes");
    describe_counter!("engine_audit_copy_failed_total", "Tries in which the store did not take the audit log's copy");
    describe_counter!("engine_entitlement_unreadable_total", "Questions about a subscription without an answer");
    describe_histogram!("engine_commit_us", Unit::Microseconds, "Journal and audit sync of a group of decisions");
}

pub(crate) fn count(name: &'static str) -> Counter {
    counter!(name)
}

pub(crate) fn alerts(code: &'static str) -> Counter {
    counter!("engine_alerts_total", "code" => code)
}

pub(crate) fn deliveries_failed() -> Counter {
    counter!("engine_deliveries_failed_total")
}

pub(crate) fn projection_failed() -> Counter {
    counter!("engine_projection_failed_total")
}

pub(crate) fn audit_copy_failed() -> Counter {
    counter!("engine_audit_copy_failed_total")
}

pub(crate) fn entitlement_unreadable() -> Counter {
    counter!("engine_entitlement_unreadable_total")
}

pub(crate) fn commit_us() -> Histogram {
    histogram!("engine_commit_us")
}
