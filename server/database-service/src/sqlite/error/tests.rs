//! What SQLite says, by its numbers.

use super::map;
use aitrading_error::Coded;
use sqlx::error::{DatabaseError, ErrorKind};
use std::{borrow::Cow, error::Error, fmt};

/// An error of SQLite with this extended code.
#[derive(Debug)]
struct Said(i64);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("disk I/O error")
    }
}

impl Error for Said {}

impl DatabaseError for Said {
    fn message(&self) -> &str {
        "disk I/O error"
    }
    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.0.to_string().into())
    }
    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }
    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }
    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[test]
fn a_full_disk_is_told_as_one_however_sqlite_meets_it() {
    for (code, expected) in [
        (13, "STORE_FULL"),
        (4874, "STORE_FULL"),
        (778, "STORE_FULL"),
        // Reading and syncing fail for other reasons.
        (266, "STORE_UNAVAILABLE"),
        (1034, "STORE_UNAVAILABLE"),
        (14, "STORE_UNAVAILABLE"),
        (11, "STORE_CORRUPT"),
        (267, "STORE_CORRUPT"),
        (26, "STORE_CORRUPT"),
        (2067, "STORE_CONFLICT"),
    ] {
        let error = map(sqlx::Error::Database(Box::new(Said(code))), "testing");
        assert_eq!(error.dna().code, expected, "{code}: {error}");
    }
}
