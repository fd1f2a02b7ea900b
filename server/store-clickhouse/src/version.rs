//! Which servers will do.

#[cfg(test)]
mod tests;

use aitrading_store::StoreError;

/// The oldest release with everything that our statements use.
const NEEDED: (u32, u32) = (24, 3);
const NEEDED_TEXT: &str = "24.3";

/// Refuses a server that is too old; one whose version cannot be read is refused too.
pub(crate) fn check(version: &str) -> Result<(), StoreError> {
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= NEEDED => Ok(()),
        _ => Err(StoreError::too_old("ClickHouse", version, NEEDED_TEXT)),
    }
}
