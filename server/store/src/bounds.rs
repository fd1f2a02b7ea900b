//! What the ports of the platform have in common: versions, pages, and rules for texts.

use crate::StoreError;
use std::fmt;

/// How often a record was written. A writer names the version that it read; if another one came first, it is refused with
/// [`StoreError::Stale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Version(pub u64);

impl Version {
    /// Of what is not there.
    pub const NONE: Self = Self(0);

    /// After `n` more writes.
    #[must_use]
    pub const fn after(self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    /// What a writer is told whose version is not the one that stands.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    pub fn expect(self, stored: Self) -> Result<(), StoreError> {
        if self == stored { Ok(()) } else { Err(StoreError::Stale { expected: self, stored }) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A record and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versioned<T> {
    /// The record.
    pub value: T,
    /// Its version.
    pub version: Version,
}

/// Most records in one answer.
pub const PAGE_MAX: usize = 1_000;

/// The rule for the size of an answer: 1 to [`PAGE_MAX`] records.
///
/// # Errors
/// [`StoreError::Invalid`].
pub const fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit == 0 || limit > PAGE_MAX {
        return Err(StoreError::Invalid { what: "ask for 1 to 1,000 records at once" });
    }
    Ok(())
}

/// `what` is refused unless `good`.
pub(crate) const fn require(good: bool, what: &'static str) -> Result<(), StoreError> {
    if good { Ok(()) } else { Err(StoreError::Invalid { what }) }
}

/// Is this a text of at most `max` bytes without NUL, which not every database can keep?
pub(crate) fn is_text(text: &str, max: usize) -> bool {
    text.len() <= max && !text.contains('\0')
}

/// Is this a word of 1 to `max` bytes of `a-z`, `0-9`, `_`, `-` and `.`?
pub(crate) fn is_word(word: &str, max: usize) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    !word.is_empty() && word.len() <= max && word.bytes().all(good)
}

/// Is this a JSON text of at most `max` bytes? An escaped NUL is refused for the same reason as a plain one.
pub(crate) fn is_json(text: &str, max: usize) -> bool {
    is_text(text, max) && !text.contains("\\u0000") && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Makes an enum from its number, and all of its values as a list.
macro_rules! numbered {
    ($name:ident: $($value:ident)*) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// From its number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| *value as u8 == number)
            }
        }
    };
}
pub(crate) use numbered;

/// Carries a checked text as a string: what breaks its rule is refused on the way in.
macro_rules! text_form {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_form;
