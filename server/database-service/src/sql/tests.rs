//! The door's refusals, and the types that it accepts.

use super::{error::SqlDoorError, question::of_accept};
use aitrading_error::Coded;
use aitrading_http::HttpError;
use aitrading_security::Refused;
use aitrading_sql_engine::Format;
use std::collections::BTreeSet;

#[test]
fn refusals_have_codes_of_their_own_and_name_the_cure() {
    let all = [
        SqlDoorError::Identity(Refused::NoIdentity),
        SqlDoorError::Role { who: "this service" },
        SqlDoorError::NotJson,
        SqlDoorError::Malformed { line: 1, column: 2 },
        SqlDoorError::UnknownFormat,
        SqlDoorError::Body(HttpError::NotFound),
    ];
    let codes: BTreeSet<_> = all.iter().map(|error| error.dna().code).collect();
    assert_eq!(codes.len(), all.len());
    for error in all.iter().take(5) {
        assert!(error.to_string().contains(';'), "no cure: {error}");
    }
}

#[test]
fn the_first_known_type_that_is_accepted_counts() {
    let cases = [
        ("text/csv", Some(Format::Csv)),
        ("application/xml, text/csv;q=0.5, application/json", Some(Format::Csv)),
        ("*/*", Some(Format::Json)),
        ("application/vnd.apache.arrow.stream", Some(Format::Arrow)),
        ("text/html,application/x-ndjson", Some(Format::JsonLines)),
        ("text/plain; charset=utf-8", Some(Format::Table)),
        ("text/html", None),
        ("", None),
    ];
    for (accepted, expected) in cases {
        assert_eq!(of_accept(accepted), expected, "{accepted}");
    }
}
