//! The shipped table and its reader. One line per symbol, columns between blanks, `#` begins a comment.

use super::SpecError;
use aitrading_model::{
    CalcMode, ExecutionMode, FillingModes, Price, Session, Symbol, SymbolSpec, TradeMode, TradeSessions, Volume,
    WEEKDAYS,
};
use std::str::FromStr;

/// The table in the executable.
const SHIPPED: &str = include_str!("table.txt");
const COLUMNS: usize = 15;
/// The simulated trade server's clock: UTC+2 in winter and summer. With it a week of New York's currency market, Sunday 17:00 to
/// Friday 17:00, lies on Monday to Friday while New York has winter time.
const SERVER_AHEAD_S: i32 = 7_200;
/// Weekdays as the table names them, Sunday first.
const DAYS: [&str; WEEKDAYS] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// Market, limit, stop, stop limit, stop loss, take profit, close by.
const ALL_ORDERS: u8 = 127;

/// A specification with a price from which a market model can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableRow {
    /// Specification.
    pub spec: SymbolSpec,
    /// A plausible price.
    pub reference_price: Price,
    /// A plausible spread in ticks.
    pub spread_ticks: u32,
}

/// The shipped rows.
///
/// # Errors
/// [`SpecError`] never, as a test reads the same table; it is handed on all the same.
pub fn shipped() -> Result<Vec<TableRow>, SpecError> {
    parse_table(SHIPPED)
}

/// The shipped row of a symbol, by its exact name.
#[must_use]
pub fn find(symbol: Symbol) -> Option<TableRow> {
    shipped().ok()?.into_iter().find(|row| row.spec.symbol == symbol)
}

/// Reads a table.
///
/// # Errors
/// [`SpecError`] with the first thing that is wrong.
pub fn parse_table(text: &str) -> Result<Vec<TableRow>, SpecError> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        if !line.trim().is_empty() {
            rows.push(parse_row(line, index + 1)?);
        }
    }
    Ok(rows)
}

fn parse_row(line: &str, number: usize) -> Result<TableRow, SpecError> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let Ok(columns) = <[&str; COLUMNS]>::try_from(columns.as_slice()) else {
        return Err(SpecError::Columns { line: number, found: columns.len(), wanted: COLUMNS });
    };
    let [
        symbol,
        digits,
        contract,
        tick,
        value,
        calc,
        base,
        profit,
        margin,
        to_margin,
        to_profit,
        max,
        price,
        spread,
        open,
    ] = columns;
    let spec = SymbolSpec {
        symbol: read("symbol", symbol)?,
        digits: read("digits", digits)?,
        contract_size: read("contract", contract)?,
        tick_size: read("tick size", tick)?,
        tick_value: read("tick value", value)?,
        tick_value_loss: read("tick value", value)?,
        volume_min: Volume::from_raw(1_000_000),
        volume_max: read("largest volume", max)?,
        volume_step: Volume::from_raw(1_000_000),
        volume_limit: Volume::ZERO,
        stops_level: 0,
        freeze_level: 0,
        trade_mode: TradeMode::Full,
        execution: ExecutionMode::Market,
        filling: FillingModes(FillingModes::IOC),
        order_mode: ALL_ORDERS,
        calc_mode: match calc {
            "forex" => CalcMode::Forex,
            "cfd-leverage" => CalcMode::CfdLeverage,
            _ => return Err(unreadable("calculation", calc)),
        },
        currency_base: read("base currency", base)?,
        currency_profit: read("profit currency", profit)?,
        currency_margin: read("margin currency", margin)?,
        margin_conversion: read("margin conversion", to_margin)?,
        profit_conversion: read("profit conversion", to_profit)?,
        sessions: Some(sessions(open).ok_or_else(|| unreadable("sessions", open))?),
    };
    check(&spec)?;
    Ok(TableRow { spec, reference_price: read("reference price", price)?, spread_ticks: read("spread", spread)? })
}

/// `Mon-Fri/01:00-24:00`: the same hours on each of these days, by the server's clock.
fn sessions(words: &str) -> Option<TradeSessions> {
    let (days, hours) = words.split_once('/')?;
    let (first, last) = days.split_once('-')?;
    let (from, to) = hours.split_once('-')?;
    let day = |name: &str| DAYS.iter().position(|known| *known == name);
    let (first, last) = (day(first)?, day(last)?);
    let open = [Session { from_s: second(from)?, to_s: second(to)? }];
    let mut week: [&[Session]; WEEKDAYS] = [&[]; WEEKDAYS];
    week.get_mut(first..=last)?.fill(&open);
    TradeSessions::new(SERVER_AHEAD_S, &week).ok()
}

/// Second of the day at `HH:MM`.
fn second(words: &str) -> Option<u32> {
    let (hours, minutes) = words.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok().filter(|m| *m < 60)?);
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)
}

/// What every reader of specifications ends with: sizes are positive, and the tick value is what contract and rate make it.
pub(super) fn check(spec: &SymbolSpec) -> Result<(), SpecError> {
    let wrong = |what| Err(SpecError::Contradiction { symbol: spec.symbol.as_str().to_owned(), what });
    let sizes = [spec.volume_min, spec.volume_max, spec.volume_step, spec.contract_size];
    if spec.digits > 8 || !spec.tick_size.is_positive() || !sizes.iter().all(|size| size.is_positive()) {
        return wrong("digits, tick size, contract size and volumes must be positive, digits at most 8");
    }
    if !spec.tick_value.is_positive() || spec.volume_min > spec.volume_max {
        return wrong("the tick value must be positive, and the smallest volume not above the largest");
    }
    let scale = i64::from(100_000_000_u32);
    let per_tick = spec.tick_size.scale(spec.contract_size.raw(), scale);
    let value = per_tick.and_then(|amount| amount.scale(spec.profit_conversion.raw(), scale));
    let off = value.map(|value| value.raw().saturating_sub(spec.tick_value.raw()).saturating_abs());
    // Conversion rates are printed with fewer digits than they have: a thousandth is the same number.
    if off.is_none_or(|off| off > spec.tick_value.raw() / 1_000) {
        return wrong("tick value and tick size * contract size * profit conversion differ");
    }
    Ok(())
}

pub(super) fn unreadable(property: &str, value: &str) -> SpecError {
    SpecError::Value { property: property.to_owned(), value: value.to_owned() }
}

pub(super) fn read<T: FromStr>(property: &str, value: &str) -> Result<T, SpecError> {
    value.parse().map_err(|_| unreadable(property, value))
}
