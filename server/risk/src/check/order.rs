//! Controls 5, 6, 8 and 10: the order against the broker's rules, the market and the recent past; and the order itself.

use super::{Facts, Refuse};
use crate::{Action, Candidate, Denied, DenyCode, Inputs, KeyState, Limits, Order, Quantity};
use aitrading_model::{PositionState, Price, Side, SignalKind, TradeMode, Volume};

const MARKET: u8 = 1;
const STOP_LOSS: u8 = 16;
const TAKE_PROFIT: u8 = 32;

/// Control 5.
pub(super) fn permission(
    refuse: &Refuse,
    facts: &Facts<'_>,
    limits: &Limits,
    candidate: &Candidate,
) -> Result<(), Denied> {
    if !limits.symbol_allowed || facts.spec.symbol != candidate.symbol {
        return Err(refuse.plain(DenyCode::SymbolNotAllowed));
    }
    let opening = candidate.kind() == SignalKind::Open;
    let allowed = match facts.spec.trade_mode {
        TradeMode::Full => true,
        TradeMode::Disabled => false,
        TradeMode::CloseOnly => !opening,
        TradeMode::LongOnly => !opening || candidate.side == Side::Buy,
        TradeMode::ShortOnly => !opening || candidate.side == Side::Sell,
    };
    if !allowed {
        return Err(refuse.plain(DenyCode::TradeMode));
    }
    let mut needed = MARKET;
    if let Action::Open { stop_loss, take_profit, .. } = candidate.action {
        needed |= if stop_loss == Price::ZERO { 0 } else { STOP_LOSS };
        needed |= if take_profit == Price::ZERO { 0 } else { TAKE_PROFIT };
    }
    if facts.spec.order_mode & needed != needed {
        return Err(refuse.plain(DenyCode::OrderMode));
    }
    session_open(refuse, facts)
}

/// Control 5, last part. It holds for closing too: outside a trade session the trade server refuses every deal (10018).
fn session_open(refuse: &Refuse, facts: &Facts<'_>) -> Result<(), Denied> {
    let unknown = || refuse.plain(DenyCode::SessionUnknown);
    let sessions = facts.spec.sessions.as_ref().ok_or_else(unknown)?;
    let now = facts.inputs.market_now().ok_or_else(unknown)?;
    if sessions.is_open(now) { Ok(()) } else { Err(refuse.plain(DenyCode::SessionClosed)) }
}

/// Control 6 without the volume.
pub(super) fn syntax(refuse: &Refuse, facts: &Facts<'_>, candidate: &Candidate) -> Result<(), Denied> {
    let spec = facts.spec;
    let volumes = [spec.volume_min, spec.volume_step, spec.volume_max, spec.contract_size];
    let values = [spec.tick_value.raw(), spec.tick_value_loss.raw(), spec.tick_size.raw()];
    let conversions = [spec.margin_conversion.raw(), spec.profit_conversion.raw()];
    let positive = volumes.iter().all(|v| v.is_positive()) && values.iter().chain(&conversions).all(|v| *v > 0);
    if !positive || spec.volume_min > spec.volume_max {
        return Err(refuse.plain(DenyCode::BadSpec));
    }
    let quote = facts.quote;
    if !quote.bid.is_positive() || quote.ask < quote.bid || !candidate.price.is_positive() {
        return Err(refuse.plain(DenyCode::BadPrice));
    }
    match candidate.action {
        Action::Open { stop_loss, take_profit, .. } => stops(refuse, facts, stop_loss, take_profit),
        Action::Close { .. } => freeze(refuse, facts, &position(refuse, facts, candidate)?),
    }
}

/// Least distance of a stop from the market: the broker's level and one point more, since exact equality is not documented.
fn least_distance(facts: &Facts<'_>) -> Option<Price> {
    let points = i64::from(facts.spec.stops_level).checked_add(1)?;
    facts.spec.point().raw().checked_mul(points).map(Price::from_raw)
}

/// Stops are judged against the price at which the position would be closed.
fn stops(refuse: &Refuse, facts: &Facts<'_>, stop_loss: Price, take_profit: Price) -> Result<(), Denied> {
    let market = facts.quote.entry(facts.side.opposite());
    let least = least_distance(facts).ok_or_else(|| refuse.plain(DenyCode::Overflow))?;
    for (stop, is_loss) in [(stop_loss, true), (take_profit, false)] {
        if stop == Price::ZERO {
            continue;
        }
        if !stop.is_positive() || !stop.is_on_grid(facts.spec.tick_size) {
            return Err(refuse.plain(DenyCode::StopOffGrid));
        }
        let below = is_loss == (facts.side == Side::Buy);
        let distance = if below { market.checked_sub(stop) } else { stop.checked_sub(market) };
        let distance = distance.ok_or_else(|| refuse.plain(DenyCode::Overflow))?;
        if distance < least {
            let (value, bound) = (Quantity::Price(distance), Quantity::Price(least));
            return Err(refuse.bound(DenyCode::StopTooClose, "", value, bound));
        }
    }
    Ok(())
}

