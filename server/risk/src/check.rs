//! The controls, in the order of the check list; the first that fails is the verdict.

mod order;
mod reducing;
mod session;

use crate::{
    Action, Approved, Candidate, Denied, DenyCode, Inputs, Limits, Order, Quantity, Quote, Reservation, SizeChain,
    Sizing, TradingState, loss_of,
    sizing::{budget, fractional, is_on_grid},
    wide::notional,
};
use aitrading_model::{AccountState, Money, Price, Side, SignalKind, SymbolSpec, Volume};

/// What the session gate has proved to be there and fresh.
pub(crate) struct Facts<'a> {
    pub(crate) inputs: &'a Inputs<'a>,
    pub(crate) account: &'a AccountState,
    pub(crate) spec: &'a SymbolSpec,
    pub(crate) quote: Quote,
    pub(crate) side: Side,
    /// The price at which the order would execute now.
    pub(crate) entry: Price,
}

/// Builds a refusal.
pub(crate) struct Refuse {
    version: u32,
}

impl Refuse {
    pub(crate) const fn plain(&self, code: DenyCode) -> Denied {
        Denied { code, limit: "", value: None, bound: None, limits_version: self.version }
    }

    pub(crate) const fn bound(&self, code: DenyCode, limit: &'static str, value: Quantity, bound: Quantity) -> Denied {
        Denied { code, limit, value: Some(value), bound: Some(bound), limits_version: self.version }
    }

    const fn overflow(&self) -> Denied {
        self.plain(DenyCode::Overflow)
    }
}

/// Runs controls 1 to 8, 10, 14, 16 and 23.
///
/// # Errors
/// The first control that fails.
pub fn check(inputs: &Inputs<'_>, limits: &Limits, candidate: &Candidate) -> Result<Approved<Order>, Denied> {
    let refuse = Refuse { version: limits.version };
    session::trading_state(&refuse, inputs, candidate)?;
    // The clock's part of control 4 goes first: every age that follows is measured with it.
    session::clock(&refuse, inputs)?;
    session::entitlement(&refuse, inputs)?;
    let facts = session::gate(&refuse, inputs, limits, candidate)?;
    session::validity(&refuse, inputs, limits, candidate)?;
    order::permission(&refuse, &facts, limits, candidate)?;
    order::syntax(&refuse, &facts, candidate)?;
    let chain = size(&refuse, &facts, limits, candidate)?;
    let lots = chain.lots();
    if inputs.state == TradingState::Reducing {
        reducing::size(&refuse, inputs, candidate, lots)?;
    }
    if candidate.kind() == SignalKind::Open {
        max_size(&refuse, &facts, limits, lots)?;
    }
    order::collar(&refuse, &facts, limits, candidate)?;
    order::duplicate(&refuse, inputs, limits, candidate, lots)?;
    let reservation = reserve(&refuse, &facts, limits, candidate, lots)?;
    let order = order::build(&facts, limits, candidate, lots).ok_or_else(|| refuse.overflow())?;
    Ok(Approved::new(order, reservation, chain, limits.version))
}

/// Size, and the volume part of control 6.
fn size(refuse: &Refuse, facts: &Facts<'_>, limits: &Limits, candidate: &Candidate) -> Result<SizeChain, Denied> {
    let chain = match candidate.action {
        Action::Close { .. } => SizeChain::exactly(order::position(refuse, facts, candidate)?.volume),
        Action::Open { sizing: Sizing::Lots(lots), .. } => SizeChain::exactly(lots),
        Action::Open { stop_loss, .. } if !stop_loss.is_positive() => {
            return Err(refuse.plain(DenyCode::StopRequired));
        }
        Action::Open { sizing: Sizing::Fraction(ppm), stop_loss, .. } => {
            if facts.inputs.exposure.is_none() {
                return Err(refuse.plain(DenyCode::UnknownExposure));
            }
            let chain = fractional(facts, limits, ppm, stop_loss).ok_or_else(|| refuse.overflow())?;
            if chain.lots() < facts.spec.volume_min {
                let raw = chain.steps().iter().rev().nth(1).map_or(Volume::ZERO, |step| step.lots);
                let (value, bound) = (Quantity::Volume(raw), Quantity::Volume(facts.spec.volume_min));
                return Err(refuse.bound(DenyCode::BelowMinVolume, "", value, bound));
            }
            chain
        }
    };
    let lots = chain.lots();
    if !is_on_grid(facts.spec, lots) {
        let (value, bound) = (Quantity::Volume(lots), Quantity::Volume(facts.spec.volume_step));
        return Err(refuse.bound(DenyCode::VolumeOffGrid, "", value, bound));
    }
    Ok(chain)
}

