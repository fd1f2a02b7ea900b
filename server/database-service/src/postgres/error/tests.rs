//! Errors without a server: those with a code are met in tests/it/postgres.

use super::{ends_connection, late, map};
use aitrading_error::{Coded, chain};
use std::{io, time::Duration};

#[test]
fn a_lost_connection_is_given_up_and_a_bad_row_is_damage() {
    let lost = || sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionReset));
    for (error, ends, code) in [
        (lost(), true, "STORE_UNAVAILABLE"),
        (sqlx::Error::Protocol("nonsense".to_owned()), true, "STORE_UNAVAILABLE"),
        (sqlx::Error::ColumnNotFound("seq".to_owned()), false, "STORE_CORRUPT"),
        (sqlx::Error::RowNotFound, false, "STORE_UNAVAILABLE"),
    ] {
        assert_eq!(ends_connection(&error), ends, "{error:?}");
        assert_eq!(map(error, "testing").dna().code, code);
    }
    assert!(map(lost(), "testing").to_string().contains("testing"));
}

#[test]
fn a_passed_deadline_says_how_long_was_waited() {
    let error = late(Duration::from_millis(1500));
    assert!(ends_connection(&error));
    let told = chain(&map(error, "testing")).to_string();
    assert!(told.contains("1500 ms"), "{told}");
}
