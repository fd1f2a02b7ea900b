//! Fixed-point numbers: prices, volumes and money in units of 10^-8.

use std::{fmt, str::FromStr};

/// Units in one whole: every fixed-point number here counts in steps of 10^-8.
pub const SCALE: i64 = 100_000_000;
const DECIMALS: usize = 8;

/// A decimal text that is no fixed-point number: not a number, more than 8 decimals, or beyond ±92,233,720,368.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseFixedError;

impl fmt::Display for ParseFixedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal number with at most 8 decimals within ±92233720368")
    }
}

impl std::error::Error for ParseFixedError {}

fn parse(text: &str) -> Result<i64, ParseFixedError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let decimal = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let fraction = if fraction.len() > DECIMALS { fraction.trim_end_matches('0') } else { fraction };
    if whole.is_empty() && fraction.is_empty() || !decimal(whole) || !decimal(fraction) || fraction.len() > DECIMALS {
        return Err(ParseFixedError);
    }
    let mut value: i64 = 0;
    let padding = std::iter::repeat_n(b'0', DECIMALS.saturating_sub(fraction.len()));
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        let digit = i64::from(digit.saturating_sub(b'0'));
        // Towards the sign: the least number has no positive counterpart.
        let add = |v: i64| if negative { v.checked_sub(digit) } else { v.checked_add(digit) };
        value = value.checked_mul(10).and_then(add).ok_or(ParseFixedError)?;
    }
    Ok(value)
}

/// Writes at least `decimals` decimals, and more if the value has more.
fn write(f: &mut fmt::Formatter<'_>, value: i64, decimals: usize) -> fmt::Result {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    const UNIT: u64 = SCALE.unsigned_abs();
    let (whole, fraction) = (magnitude / UNIT, magnitude % UNIT);
    let fraction = format!("{fraction:08}");
    let kept = fraction.trim_end_matches('0').len().max(decimals.min(DECIMALS));
    match fraction.get(..kept) {
        Some(shown) if !shown.is_empty() => write!(f, "{sign}{whole}.{shown}"),
        _ => write!(f, "{sign}{whole}"),
    }
}

macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// One.
            pub const ONE: Self = Self(SCALE);

            /// From units of 10^-8.
            #[must_use]
            pub const fn from_raw(raw: i64) -> Self {
                Self(raw)
            }

            /// In units of 10^-8.
            #[must_use]
            pub const fn raw(self) -> i64 {
                self.0
            }

            /// The sum, or `None` beyond the range.
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(raw) => Some(Self(raw)),
                    None => None,
                }
            }

            /// The difference, or `None` beyond the range.
            #[must_use]
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(raw) => Some(Self(raw)),
                    None => None,
                }
            }

            /// The magnitude.
            #[must_use]
            pub const fn abs(self) -> Self {
                Self(self.0.saturating_abs())
            }

            /// Above zero?
            #[must_use]
            pub const fn is_positive(self) -> bool {
                self.0 > 0
            }

            /// Shown with at least `decimals` decimals (at most 8).
            #[must_use]
            pub fn with_decimals(self, decimals: u8) -> impl fmt::Display {
                struct Shown(i64, usize);
                impl fmt::Display for Shown {
                    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write(f, self.0, self.1)
                    }
                }
                Shown(self.0, usize::from(decimals))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(f, self.0, f.precision().unwrap_or(0))
            }
        }

        impl FromStr for $name {
            type Err = ParseFixedError;
            fn from_str(text: &str) -> Result<Self, ParseFixedError> {
                parse(text).map(Self)
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
    };
}

fixed!(
    /// A price, or a distance between prices, in the symbol's quote currency.
    Price
);
fixed!(
    /// A volume in lots, or a contract size in units.
    Volume
);
fixed!(
    /// An amount in the account's deposit currency.
    Money
);

/// `a * b / c` rounded towards zero, through 128 bits; `None` if `c` is zero or the result does not fit.
pub(crate) fn mul_div(a: i64, b: i64, c: i64) -> Option<i64> {
    let product = i128::from(a).checked_mul(i128::from(b))?;
    i64::try_from(product.checked_div(i128::from(c))?).ok()
}

impl Price {
    /// Whole steps of `tick_size` in this distance, rounded up (towards the larger risk); `None` if `tick_size` is not positive.
    #[must_use]
    pub fn ticks_ceil(self, tick_size: Self) -> Option<i64> {
        if tick_size.0 <= 0 {
            return None;
        }
        let up = i64::from(self.0.checked_rem(tick_size.0)? != 0 && self.0 > 0);
        self.0.checked_div(tick_size.0)?.checked_add(up)
    }

    /// On the grid of `tick_size`?
    #[must_use]
    pub fn is_on_grid(self, tick_size: Self) -> bool {
        self.0.checked_rem(tick_size.0) == Some(0)
    }

    /// The nearest point of the grid (half rounds away from zero); `None` if `tick_size` is not positive.
    #[must_use]
    pub fn round_to_grid(self, tick_size: Self) -> Option<Self> {
        if tick_size.0 <= 0 {
            return None;
        }
        let half = tick_size.0.checked_div(2)?;
        let shifted = if self.0 < 0 { self.0.checked_sub(half)? } else { self.0.checked_add(half)? };
        shifted.checked_div(tick_size.0)?.checked_mul(tick_size.0).map(Self)
    }

    /// `self * numerator / denominator`, rounded towards zero.
    #[must_use]
    pub fn scale(self, numerator: i64, denominator: i64) -> Option<Self> {
        mul_div(self.0, numerator, denominator).map(Self)
    }
}

impl Money {
    /// `self * numerator / denominator`, rounded towards zero.
    #[must_use]
    pub fn scale(self, numerator: i64, denominator: i64) -> Option<Self> {
        mul_div(self.0, numerator, denominator).map(Self)
    }

    /// This amount for `volume` lots, rounded towards zero.
    #[must_use]
    pub fn times(self, volume: Volume) -> Option<Self> {
        mul_div(self.0, volume.0, SCALE).map(Self)
    }
}

impl Volume {
    /// `self * numerator / denominator`, rounded towards zero.
    #[must_use]
    pub fn scale(self, numerator: i64, denominator: i64) -> Option<Self> {
        mul_div(self.0, numerator, denominator).map(Self)
    }
}
