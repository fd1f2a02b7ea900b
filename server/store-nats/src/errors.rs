//! What the server and the driver say, in the words of the ports.

use aitrading_store::StoreError;
use async_nats::{
    ConnectError, ConnectErrorKind,
    jetstream::{Error as ServerError, ErrorCode},
};
use std::error::Error;

/// Codes of a server without space for what is to be stored.
const FULL: [ErrorCode; 7] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_STORE_FAILED,
    ErrorCode::CONSUMER_STORE_FAILED,
    ErrorCode::MAXIMUM_CONSUMERS_LIMIT,
];

/// No server there, or no answer.
pub(crate) fn unavailable(doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { doing, source: source.into() }
}

/// The server does not let us in.
pub(crate) fn refused(doing: &'static str) -> StoreError {
    StoreError::Unauthorised { doing, source: "the server refuses user, password or certificate".into() }
}

/// Why a connection was not made.
pub(crate) fn connecting(doing: &'static str, error: ConnectError) -> StoreError {
    let source = Box::new(error);
    match source.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            StoreError::Unauthorised { doing, source }
        }
        _ => StoreError::Unavailable { doing, source },
    }
}

/// Why a request was not done. The server's own words are looked for in the chain of causes.
pub(crate) fn told<E: Error + Send + Sync + 'static>(doing: &'static str, error: E) -> StoreError {
    let is_full = code(&error).is_some_and(|code| FULL.contains(&code));
    let source = Box::new(error);
    if is_full { StoreError::Full { doing, source } } else { StoreError::Unavailable { doing, source } }
}

/// The code that the server gave, if it was the server that refused.
pub(crate) fn code(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(said) = error.downcast_ref::<ServerError>() {
            return Some(said.error_code());
        }
        cause = error.source();
    }
    None
}