/// Nothing of a position whose stop is about to be hit may be changed.
fn freeze(refuse: &Refuse, facts: &Facts<'_>, position: &PositionState) -> Result<(), Denied> {
    if facts.spec.freeze_level == 0 {
        return Ok(());
    }
    let market = facts.quote.entry(position.side.opposite());
    let level = facts.spec.point().raw().saturating_mul(i64::from(facts.spec.freeze_level));
    for stop in [position.stop_loss, position.take_profit] {
        let distance = market.raw().saturating_sub(stop.raw()).saturating_abs();
        if stop != Price::ZERO && distance <= level {
            let (value, bound) = (Quantity::Price(Price::from_raw(distance)), Quantity::Price(Price::from_raw(level)));
            return Err(refuse.bound(DenyCode::Frozen, "", value, bound));
        }
    }
    Ok(())
}

/// The position that a closing order names. One that is not listed is denied, and not taken for closed: the snapshot may be older
/// than the position, and what is dropped here is what nobody closes. The engine's own table follows each snapshot, so a wish for
/// a position that its stop has closed meets this at most until the next one.
pub(super) fn position(refuse: &Refuse, facts: &Facts<'_>, candidate: &Candidate) -> Result<PositionState, Denied> {
    let ticket = candidate.position();
    let fits =
        |p: &&PositionState| p.ticket == ticket && p.symbol == candidate.symbol && p.side == candidate.side.opposite();
    facts.account.positions.iter().find(fits).copied().ok_or_else(|| refuse.plain(DenyCode::UnknownPosition))
}

/// Control 8. A wide spread keeps nobody from closing.
pub(super) fn collar(refuse: &Refuse, facts: &Facts<'_>, limits: &Limits, candidate: &Candidate) -> Result<(), Denied> {
    let distance = facts.distance_ppm(candidate.price).ok_or_else(|| refuse.plain(DenyCode::Overflow))?;
    let collar = i64::from(limits.collar_ppm);
    if distance > collar {
        return Err(refuse.bound(DenyCode::PriceCollar, "collar_ppm", Quantity::Ppm(distance), Quantity::Ppm(collar)));
    }
    let spread = facts.quote.ask.raw().saturating_sub(facts.quote.bid.raw());
    let points = spread.checked_div(facts.spec.point().raw()).unwrap_or(i64::MAX);
    let most = i64::from(limits.spread_points);
    if candidate.kind() == SignalKind::Open && points > most {
        let (value, bound) = (Quantity::Points(points), Quantity::Points(most));
        return Err(refuse.bound(DenyCode::SpreadTooWide, "spread_points", value, bound));
    }
    Ok(())
}

/// Control 10.
pub(super) fn duplicate(
    refuse: &Refuse,
    inputs: &Inputs<'_>,
    limits: &Limits,
    candidate: &Candidate,
    lots: Volume,
) -> Result<(), Denied> {
    match inputs.key {
        KeyState::None | KeyState::Unused => {}
        KeyState::Reused => return Err(refuse.plain(DenyCode::KeyReused)),
        KeyState::TooOld => return Err(refuse.plain(DenyCode::KeyTooOld)),
        KeyState::Ahead => return Err(refuse.plain(DenyCode::KeyAhead)),
        KeyState::Malformed => return Err(refuse.plain(DenyCode::KeyMalformed)),
    }
    let window = i64::try_from(limits.duplicate_ms).unwrap_or(i64::MAX);
    for recent in inputs.recent {
        // Stops and targets do not make it another order: they would let a stuck caller through at every move of the market.
        let same = recent.strategy == candidate.strategy
            && recent.symbol == candidate.symbol
            && recent.side == candidate.side
            && recent.position == candidate.position()
            && recent.lots == lots;
        let age = inputs.market.since_ms(recent.market).saturating_abs();
        if same && age < window {
            let (value, bound) = (Quantity::Millis(age), Quantity::Millis(window));
            return Err(refuse.bound(DenyCode::Duplicate, "duplicate_ms", value, bound));
        }
    }
    Ok(())
}

/// The order with its price bounds. Opening: a narrow band that never reaches the stop. Closing: the whole collar.
pub(super) fn build(facts: &Facts<'_>, limits: &Limits, candidate: &Candidate, lots: Volume) -> Option<Order> {
    let (stop_loss, take_profit) = match candidate.action {
        Action::Open { stop_loss, take_profit, .. } => (stop_loss, take_profit),
        Action::Close { .. } => (Price::ZERO, Price::ZERO),
    };
    let collar = facts.entry.scale(i64::from(limits.collar_ppm), 1_000_000)?;
    let band = facts.spec.point().raw().checked_mul(i64::from(limits.slippage_points))?;
    let band = if candidate.kind() == SignalKind::Open { collar.min(Price::from_raw(band)) } else { collar };
    let mut low = facts.entry.checked_sub(band)?.max(Price::from_raw(1));
    let mut high = facts.entry.checked_add(band)?;
    if stop_loss != Price::ZERO {
        let least = least_distance(facts)?;
        match facts.side {
            Side::Buy => low = low.max(stop_loss.checked_add(least)?),
            Side::Sell => high = high.min(stop_loss.checked_sub(least)?),
        }
    }
    Some(Order {
        tenant: candidate.tenant,
        account: candidate.account,
        strategy: candidate.strategy,
        symbol: candidate.symbol,
        kind: candidate.kind(),
        side: candidate.side,
        position: candidate.position(),
        lots,
        price: facts.entry,
        price_min: low,
        price_max: high,
        deviation: limits.slippage_points,
        stop_loss,
        take_profit,
    })
}
