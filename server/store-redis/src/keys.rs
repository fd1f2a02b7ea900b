//! How tenant, space and name become one key, and back.

#[cfg(test)]
mod tests;

use aitrading_model::TenantId;
use aitrading_store::{CacheKey, Invalidation};
use std::fmt::Write as _;

/// Spells keys as `PREFIX:TENANT:SPACE:NAME`.
///
/// The prefix is the configured database name; of it, every byte but `a-z`, `A-Z`, `0-9`, `_`, `-` and `.` is written as
/// `%` and two hexadecimal digits. The tenant is decimal. A space has no `:`, so that the name is all that follows the third
/// one, byte by byte as it is. Two different keys are therefore never spelt alike, and no key is spelt like the channel.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Keys of one deployment; deployments with different prefixes can share a server.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        let mut encoded = String::with_capacity(prefix.len());
        for byte in prefix.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                write!(encoded, "%{byte:02x}").unwrap_or_default();
            }
        }
        Self { prefix: encoded }
    }

    /// The key of a value.
    #[must_use]
    pub fn key(&self, key: &CacheKey) -> String {
        format!("{}:{}", self.prefix, change(key))
    }

    /// The channel on which changes are told.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("{}:changed", self.prefix)
    }
}

/// What is told of a changed value: its key without the prefix.
pub(crate) fn change(key: &CacheKey) -> String {
    format!("{}:{}:{}", key.tenant.0, key.space, key.name)
}

/// Reads [`change`] back. What cannot be read may be about anything.
pub(crate) fn changed(message: &[u8]) -> Invalidation {
    read(message).unwrap_or(Invalidation::Everything)
}

fn read(message: &[u8]) -> Option<Invalidation> {
    let mut parts = std::str::from_utf8(message).ok()?.splitn(3, ':');
    let tenant = TenantId(parts.next()?.parse().ok()?);
    let (space, name) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some(Invalidation::Key { tenant, space, name })
}
