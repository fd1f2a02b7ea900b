//! Each answer of a server becomes the refusal that callers decide on.

use super::{ends_connection, told};
use aitrading_error::Coded;
use redis::{ErrorKind, RedisError, make_extension_error};

fn said(code: &str) -> RedisError {
    make_extension_error(code.to_owned(), Some("as the server says it".to_owned()))
}

#[test]
fn answers_are_told_apart() {
    for (code, expected, ends) in [
        ("NOAUTH", "STORE_UNAUTHORISED", true),
        ("WRONGPASS", "STORE_UNAUTHORISED", true),
        ("NOPERM", "STORE_UNAUTHORISED", false),
        ("READONLY", "STORE_READ_ONLY", false),
        ("MISCONF", "STORE_READ_ONLY", false),
        ("OOM", "STORE_FULL", false),
        ("WRONGTYPE", "STORE_CORRUPT", false),
        ("NOPROTO", "STORE_VERSION_TOO_OLD", false),
        ("LOADING", "STORE_UNAVAILABLE", false),
        ("SOMETHING", "STORE_UNAVAILABLE", false),
    ] {
        assert_eq!(told("asking", said(code)).dna().code, expected, "{code}");
        assert_eq!(ends_connection(&said(code)), ends, "{code}");
    }
}

#[test]
fn failures_of_the_connection_are_outages() {
    for kind in [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::TimedOut] {
        let error = RedisError::from(std::io::Error::from(kind));
        assert!(ends_connection(&error), "{kind}");
        assert_eq!(told("asking", error).dna().code, "STORE_UNAVAILABLE", "{kind}");
    }
    let foreign = RedisError::from((ErrorKind::UnexpectedReturnType, "a list"));
    assert_eq!(told("asking", foreign).dna().code, "STORE_CORRUPT");
}

#[test]
fn what_the_server_said_is_not_repeated() {
    let text = told("asking", said("NOPERM")).to_string();
    assert!(!text.contains("as the server says it"), "{text}");
}
