//! What is wrong with a configuration: where, what, why, and what to do.

use crate::Origin;
use aitrading_error::{Category, Coded, Dna, FaultSide};
use std::fmt;

/// Parts of key names whose values are never shown.
const SECRET_WORDS: [&str; 8] =
    ["secret", "password", "passphrase", "token", "private", "credential", "_key", "apikey"];

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where the value stands.
    pub origin: Origin,
    /// The dotted key: `data_bridge.listen`. Empty if the whole layer is meant.
    pub key: String,
    /// The value as written; `None` if there is none, or if it may be a secret.
    pub value: Option<String>,
    /// Why it is refused.
    pub cause: String,
    /// What to write instead.
    pub cure: String,
}

impl Violation {
    pub(crate) fn new(
        origin: Origin,
        key: &str,
        value: Option<String>,
        cause: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        let value = value.filter(|_| !is_secret(key));
        Self { origin, key: key.to_owned(), value, cause: cause.into(), cure: cure.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        if let Some(value) = &self.value {
            // Debug escapes control characters, and so keeps a violation on its line.
            write!(f, " = {value:?}")?;
        }
        write!(f, ": {}; {}", self.cause, self.cure)
    }
}

/// All that is wrong with the configuration. Never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(pub Vec<Violation>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} {}", if count == 1 { "error" } else { "errors" })?;
        self.0.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

impl std::error::Error for Violations {}

impl Coded for Violations {
    fn dna(&self) -> Dna {
        Dna::new("config", "CONFIG_INVALID", Category::Config).side(FaultSide::Caller)
    }
}

pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}