/// Control 7.
fn max_size(refuse: &Refuse, facts: &Facts<'_>, limits: &Limits, lots: Volume) -> Result<(), Denied> {
    if lots > limits.lots_max {
        let (value, bound) = (Quantity::Volume(lots), Quantity::Volume(limits.lots_max));
        return Err(refuse.bound(DenyCode::OrderTooLarge, "lots_max", value, bound));
    }
    let value = notional(facts.spec, lots, facts.entry).ok_or_else(|| refuse.overflow())?;
    if value > limits.notional_max {
        let (value, bound) = (Quantity::Money(value), Quantity::Money(limits.notional_max));
        return Err(refuse.bound(DenyCode::NotionalTooLarge, "notional_max", value, bound));
    }
    Ok(())
}

/// Controls 14, 16 and 23: what the order may lose and bind, as a reservation. Closing binds nothing.
fn reserve(
    refuse: &Refuse,
    facts: &Facts<'_>,
    limits: &Limits,
    candidate: &Candidate,
    lots: Volume,
) -> Result<Reservation, Denied> {
    let Action::Open { stop_loss, .. } = candidate.action else {
        return Ok(Reservation {
            symbol: candidate.symbol,
            side: candidate.side,
            kind: SignalKind::Close,
            lots,
            risk: Money::ZERO,
            margin: Money::ZERO,
            exposure: Money::ZERO,
        });
    };
    let risk = risk(refuse, facts, limits, lots, stop_loss)?;
    let (margin, exposure) = margin(refuse, facts, limits, lots)?;
    let (symbol, side) = (candidate.symbol, candidate.side);
    Ok(Reservation { symbol, side, kind: SignalKind::Open, lots, risk, margin, exposure })
}

/// Control 14.
fn risk(refuse: &Refuse, facts: &Facts<'_>, limits: &Limits, lots: Volume, stop: Price) -> Result<Money, Denied> {
    if !stop.is_positive() {
        return Err(refuse.plain(DenyCode::StopRequired));
    }
    let risk = loss_of(facts.spec, limits, lots, facts.entry, stop).ok_or_else(|| refuse.overflow())?;
    let most = budget(facts.account.equity, limits.risk_ppm).ok_or_else(|| refuse.overflow())?;
    if risk > most {
        return Err(refuse.bound(DenyCode::RiskTooHigh, "risk_ppm", Quantity::Money(risk), Quantity::Money(most)));
    }
    Ok(risk)
}

/// Control 16: margin and value of the order.
fn margin(refuse: &Refuse, facts: &Facts<'_>, limits: &Limits, lots: Volume) -> Result<(Money, Money), Denied> {
    let over = || refuse.overflow();
    let margin = facts.spec.margin(lots, facts.entry, facts.account.leverage).ok_or_else(over)?;
    let exposure = notional(facts.spec, lots, facts.entry).ok_or_else(over)?;
    if facts.inputs.exposure.is_none() {
        return Err(refuse.plain(DenyCode::UnknownExposure));
    }
    let rooms = [
        (DenyCode::MarginFloor, "free_margin_floor", margin, facts.free_margin_room(limits)),
        (DenyCode::MarginLevel, "margin_level_percent", margin, facts.level_room(limits)),
        (DenyCode::Leverage, "leverage_max", exposure, facts.leverage_room(limits)),
    ];
    for (code, limit, value, room) in rooms {
        let room = room.ok_or_else(over)?;
        if value > room {
            return Err(refuse.bound(code, limit, Quantity::Money(value), Quantity::Money(room)));
        }
    }
    Ok((margin, exposure))
}
