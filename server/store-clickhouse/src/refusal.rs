//! What the server or the way to it says, in the words of the port.

#[cfg(test)]
mod tests;

use aitrading_store::StoreError;
use clickhouse::error::Error;

/// Stands before the number of every error of the server.
const CODE: &str = "Code: ";
/// How the system says it, whatever the server's number.
const NO_SPACE: &str = "No space left on device";

/// Nothing of `error`'s own text gets into the message: it may name users and hosts.
pub(crate) fn refusal(doing: &'static str, error: Error) -> StoreError {
    let Error::BadResponse(said) = &error else {
        return match error {
            Error::SchemaMismatch(_) | Error::InvalidColumnsHeader(_) | Error::InvalidUtf8Encoding(_) => damaged(error),
            error => StoreError::Unavailable { doing, source: Box::new(error) },
        };
    };
    let full = said.contains(NO_SPACE);
    match code(said) {
        // User, password, address or rights.
        Some(192..=195 | 497 | 516) => StoreError::Unauthorised { doing, source: Box::new(error) },
        Some(164 | 242) => StoreError::ReadOnly { doing, source: Box::new(error) },
        Some(243) => StoreError::Full { doing, source: Box::new(error) },
        _ if full => StoreError::Full { doing, source: Box::new(error) },
        // Columns, tables or checksums are not what this release made.
        Some(16 | 40 | 47 | 53 | 60 | 246) => damaged(error),
        _ => StoreError::Unavailable { doing, source: Box::new(error) },
    }
}

fn damaged(error: Error) -> StoreError {
    StoreError::Corrupt { what: "the ClickHouse server's tables of ticks".to_owned(), source: Some(Box::new(error)) }
}

fn code(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once(CODE)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}
