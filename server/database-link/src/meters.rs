//! What a link measures: every metric of this crate has its name and its meaning here, and nowhere else.
#![expect(clippy::disallowed_macros, reason = "the one place where this crate names its metrics")]

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Tells the recorder what each name means.
pub(crate) fn describe() {
    describe_histogram!("database_link_call_seconds", Unit::Seconds, "Calls to a server, by role, backend and outcome");
    describe_counter!("database_link_retries_total", "Calls that were repeated, by role and backend");
    describe_counter!("database_link_refused_total", "Calls that an open breaker refused, by role and backend");
    describe_gauge!("database_link_breaker_open", "0 closed, 1 half open, 2 open, by role and backend");
}

pub(crate) fn call_seconds(role: &'static str, backend: &'static str, outcome: &'static str) -> Histogram {
    histogram!("database_link_call_seconds", "role" => role, "backend" => backend, "outcome" => outcome)
}

pub(crate) fn retries(role: &'static str, backend: &'static str) -> Counter {
    counter!("database_link_retries_total", "role" => role, "backend" => backend)
}

pub(crate) fn refused(role: &'static str, backend: &'static str) -> Counter {
    counter!("database_link_refused_total", "role" => role, "backend" => backend)
}

pub(crate) fn breaker_open(role: &'static str, backend: &'static str) -> Gauge {
    gauge!("database_link_breaker_open", "role" => role, "backend" => backend)
}
