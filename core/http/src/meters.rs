//! What a door measures: every metric of this crate has its name and its meaning here, and nowhere else.
#![expect(clippy::disallowed_macros, reason = "the one place where this crate names its metrics")]

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

/// Tells the recorder what each name means.
pub(crate) fn describe() {
    describe_counter!("http_connections_total", "Connections that were accepted, by door");
    describe_counter!("http_connections_refused_total", "Connections refused before TLS, by door and cap");
    describe_counter!("http_connections_broken_total", "Connections that ended with an error, by door and reason");
    describe_counter!("http_accept_errors_total", "Errors of the listening socket, by door");
    describe_counter!("http_requests_total", "Answered requests, by door and class of status");
    describe_histogram!("http_request_seconds", Unit::Seconds, "Time from head to answer, by door");
}

pub(crate) fn connections(door: &'static str) -> Counter {
    counter!("http_connections_total", "door" => door)
}

pub(crate) fn refused(door: &'static str, cap: &'static str) -> Counter {
    counter!("http_connections_refused_total", "door" => door, "cap" => cap)
}

pub(crate) fn broken(door: &'static str, reason: &'static str) -> Counter {
    counter!("http_connections_broken_total", "door" => door, "reason" => reason)
}

pub(crate) fn accept_errors(door: &'static str) -> Counter {
    counter!("http_accept_errors_total", "door" => door)
}

pub(crate) fn requests(door: &'static str, class: &'static str) -> Counter {
    counter!("http_requests_total", "door" => door, "status" => class)
}

pub(crate) fn request_seconds(door: &'static str) -> Histogram {
    histogram!("http_request_seconds", "door" => door)
}
