//! How the model's values are laid out on the EA link.

use super::fields::{Field, Item, Take, byte_field, layout};
use crate::{
    WireError,
    limits::{SESSION_TABLES_MAX, SYMBOLS_PER_SESSION_MAX},
    tables::Tables,
};
use aitrading_model::{
    AccountId, AccountState, CalcMode, Currency, Deal, DealEntry, DealTicket, ExecutionMode, FillingModes, MarginMode,
    MarketTime, Money, Permissions, PositionState, PositionTicket, Price, Retcode, SESSIONS_PER_DAY_MAX, Session, Side,
    Symbol, SymbolSpec, Ticket, TradeMode, TradeSessions, Volume, WEEKDAYS,
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

/// A specification without its sessions, its digits checked (everything that prints a price relies on them), and the number
/// of its table of sessions in the same message; 0 if nobody knows when it trades.
struct Spec {
    spec: SymbolSpec,
    table: u8,
}
layout!(Spec { spec, table });

/// The specification's fields in order are its layout, as [`layout`] has it; sessions travel behind the list.
macro_rules! spec_layout {
    ($($field:ident),* $(,)?) => {
        impl Field for SymbolSpec {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
                let spec = Self { $($field: Field::take(from)?,)* sessions: None };
                if spec.digits <= 8 { Ok(spec) } else { Err(WireError::BadValue("digits")) }
            }
        }
    };
}
spec_layout! {
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
}

impl Item for Spec {
    const MAX: usize = SYMBOLS_PER_SESSION_MAX;
    const NAME: &'static str = "specs";
}

layout!(Session { from_s, to_s });

impl Item for Session {
    const MAX: usize = SESSIONS_PER_DAY_MAX;
    const NAME: &'static str = "sessions";
}

impl Field for TradeSessions {
    fn put(&self, out: &mut Vec<u8>) {
        self.server_ahead_s().put(out);
        for day in self.days() {
            day.to_vec().put(out);
        }
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        let ahead = i32::take(from)?;
        let mut days: [Vec<Session>; WEEKDAYS] = Default::default();
        for day in &mut days {
            *day = Field::take(from)?;
        }
        Self::new(ahead, &days).map_err(|_| WireError::BadValue("sessions"))
    }
}

impl Item for TradeSessions {
    const MAX: usize = SESSION_TABLES_MAX;
    const NAME: &'static str = "session tables";
}

/// Terminal: specifications of its symbols, at most 256, and the tables of sessions that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specs(pub Vec<SymbolSpec>);

impl Field for Specs {
    fn put(&self, out: &mut Vec<u8>) {
        // What the list has no room for names no table either.
        let listed = self.0.get(..SYMBOLS_PER_SESSION_MAX).unwrap_or(&self.0);
        let tables = Tables::of(listed);
        let spec = |spec: &SymbolSpec| Spec { spec: *spec, table: tables.number(spec.sessions.as_ref()) };
        listed.iter().map(spec).collect::<Vec<_>>().put(out);
        tables.all().to_vec().put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        let specs = Vec::<Spec>::take(from)?.into_iter().map(|one| (one.spec, one.table)).collect();
        Tables::give(Field::take(from)?, specs).map(Self)
    }
}
