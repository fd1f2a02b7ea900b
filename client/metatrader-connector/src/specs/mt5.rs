//! Reading a specification in the terminal's own words: `Property,Value` lines.

use super::{
    SpecError,
    table::{check, read, unreadable},
};
use aitrading_model::{
    CalcMode, Currency, ExecutionMode, FillingModes, Money, Price, SCALE, Symbol, SymbolSpec, TradeMode, TradeSessions,
    Volume,
};
use std::collections::BTreeMap;

type Properties<'a> = BTreeMap<&'a str, &'a str>;

/// Reads a specification that was exported from a terminal's specification window. The file names no symbol, no deposit
/// currency and no sessions, so all are handed over; rates follow from tick value and contract size.
///
/// # Errors
/// [`SpecError`] with the property that is missing, cannot be read or contradicts another.
pub fn from_mt5_spec_csv(
    symbol: Symbol,
    deposit: Currency,
    sessions: Option<TradeSessions>,
    text: &str,
) -> Result<SymbolSpec, SpecError> {
    let pairs = text.lines().filter_map(|line| line.trim_end().split_once(','));
    let properties: Properties<'_> = pairs.map(|(name, value)| (name, value.trim_matches('"'))).collect();
    let get = |name: &'static str| properties.get(name).copied().ok_or(SpecError::Missing(name));
    let tick_size: Price = read("Tick size", get("Tick size")?)?;
    let contract_size: Volume = read("Contract size", get("Contract size")?)?;
    let tick_value: Money = read("Tick value", get("Tick value")?)?;
    let margin_currency = read("Margin currency", get("Margin currency")?)?;
    let profit_currency = read("Profit currency", get("Profit currency")?)?;
    let per_tick = tick_size.scale(contract_size.raw(), SCALE).filter(|amount| amount.is_positive());
    let rate = per_tick.and_then(|amount| Price::from_raw(tick_value.raw()).scale(SCALE, amount.raw()));
    let profit_conversion = rate.ok_or_else(|| unreadable("Tick value", &tick_value.to_string()))?;
    let margin_conversion = if margin_currency == deposit {
        Price::ONE
    } else if margin_currency == profit_currency {
        profit_conversion
    } else {
        return Err(SpecError::Contradiction {
            symbol: symbol.as_str().to_owned(),
            what: "margin currency is neither deposit nor profit currency, so its rate is unknown; add it to the table",
        });
    };
    let spec = SymbolSpec {
        symbol,
        digits: read("Digits", get("Digits")?)?,
        contract_size,
        tick_size,
        tick_value,
        tick_value_loss: tick_value,
        volume_min: read("Minimal volume", get("Minimal volume")?)?,
        volume_max: read("Maximal volume", get("Maximal volume")?)?,
        volume_step: read("Volume step", get("Volume step")?)?,
        volume_limit: Volume::ZERO,
        stops_level: read("Stops level", get("Stops level")?)?,
        freeze_level: properties.get("Freeze level").map_or(Ok(0), |value| read("Freeze level", value))?,
        trade_mode: trade_mode(get("Trade")?)?,
        execution: execution(get("Execution")?)?,
        filling: filling(get("Filling")?)?,
        order_mode: order_mode(get("Orders")?)?,
        calc_mode: calc_mode(get("Calculation")?)?,
        currency_base: margin_currency,
        currency_profit: profit_currency,
        currency_margin: margin_currency,
        margin_conversion,
        profit_conversion,
        sessions,
    };
    check(&spec)?;
    Ok(spec)
}

fn trade_mode(words: &str) -> Result<TradeMode, SpecError> {
    Ok(match words {
        "Disabled" => TradeMode::Disabled,
        "Long only" => TradeMode::LongOnly,
        "Short only" => TradeMode::ShortOnly,
        "Close only" => TradeMode::CloseOnly,
        "Full access" => TradeMode::Full,
        _ => return Err(unreadable("Trade", words)),
    })
}

fn execution(words: &str) -> Result<ExecutionMode, SpecError> {
    Ok(match words {
        "Request" => ExecutionMode::Request,
        "Instant" => ExecutionMode::Instant,
        "Market" => ExecutionMode::Market,
        "Exchange" => ExecutionMode::Exchange,
        _ => return Err(unreadable("Execution", words)),
    })
}

fn calc_mode(words: &str) -> Result<CalcMode, SpecError> {
    Ok(match words {
        "Forex" => CalcMode::Forex,
        "CFD" => CalcMode::Cfd,
        "CFD Leverage" => CalcMode::CfdLeverage,
        "Forex No Leverage" => CalcMode::ForexNoLeverage,
        _ => return Err(unreadable("Calculation", words)),
    })
}

fn filling(words: &str) -> Result<FillingModes, SpecError> {
    let flag = |word: &str| match word {
        "Fill or Kill" => Ok(FillingModes::FOK),
        "Immediate or Cancel" => Ok(FillingModes::IOC),
        "All" => Ok(FillingModes::FOK | FillingModes::IOC),
        _ => Err(unreadable("Filling", words)),
    };
    words.split(',').map(str::trim).try_fold(0, |flags, word| Ok(flags | flag(word)?)).map(FillingModes)
}

fn order_mode(words: &str) -> Result<u8, SpecError> {
    let bit = |word: &str| match word {
        "Market" => Ok(1),
        "Limit" => Ok(2),
        "Stop" => Ok(4),
        "Stop Limit" => Ok(8),
        "Stop Loss" => Ok(16),
        "Take Profit" => Ok(32),
        "Close By" => Ok(64),
        "All" => Ok(127),
        _ => Err(unreadable("Orders", words)),
    };
    words.split(',').map(str::trim).try_fold(0, |bits, word| Ok(bits | bit(word)?))
}
