//! What the errors of PostgreSQL mean to a store's user.

#[cfg(test)]
mod tests;

use aitrading_database_link::{LinkError, Role};
use aitrading_store::StoreError;
use std::{io, time::Duration};

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

/// The server's word for an error, five characters. The first two are its class.
fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|e| e.code()).map(|code| code.into_owned())
}

/// Has the connection to be given up after this?
pub(super) fn ends_connection(error: &sqlx::Error) -> bool {
    match code(error).as_deref() {
        // An administrator, a crash, or a bound of the session ended it; whatever else the server says, it goes on.
        Some(code) => matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03") || code.starts_with("08"),
        None => !matches!(
            error,
            sqlx::Error::RowNotFound
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
        ),
    }
}

pub(super) fn map(error: sqlx::Error, doing: &'static str) -> StoreError {
    let code = code(&error).unwrap_or_default();
    match code.as_str() {
        "" => without_code(error, doing),
        "53100" => StoreError::Full { doing, source: error.into() },
        "25006" => StoreError::ReadOnly { doing, source: error.into() },
        "42501" => StoreError::Unauthorised { doing, source: error.into() },
        "XX001" | "XX002" => corrupt("the PostgreSQL database", error, doing),
        // A table, column or function that the schema has is not there.
        "42P01" | "42703" | "42883" => corrupt("the schema of the PostgreSQL database", error, doing),
        "22021" | "22P05" => StoreError::Invalid { what: "a text has a character that the database does not take" },
        code if code.starts_with("28") => StoreError::Unauthorised { doing, source: error.into() },
        code if code.starts_with("23") => {
            StoreError::Conflict { what: "a key is taken, or what it refers to is not there" }
        }
        // Gone, starting, stopping, overloaded, cancelled after its time, a deadlock: all may be better later.
        _ => StoreError::Unavailable { doing, source: error.into() },
    }
}

fn without_code(error: sqlx::Error, doing: &'static str) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            corrupt("the PostgreSQL database", error, doing)
        }
        other => StoreError::Unavailable { doing, source: other.into() },
    }
}

fn corrupt(what: &str, error: sqlx::Error, doing: &'static str) -> StoreError {
    StoreError::Corrupt { what: format!("{what}, seen while {doing}"), source: Some(error.into()) }
}

/// No answer to one statement within `limit`.
pub(super) fn late(limit: Duration) -> sqlx::Error {
    let error = LinkError::Deadline { role: Role::Relational, limit };
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, error))
}

/// Why a call does not reach the server at all; says nothing about the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Busy {
    #[error("all connections are in use; see pool_max")]
    Seats,
    #[error("earlier writers of this store are still at work")]
    Turn,
    #[error("the stores are closed")]
    Closed,
}

impl Busy {
    pub(super) fn unavailable(self, doing: &'static str) -> StoreError {
        StoreError::Unavailable { doing, source: Box::new(self) }
    }
}
