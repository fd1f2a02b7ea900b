//! What the stores measure: every metric of this crate has its name and its meaning here, and nowhere else.
#![expect(clippy::disallowed_macros, reason = "the one place where this crate names its metrics")]

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Tells the recorder what each name means.
pub(crate) fn describe() {
    describe_counter!("database_ticks_total", "Ticks that were committed");
    describe_histogram!("database_write_seconds", Unit::Seconds, "A transaction that wrote, until it was durable");
    describe_gauge!("database_probe_seconds", Unit::Seconds, "The last probe");
    describe_counter!("database_sql_questions_total", "Questions in SQL, by the code of their end");
    describe_gauge!("database_tick_files", "Tick files that count");
    describe_gauge!("database_tick_file_bytes", Unit::Bytes, "What the tick files take");
}

pub(crate) fn ticks() -> Counter {
    counter!("database_ticks_total")
}

/// `code` is `OK` or an error's.
pub(crate) fn sql_questions(code: &'static str) -> Counter {
    counter!("database_sql_questions_total", "code" => code)
}

pub(crate) fn write_seconds() -> Histogram {
    histogram!("database_write_seconds")
}

pub(crate) fn probe_seconds() -> Gauge {
    gauge!("database_probe_seconds")
}

pub(crate) fn tick_files() -> Gauge {
    gauge!("database_tick_files")
}

pub(crate) fn tick_file_bytes() -> Gauge {
    gauge!("database_tick_file_bytes")
}
