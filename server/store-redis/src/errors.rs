//! What the server says, in the words of the ports.

#[cfg(test)]
mod tests;

use aitrading_database_link::{LinkError, Role};
use aitrading_store::StoreError;
use redis::{ErrorKind, RedisError};
use std::time::Duration;

/// Codes that are said to who may not do this.
const REFUSALS: [&str; 3] = ["NOAUTH", "WRONGPASS", "NOPERM"];
/// Codes of servers that take no writes: a replica, a failed disk, too few replicas.
const NO_WRITES: [&str; 3] = ["READONLY", "MISCONF", "NOREPLICAS"];

/// Says why a command failed.
pub(crate) fn told(doing: &'static str, error: RedisError) -> StoreError {
    let codes = codes(&error);
    let says = |known: &[&str]| codes.iter().any(|code| known.contains(&code.as_str()));
    if error.kind() == ErrorKind::AuthenticationFailed || says(&REFUSALS) {
        return StoreError::Unauthorised { doing, source: Box::new(error) };
    }
    if error.kind() == ErrorKind::RESP3NotSupported || says(&["NOPROTO"]) {
        return StoreError::too_old("Redis", "before 6.0", "6.0");
    }
    let source = Box::new(error);
    if says(&NO_WRITES) {
        StoreError::ReadOnly { doing, source }
    } else if says(&["OOM"]) {
        StoreError::Full { doing, source }
    } else if says(&["WRONGTYPE"]) || source.kind() == ErrorKind::UnexpectedReturnType {
        StoreError::Corrupt { what: "a shared value is of a foreign kind".to_owned(), source: Some(source) }
    } else {
        StoreError::Unavailable { doing, source }
    }
}

/// The server did not answer within `limit`.
pub(crate) fn late(doing: &'static str, limit: Duration) -> StoreError {
    LinkError::Deadline { role: Role::Cache, limit }.unavailable(doing)
}

/// Does the connection have to be replaced after this?
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    let refused = codes(error).iter().any(|code| REFUSALS.get(..2).is_some_and(|known| known.contains(&code.as_str())));
    error.is_unrecoverable_error() || error.is_io_error() || refused
}

/// All codes that the server gave; a refused transaction has one for each of its commands.
fn codes(error: &RedisError) -> Vec<String> {
    let errors = error.clone().into_server_errors();
    errors.iter().flat_map(|errors| errors.iter()).map(|(_, error)| error.code().to_owned()).collect()
}
