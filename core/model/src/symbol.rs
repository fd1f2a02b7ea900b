//! A broker's symbol name: opaque, case-sensitive, never rewritten.

use std::{fmt, str::FromStr};

/// Longest symbol name in bytes, as MetaTrader has it.
const MAX_LEN: usize = 31;

/// A name that cannot be a symbol: empty, longer than 31 bytes, or with control characters or blanks at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolError;

impl fmt::Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symbol name has 1 to 31 bytes without control characters")
    }
}

impl std::error::Error for SymbolError {}

/// A symbol name, stored in place: copying it allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol {
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl Symbol {
    /// The name as the broker spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(name: &str) -> Result<Self, SymbolError> {
        let len = u8::try_from(name.len()).map_err(|_| SymbolError)?;
        if name.trim() != name || name.chars().any(char::is_control) {
            return Err(SymbolError);
        }
        let mut bytes = [0; MAX_LEN];
        let place = bytes.get_mut(..name.len()).filter(|p| !p.is_empty()).ok_or(SymbolError)?;
        place.copy_from_slice(name.as_bytes());
        Ok(Self { bytes, len })
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({})", self.as_str())
    }
}

impl serde::Serialize for Symbol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Symbol {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
