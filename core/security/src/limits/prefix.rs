//! Networks by their first bits: what addresses are counted under, and which proxies are ours.

use std::{fmt, net::IpAddr, str::FromStr};

/// An address range: a network's first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    family: Family,
    bits: u8,
    /// The network, in the highest bits; everything below `bits` is 0.
    net: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// Text that is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a range of addresses: write `10.1.0.0/16`, `2001:db8::/32` or one address, with nothing set behind the range's bits"
)]
pub struct PrefixInvalid;

impl Prefix {
    /// What one subscriber of a provider has: an IPv4 address, an IPv6 /64.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self::of(address, 32, 64)
    }

    /// Where moving on costs an attacker little: an IPv4 /24, an IPv6 /48.
    #[must_use]
    pub fn neighbourhood(address: IpAddr) -> Self {
        Self::of(address, 24, 48)
    }

    /// Where guesses at one account come from: an IPv4 /24, an IPv6 /64.
    #[must_use]
    pub fn origin(address: IpAddr) -> Self {
        Self::of(address, 24, 64)
    }

    /// Is `address` in it? IPv4 in IPv6's clothes is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (family, number) = split(address);
        family == self.family && mask(number, self.bits) == self.net
    }

    fn of(address: IpAddr, v4_bits: u8, v6_bits: u8) -> Self {
        let (family, number) = split(address);
        let bits = match family {
            Family::V4 => v4_bits,
            Family::V6 => v6_bits,
        };
        Self { family, bits, net: mask(number, bits) }
    }
}

/// The address's bits, moved to the top.
fn split(address: IpAddr) -> (Family, u128) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (Family::V4, u128::from(u32::from(v4)) << 96),
        IpAddr::V6(v6) => (Family::V6, u128::from(v6)),
    }
}

fn mask(number: u128, bits: u8) -> u128 {
    // No bits at all would shift by 128.
    number & u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match self.family {
            Family::V4 => IpAddr::from(u32::try_from(self.net >> 96).unwrap_or(0).to_be_bytes()),
            Family::V6 => IpAddr::from(self.net.to_be_bytes()),
        };
        write!(f, "{address}/{}", self.bits)
    }
}

impl FromStr for Prefix {
    type Err = PrefixInvalid;

    fn from_str(text: &str) -> Result<Self, PrefixInvalid> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let (family, net) = split(address.parse().map_err(|_| PrefixInvalid)?);
        let bits = match bits {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| PrefixInvalid)?,
            Some(_) => return Err(PrefixInvalid),
            None => family.bits(),
        };
        if bits > family.bits() || mask(net, bits) != net {
            return Err(PrefixInvalid);
        }
        Ok(Self { family, bits, net })
    }
}

impl serde::Serialize for Prefix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Prefix {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
