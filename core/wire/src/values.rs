//! How the model's values are laid out; shared by all messages.

use crate::{
    Reader, WireError, Writer,
    limits::{SESSION_TABLES_MAX, SYMBOLS_PER_SESSION_MAX, TEXT_BYTES_MAX},
    tables::Tables,
};
use aitrading_model::{
    AccountId, AccountState, CalcMode, Currency, Cursor, Deal, DealEntry, DealTicket, Epoch, ExecutionMode,
    FillingModes, MarginMode, MarketTime, Money, Permissions, PositionState, PositionTicket, Price,
    SESSIONS_PER_DAY_MAX, Session, Side, Symbol, SymbolSpec, Ticket, TradeMode, TradeSessions, Volume, WEEKDAYS,
};

/// A value with one encoding.
pub(crate) trait Value: Sized {
    fn put(&self, w: &mut Writer);
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError>;
}

macro_rules! fixed_value {
    ($($name:ident)*) => {$(
        impl Value for $name {
            fn put(&self, w: &mut Writer) {
                w.i64(self.raw());
            }
            fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
                r.i64().map($name::from_raw)
            }
        }
    )*};
}
fixed_value!(Price Volume Money);

macro_rules! numbered_value {
    ($($name:ident $field:literal;)*) => {$(
        impl Value for $name {
            fn put(&self, w: &mut Writer) {
                w.u8(*self as u8);
            }
            fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
                Self::from_number(r.u8()?).ok_or(WireError::BadValue($field))
            }
        }
    )*};
}
numbered_value! {
    Side "side";
    DealEntry "deal entry";
    MarginMode "margin mode";
    TradeMode "trade mode";
    ExecutionMode "execution mode";
    CalcMode "calculation mode";
}

impl Value for Symbol {
    fn put(&self, w: &mut Writer) {
        let name = self.as_str();
        w.u8(u8::try_from(name.len()).unwrap_or_default()).raw(name.as_bytes());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = usize::from(r.u8()?);
        let name = std::str::from_utf8(r.raw(len)?).map_err(|_| WireError::BadValue("symbol"))?;
        name.parse().map_err(|_| WireError::BadValue("symbol"))
    }
}

impl Value for Currency {
    fn put(&self, w: &mut Writer) {
        w.text(self.as_str());
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.text("currency", 7)?.parse().map_err(|_| WireError::BadValue("currency"))
    }
}

impl Value for Cursor {
    fn put(&self, w: &mut Writer) {
        w.u64(self.epoch.0).u64(self.seq).i64(self.time.0).u32(self.count_at_time);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { epoch: Epoch(r.u64()?), seq: r.u64()?, time: MarketTime(r.i64()?), count_at_time: r.u32()? })
    }
}

impl Value for Deal {
    fn put(&self, w: &mut Writer) {
        w.u64(self.ticket.0).u64(self.order.0).u64(self.position.0);
        self.side.put(w);
        self.entry.put(w);
        self.volume.put(w);
        self.price.put(w);
        self.profit.put(w);
        w.i64(self.time.0).u64(self.magic);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ticket: DealTicket(r.u64()?),
            order: Ticket(r.u64()?),
            position: PositionTicket(r.u64()?),
            side: Side::get(r)?,
            entry: DealEntry::get(r)?,
            volume: Volume::get(r)?,
            price: Price::get(r)?,
            profit: Money::get(r)?,
            time: MarketTime(r.i64()?),
            magic: r.u64()?,
        })
    }
}

impl Value for PositionState {
    fn put(&self, w: &mut Writer) {
        w.u64(self.ticket.0);
        self.symbol.put(w);
        self.side.put(w);
        self.volume.put(w);
        self.price_open.put(w);
        self.stop_loss.put(w);
        self.take_profit.put(w);
        self.profit.put(w);
        w.u64(self.magic);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ticket: PositionTicket(r.u64()?),
            symbol: Symbol::get(r)?,
            side: Side::get(r)?,
            volume: Volume::get(r)?,
            price_open: Price::get(r)?,
            stop_loss: Price::get(r)?,
            take_profit: Price::get(r)?,
            profit: Money::get(r)?,
            magic: r.u64()?,
        })
    }
}

