//! How the model's values are laid out on the EA link.

use super::fields::{Field, Item, Take, byte_field, layout};
use crate::{WireError, limits::SYMBOLS_PER_SESSION_MAX};
use aitrading_model::{
    AccountId, AccountState, CalcMode, Currency, Deal, DealEntry, DealTicket, ExecutionMode, FillingModes, MarginMode,
    MarketTime, Money, Permissions, PositionState, PositionTicket, Price, Retcode, Side, Symbol, SymbolSpec, Ticket,
    TradeMode, Volume,
};

macro_rules! fixed_point {
    ($($name:ident)*) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.raw().put(out);
            }
            fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
                i64::take(from).map($name::from_raw)
            }
        }
    )*};
}
fixed_point!(Price Volume Money);

macro_rules! wrapped {
    ($($name:ident)*) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
                Field::take(from).map(Self)
            }
        }
    )*};
}
wrapped!(AccountId Ticket DealTicket PositionTicket MarketTime Retcode FillingModes);

byte_field! {
    Side "side"
    DealEntry "deal entry"
    MarginMode "margin mode"
    TradeMode "trade mode"
    ExecutionMode "execution mode"
    CalcMode "calculation mode"
}

/// One byte of length, then the bytes.
fn put_short(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).unwrap_or_default());
    out.extend_from_slice(text.as_bytes());
}

fn take_short<'a>(from: &mut Take<'a>, field: &'static str) -> Result<&'a str, WireError> {
    let len = usize::from(u8::take(from)?);
    std::str::from_utf8(from.raw(len)?).map_err(|_| WireError::BadValue(field))
}

impl Field for Symbol {
    fn put(&self, out: &mut Vec<u8>) {
        put_short(self.as_str(), out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        take_short(from, "symbol")?.parse().map_err(|_| WireError::BadValue("symbol"))
    }
}

impl Field for Currency {
    fn put(&self, out: &mut Vec<u8>) {
        put_short(self.as_str(), out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        take_short(from, "currency")?.parse().map_err(|_| WireError::BadValue("currency"))
    }
}

impl Field for Permissions {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.bits());
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        let bits = u8::take(from)?;
        let permissions = Self::from_bits(bits);
        if permissions.bits() == bits { Ok(permissions) } else { Err(WireError::BadValue("permissions")) }
    }
}

layout!(Deal { ticket, order, position, side, entry, volume, price, profit, time, magic });
layout!(PositionState { ticket, symbol, side, volume, price_open, stop_loss, take_profit, profit, magic });
layout!(AccountState {
    account,
    server,
    currency,
    margin_mode,
    leverage,
    balance,
    equity,
    margin,
    free_margin,
    stop_out_percent,
    permissions,
    time,
    positions,
});

impl Item for PositionState {
    const MAX: usize = AccountState::MAX_POSITIONS;
    const NAME: &'static str = "positions";
}

/// The specification with its digits checked: everything that prints a price relies on them.
struct Spec(SymbolSpec);
layout!(SymbolSpec {
    symbol,
    digits,
    contract_size,
    tick_size,
    tick_value,
    tick_value_loss,
    volume_min,
    volume_max,
    volume_step,
    volume_limit,
    stops_level,
    freeze_level,
    trade_mode,
    execution,
    filling,
    order_mode,
    calc_mode,
    currency_base,
    currency_profit,
    currency_margin,
    margin_conversion,
    profit_conversion,
});

impl Field for Spec {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        Some(SymbolSpec::take(from)?).filter(|spec| spec.digits <= 8).map(Self).ok_or(WireError::BadValue("digits"))
    }
}

impl Item for Spec {
    const MAX: usize = SYMBOLS_PER_SESSION_MAX;
    const NAME: &'static str = "specs";
}

/// Terminal: specifications of its symbols, at most 256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specs(pub Vec<SymbolSpec>);

impl Field for Specs {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.iter().copied().map(Spec).collect::<Vec<_>>().put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        Ok(Self(Vec::<Spec>::take(from)?.into_iter().map(|spec| spec.0).collect()))
    }
}
