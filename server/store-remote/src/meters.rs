//! What the door measures: every metric of this crate has its name and its meaning here, and nowhere else.
#![expect(clippy::disallowed_macros, reason = "the one place where this crate names its metrics")]

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Tells the recorder what each name means.
pub(crate) fn describe() {
    describe_counter!("database_port_calls_total", "Calls of ports by other processes, by the code of their end");
    describe_gauge!("database_port_subscriptions", "Subscriptions of other processes");
}

/// `code` is `OK` or an error's.
pub(crate) fn calls(port: &'static str, code: &'static str) -> Counter {
    counter!("database_port_calls_total", "port" => port, "code" => code)
}

pub(crate) fn subscriptions() -> Gauge {
    gauge!("database_port_subscriptions")
}