impl Value for AccountState {
    fn put(&self, w: &mut Writer) {
        w.u64(self.account.0).text(&self.server);
        self.currency.put(w);
        self.margin_mode.put(w);
        w.u32(self.leverage);
        for money in [self.balance, self.equity, self.margin, self.free_margin] {
            money.put(w);
        }
        w.u32(self.stop_out_percent).u8(self.permissions.bits()).i64(self.time.0);
        w.list(&self.positions, |w, p| p.put(w));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            account: AccountId(r.u64()?),
            server: r.text("server", TEXT_BYTES_MAX)?,
            currency: Currency::get(r)?,
            margin_mode: MarginMode::get(r)?,
            leverage: r.u32()?,
            balance: Money::get(r)?,
            equity: Money::get(r)?,
            margin: Money::get(r)?,
            free_margin: Money::get(r)?,
            stop_out_percent: r.u32()?,
            permissions: Permissions::from_bits(r.u8()?),
            time: MarketTime(r.i64()?),
            positions: r.list("positions", Self::MAX_POSITIONS, PositionState::get)?,
        })
    }
}

/// Specifications, then the tables of sessions that they name.
pub(crate) fn put_specs(w: &mut Writer, specs: &[SymbolSpec]) {
    let tables = Tables::of(specs);
    w.list(specs, |w, spec| {
        spec.put(w);
        w.u8(tables.number(spec.sessions.as_ref()));
    });
    w.list(tables.all(), |w, table| table.put(w));
}

pub(crate) fn get_specs(r: &mut Reader<'_>) -> Result<Vec<SymbolSpec>, WireError> {
    let specs = r.list("specs", SYMBOLS_PER_SESSION_MAX, |r| Ok((SymbolSpec::get(r)?, r.u8()?)))?;
    let tables = r.list("session tables", SESSION_TABLES_MAX, TradeSessions::get)?;
    Tables::give(tables, specs)
}

impl Value for TradeSessions {
    fn put(&self, w: &mut Writer) {
        w.i64(self.server_ahead_s().into());
        for day in self.days() {
            w.list(day, |w, session| _ = w.u32(session.from_s).u32(session.to_s));
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let bad = |_| WireError::BadValue("sessions");
        let ahead = i32::try_from(r.i64()?).map_err(|_| WireError::BadValue("sessions"))?;
        let mut days: [Vec<Session>; WEEKDAYS] = Default::default();
        for day in &mut days {
            let session = |r: &mut Reader<'_>| Ok(Session { from_s: r.u32()?, to_s: r.u32()? });
            *day = r.list("sessions", SESSIONS_PER_DAY_MAX, session)?;
        }
        Self::new(ahead, &days).map_err(bad)
    }
}

/// Without its sessions: [`put_specs`] writes those behind the list.
impl Value for SymbolSpec {
    fn put(&self, w: &mut Writer) {
        self.symbol.put(w);
        w.u8(self.digits);
        self.contract_size.put(w);
        self.tick_size.put(w);
        self.tick_value.put(w);
        self.tick_value_loss.put(w);
        for volume in [self.volume_min, self.volume_max, self.volume_step, self.volume_limit] {
            volume.put(w);
        }
        w.u32(self.stops_level).u32(self.freeze_level);
        self.trade_mode.put(w);
        self.execution.put(w);
        w.u8(self.filling.0).u8(self.order_mode);
        self.calc_mode.put(w);
        self.currency_base.put(w);
        self.currency_profit.put(w);
        self.currency_margin.put(w);
        self.margin_conversion.put(w);
        self.profit_conversion.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            symbol: Symbol::get(r)?,
            digits: Some(r.u8()?).filter(|d| *d <= 8).ok_or(WireError::BadValue("digits"))?,
            contract_size: Volume::get(r)?,
            tick_size: Price::get(r)?,
            tick_value: Money::get(r)?,
            tick_value_loss: Money::get(r)?,
            volume_min: Volume::get(r)?,
            volume_max: Volume::get(r)?,
            volume_step: Volume::get(r)?,
            volume_limit: Volume::get(r)?,
            stops_level: r.u32()?,
            freeze_level: r.u32()?,
            trade_mode: TradeMode::get(r)?,
            execution: ExecutionMode::get(r)?,
            filling: FillingModes(r.u8()?),
            order_mode: r.u8()?,
            calc_mode: CalcMode::get(r)?,
            currency_base: Currency::get(r)?,
            currency_profit: Currency::get(r)?,
            currency_margin: Currency::get(r)?,
            margin_conversion: Price::get(r)?,
            profit_conversion: Price::get(r)?,
            sessions: None,
        })
    }
}
