//! What the errors of SQLite and of the file system mean to a store's user.

#[cfg(test)]
mod tests;

use aitrading_store::StoreError;
use std::io;

const SQLITE_CORRUPT: i64 = 11;
const SQLITE_FULL: i64 = 13;
const SQLITE_CONSTRAINT: i64 = 19;
const SQLITE_NOTADB: i64 = 26;
/// Extended codes. Without space the file beside the database that its processes share cannot grow, and under a quota a write
/// fails: for neither does SQLite say "full".
const SQLITE_IOERR_SHMSIZE: i64 = 4874;
const SQLITE_IOERR_WRITE: i64 = 778;

/// Gives an error its meaning and says what was being done.
pub(crate) trait Doing<T> {
    /// Maps the error.
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| map(error, what))
    }
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::Full { doing: what, source: error.into() }
            }
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::FileTooLarge => {
                StoreError::Corrupt {
                    what: format!("a file is not what it was while {what}"),
                    source: Some(error.into()),
                }
            }
            _ => StoreError::Unavailable { doing: what, source: error.into() },
        })
    }
}

pub(crate) fn map(error: sqlx::Error, doing: &'static str) -> StoreError {
    // The low byte is SQLite's primary result code, the rest tells apart what we treat alike.
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<i64>().ok());
    if matches!(code, Some(SQLITE_IOERR_SHMSIZE | SQLITE_IOERR_WRITE)) {
        return StoreError::Full { doing, source: error.into() };
    }
    match code.map(|code| code & 0xff) {
        Some(SQLITE_FULL) => StoreError::Full { doing, source: error.into() },
        Some(SQLITE_CONSTRAINT) => StoreError::Conflict { what: "a key is taken, or what it refers to is not there" },
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => corrupt(error, doing),
        Some(_) => StoreError::Unavailable { doing, source: error.into() },
        None => match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                corrupt(error, doing)
            }
            other => StoreError::Unavailable { doing, source: other.into() },
        },
    }
}

fn corrupt(error: sqlx::Error, doing: &'static str) -> StoreError {
    StoreError::Corrupt { what: format!("the database, seen while {doing}"), source: Some(error.into()) }
}
