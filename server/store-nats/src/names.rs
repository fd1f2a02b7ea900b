//! How tenants, topics and consumers are spelt on the server.

#[cfg(test)]
mod tests;

use aitrading_model::TenantId;
use aitrading_store::{Event, Topic};
use std::fmt::Write as _;

/// Spells names on the server. `PREFIX` is the configured database name; of it, every byte but `a-z`, `A-Z`, `0-9` and `_`
/// is written as `-` and two hexadecimal digits.
///
/// | what | spelt | why no two are spelt alike |
/// |---|---|---|
/// | stream | `PREFIX-events` | |
/// | subject | `PREFIX.events.TENANT.TOPIC` | the tenant is decimal and has no dot, the topic is all that follows |
/// | consumer | `TENANT-CONSUMER-TOPIC`, the topic's dots as `-` | none of the three has a `-` of its own |
/// | message id | `TENANT.TOPIC.ID` | the id is 32 hexadecimal digits without a dot |
///
/// The tenant and the topic are part of the message id because the server knows ids by stream, and the port by topic.
#[derive(Debug, Clone)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// Names of one deployment; deployments with different prefixes can share a server.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        let mut encoded = String::with_capacity(prefix.len());
        for byte in prefix.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                write!(encoded, "-{byte:02x}").unwrap_or_default();
            }
        }
        Self { prefix: encoded }
    }

    /// The stream of all events.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("{}-events", self.prefix)
    }

    /// All subjects of the stream.
    #[must_use]
    pub fn subjects(&self) -> String {
        format!("{}.events.>", self.prefix)
    }

    /// The subject of a tenant's topic.
    #[must_use]
    pub fn subject(&self, tenant: TenantId, topic: &Topic) -> String {
        format!("{}.events.{}.{}", self.prefix, tenant.0, topic.as_str())
    }

    /// Reads [`Names::subject`] back.
    #[must_use]
    pub fn read(&self, subject: &str) -> Option<(TenantId, Topic)> {
        let rest = subject.strip_prefix(&self.prefix)?.strip_prefix(".events.")?;
        let (tenant, topic) = rest.split_once('.')?;
        let decimal = tenant.bytes().all(|byte| byte.is_ascii_digit());
        let tenant = TenantId(tenant.parse().ok().filter(|_| decimal)?);
        Some((tenant, Topic::new(topic).ok()?))
    }

    /// A consumer of a tenant's topic.
    #[must_use]
    pub fn consumer(tenant: TenantId, topic: &Topic, consumer: &str) -> String {
        format!("{}-{consumer}-{}", tenant.0, topic.as_str().replace('.', "-"))
    }

    /// What the server recognises an event by.
    #[must_use]
    pub fn message_id(event: &Event) -> String {
        format!("{}.{}.{}", event.tenant.0, event.topic.as_str(), hex(&event.id))
    }
}

/// Two hexadecimal digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

/// Reads [`hex`] back.
pub(crate) fn unhex(text: &str) -> Option<[u8; 16]> {
    let good = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| good)?;
    Some(number.to_be_bytes())
}
