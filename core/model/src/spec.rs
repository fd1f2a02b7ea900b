//! What a broker says about a symbol.

use crate::{Money, Price, Symbol, TradeSessions, Volume, fixed::mul_div};
use std::{fmt, str::FromStr};

/// A currency code of 1 to 7 upper-case letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 7]);

impl Currency {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end_matches('\0')
    }
}

impl FromStr for Currency {
    type Err = crate::ParseIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 7];
        let valid = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let place = bytes.get_mut(..text.len()).filter(|p| !p.is_empty() && valid).ok_or(crate::ParseIdError)?;
        place.copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// From its number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

numbered! {
    /// What may be traded.
    TradeMode {
        /// Nothing.
        Disabled = 0,
        /// Buys only.
        LongOnly = 1,
        /// Sells only.
        ShortOnly = 2,
        /// Closing only.
        CloseOnly = 3,
        /// Everything.
        Full = 4,
    }
    /// How the broker executes.
    ExecutionMode {
        /// Price on request.
        Request = 0,
        /// At the quoted price or a requote.
        Instant = 1,
        /// At the market's price.
        Market = 2,
        /// On an exchange's book.
        Exchange = 3,
    }
    /// How margin and profit are computed.
    CalcMode {
        /// lots * contract / leverage.
        Forex = 0,
        /// lots * contract * price.
        Cfd = 2,
        /// lots * contract * price / leverage.
        CfdLeverage = 4,
        /// lots * contract.
        ForexNoLeverage = 5,
    }
}

/// Filling flags of a symbol: FOK 1, IOC 2, BOC 4. Not the numbers of the order's filling enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FillingModes(pub u8);

impl FillingModes {
    /// Fill or kill allowed.
    pub const FOK: u8 = 1;
    /// Immediate or cancel allowed.
    pub const IOC: u8 = 2;
}

/// A symbol's contract specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolSpec {
    /// Name.
    pub symbol: Symbol,
    /// Decimals of a price.
    pub digits: u8,
    /// Units in one lot.
    pub contract_size: Volume,
    /// Smallest price step.
    pub tick_size: Price,
    /// Deposit currency per tick and lot of a winning position.
    pub tick_value: Money,
    /// The same for a losing position: what risk uses.
    pub tick_value_loss: Money,
    /// Smallest volume.
    pub volume_min: Volume,
    /// Largest volume of one order.
    pub volume_max: Volume,
    /// Volume grid.
    pub volume_step: Volume,
    /// Most lots per direction, open and pending; 0 for none.
    pub volume_limit: Volume,
    /// Least distance of stops from the market, in points; 0 for none.
    pub stops_level: u32,
    /// Distance within which nothing may be changed, in points; 0 for none.
    pub freeze_level: u32,
    /// What may be traded.
    pub trade_mode: TradeMode,
    /// How it is executed.
    pub execution: ExecutionMode,
    /// Which fillings.
    pub filling: FillingModes,
    /// Bits: market 1, limit 2, stop 4, stop limit 8, SL 16, TP 32, close by 64.
    pub order_mode: u8,
    /// Margin formula.
    pub calc_mode: CalcMode,
    /// Currency of the base.
    pub currency_base: Currency,
    /// Currency of profit.
    pub currency_profit: Currency,
    /// Currency of margin.
    pub currency_margin: Currency,
    /// Deposit currency per unit of margin currency.
    pub margin_conversion: Price,
    /// Deposit currency per unit of profit currency.
    pub profit_conversion: Price,
    /// When it trades. `None`: nobody said, and then nothing is traded. Specifications of before this field read as that.
    #[serde(default)]
    pub sessions: Option<TradeSessions>,
}

impl SymbolSpec {
    /// One point: 10^-digits.
    #[must_use]
    pub fn point(&self) -> Price {
        let digits = u32::from(self.digits.min(8));
        Price::from_raw(10_i64.saturating_pow(8_u32.saturating_sub(digits)))
    }

    /// Margin of `volume` lots at `price` for an account with 1:`leverage`, in deposit currency, rounded up. `None` if it cannot
    /// be computed (zero leverage, overflow): the caller must refuse.
    #[must_use]
    pub fn margin(&self, volume: Volume, price: Price, leverage: u32) -> Option<Money> {
        let units = mul_div(volume.raw(), self.contract_size.raw(), crate::SCALE)?;
        let with_price = |units: i64| mul_div(units, price.raw(), crate::SCALE);
        let base = match self.calc_mode {
            CalcMode::Forex => units.checked_div(i64::from(leverage))?,
            CalcMode::ForexNoLeverage => units,
            CalcMode::Cfd => with_price(units)?,
            CalcMode::CfdLeverage => with_price(units)?.checked_div(i64::from(leverage))?,
        };
        mul_div(base, self.margin_conversion.raw(), crate::SCALE)?.checked_add(1).map(Money::from_raw)
    }

    /// Profit of `volume` lots from `open` to `close` in deposit currency, valued per tick; losses use the loss tick value.
    #[must_use]
    pub fn profit(&self, side: crate::Side, volume: Volume, open: Price, close: Price) -> Option<Money> {
        let moved = match side {
            crate::Side::Buy => close.checked_sub(open)?,
            crate::Side::Sell => open.checked_sub(close)?,
        };
        let per_tick = if moved.raw() < 0 { self.tick_value_loss } else { self.tick_value };
        let per_lot = mul_div(moved.raw(), per_tick.raw(), self.tick_size.raw())?;
        Money::from_raw(per_lot).times(volume)
    }
}
