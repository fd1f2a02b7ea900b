//! Identities, one type each, so that an account can never stand where an order is meant.

use std::{fmt, str::FromStr};

/// A text that is not the hexadecimal or decimal form of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid id: a decimal number, or 32 hexadecimal digits, is expected")
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.parse().map(Self).map_err(|_| ParseIdError)
            }
        }
    )*};
}

number_id! {
    /// Whose data it is. Part of every key.
    TenantId(u64);
    /// A trading account: the MT5 login number.
    AccountId(u64);
    /// A configured strategy.
    StrategyId(u32);
    /// An order's ticket at the broker.
    Ticket(u64);
    /// A deal's ticket at the broker.
    DealTicket(u64);
    /// A position's ticket at the broker (what requests name).
    PositionTicket(u64);
    /// One life of a tick source's client: grows with every start that could not resume the one before.
    Epoch(u64);
    /// Fencing number of a device's right to execute for an account: a lower one is refused everywhere.
    Fence(u64);
}

macro_rules! bytes_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(ParseIdError);
                }
                u128::from_str_radix(text, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| ParseIdError)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

bytes_id! {
    /// A signal: 16 random bytes drawn by the server.
    SignalId;
    /// Joins everything that one cause brought about: batch, signal, report, log line.
    TraceId;
    /// An enrolled client installation.
    DeviceId;
}

/// Crockford's base 32, in which no two characters look alike.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl SignalId {
    /// The magic number under which the broker keeps our order: the first 63 bits of the id, never 0 (which means "manual").
    #[must_use]
    pub fn magic(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1).max(1)
    }

    /// The 13-character order comment: base 32 of the last 64 bits of the id. A hint only; brokers rewrite comments.
    #[must_use]
    pub fn comment(self) -> String {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let digit = |shift: u32| BASE32.get(usize::from((number >> shift) as u8 & 31)).copied().unwrap_or(b'0');
        (0..13u32).rev().map(|place| char::from(digit(place.saturating_mul(5)))).collect()
    }
}
