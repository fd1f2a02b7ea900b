//! How many lots: fixed-fractional sizing in exact decimals, each cap on record.

use crate::{
    Limits,
    check::Facts,
    wide::{mul_div_ceil, mul_div_floor, notional, quotient, quotient_ceil},
};
use aitrading_model::{Money, Price, SCALE, SymbolSpec, Volume};

const PPM: i64 = 1_000_000;

/// One step of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeStep {
    /// `raw`, the cap's name, or `final`.
    pub name: &'static str,
    /// Lots after it.
    pub lots: Volume,
}

/// How a size came about: `raw`, after each cap, `final`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SizeChain(Vec<SizeStep>);

impl SizeChain {
    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[SizeStep] {
        &self.0
    }

    /// Lots after the last step.
    #[must_use]
    pub fn lots(&self) -> Volume {
        self.0.last().map_or(Volume::ZERO, |step| step.lots)
    }

    fn push(&mut self, name: &'static str, lots: Volume) {
        self.0.push(SizeStep { name, lots });
    }

    fn cap(&mut self, name: &'static str, bound: Volume) {
        let lots = self.lots().min(bound);
        self.push(name, lots);
    }

    /// A size that somebody named.
    pub(crate) fn exactly(lots: Volume) -> Self {
        let mut chain = Self::default();
        chain.push("raw", lots);
        chain.push("final", lots);
        chain
    }
}

/// The largest size on the broker's grid that is not above `lots`; zero if even the minimum is.
pub(crate) fn floor_to_grid(spec: &SymbolSpec, lots: Volume) -> Option<Volume> {
    let (min, step) = (spec.volume_min.raw(), spec.volume_step.raw());
    if lots.raw() < min {
        return Some(Volume::ZERO);
    }
    let steps = lots.raw().checked_sub(min)?.checked_div(step)?;
    steps.checked_mul(step)?.checked_add(min).map(Volume::from_raw)
}

/// On the broker's grid and within its bounds?
pub(crate) fn is_on_grid(spec: &SymbolSpec, lots: Volume) -> bool {
    lots >= spec.volume_min && lots <= spec.volume_max && floor_to_grid(spec, lots) == Some(lots)
}

/// Loss of one lot between entry and stop, with commission and expected slippage, in raw money.
fn loss_per_lot(spec: &SymbolSpec, limits: &Limits, entry: Price, stop: Price) -> Option<i128> {
    let ticks = entry.checked_sub(stop)?.abs().ticks_ceil(spec.tick_size)?;
    let ticks = i128::from(ticks).checked_add(i128::from(limits.slippage_ticks))?;
    let loss = ticks.checked_mul(i128::from(spec.tick_value_loss.raw()))?;
    loss.checked_add(i128::from(limits.commission_per_lot.raw()))
}

/// Loss of `lots` at the stop, rounded up; `None` if it cannot be computed.
#[must_use]
pub fn loss_of(spec: &SymbolSpec, limits: &Limits, lots: Volume, entry: Price, stop: Price) -> Option<Money> {
    let product = loss_per_lot(spec, limits, entry, stop)?.checked_mul(i128::from(lots.raw()))?;
    quotient_ceil(product, i128::from(SCALE)).map(Money::from_raw)
}

/// The most that may be lost, rounded down.
pub(crate) fn budget(equity: Money, ppm: u32) -> Option<Money> {
    mul_div_floor(equity.raw(), i64::from(ppm), PPM).map(Money::from_raw)
}

fn lots_for(money: Money, loss: i128) -> Option<Volume> {
    let scaled = i128::from(money.raw().max(0)).checked_mul(i128::from(SCALE))?;
    // A loss of nothing per lot would allow endless lots: no cap can be named, so there is no size.
    quotient(scaled, loss).map(Volume::from_raw)
}

/// Fixed-fractional size with its caps. `None` if a number does not fit: the caller must refuse.
pub(crate) fn fractional(facts: &Facts<'_>, limits: &Limits, ppm: u32, stop: Price) -> Option<SizeChain> {
    let spec = facts.spec;
    let loss = loss_per_lot(spec, limits, facts.entry, stop)?;
    let mut chain = SizeChain::default();
    chain.push("raw", lots_for(budget(facts.account.equity, ppm)?, loss)?);
    chain.cap("risk_limit", lots_for(budget(facts.account.equity, limits.risk_ppm)?, loss)?);
    chain.cap("volume_max", spec.volume_max.min(limits.lots_max));
    if spec.volume_limit.is_positive() {
        let taken = facts.lots_same_way()?;
        chain.cap("volume_limit", Volume::from_raw(spec.volume_limit.raw().saturating_sub(taken.raw()).max(0)));
    }
    chain.cap("exposure", exposure_cap(facts, limits)?);
    chain.cap("margin", margin_cap(facts, limits)?);
    let lots = floor_to_grid(spec, chain.lots())?;
    chain.push("final", lots);
    Some(chain)
}

/// Lots whose value stays within the order limit and the effective leverage.
fn exposure_cap(facts: &Facts<'_>, limits: &Limits) -> Option<Volume> {
    let room = facts.leverage_room(limits)?.min(limits.notional_max);
    let per_lot = notional(facts.spec, Volume::ONE, facts.entry)?;
    mul_div_floor(room.raw().max(0), SCALE, per_lot.raw()).map(|raw| Volume::from_raw(raw.saturating_sub(1).max(0)))
}

/// Lots whose margin leaves the floor and the margin level.
fn margin_cap(facts: &Facts<'_>, limits: &Limits) -> Option<Volume> {
    let room = facts.margin_room(limits)?;
    let per_lot = facts.spec.margin(Volume::ONE, facts.entry, facts.account.leverage)?;
    mul_div_floor(room.raw().max(0), SCALE, per_lot.raw()).map(|raw| Volume::from_raw(raw.saturating_sub(1).max(0)))
}

impl Facts<'_> {
    /// Lots open and in flight on the same symbol and side.
    fn lots_same_way(&self) -> Option<Volume> {
        let same = |symbol, side| symbol == self.spec.symbol && side == self.side;
        let open = self.account.positions.iter().filter(|p| same(p.symbol, p.side)).map(|p| p.volume);
        let flying = self.inputs.reserved.iter().filter(|r| r.kind == aitrading_model::SignalKind::Open);
        let flying = flying.filter(|r| same(r.symbol, r.side)).map(|r| r.lots);
        open.chain(flying).try_fold(Volume::ZERO, Volume::checked_add)
    }

    fn reserved_sum(&self, part: impl Fn(&crate::Reservation) -> Money) -> Option<Money> {
        self.inputs.reserved.iter().map(part).try_fold(Money::ZERO, Money::checked_add)
    }

    /// Value that may still be added under the effective leverage.
    pub(crate) fn leverage_room(&self, limits: &Limits) -> Option<Money> {
        let most = self.account.equity.raw().checked_mul(i64::from(limits.leverage_max))?;
        let taken = self.inputs.exposure?.checked_add(self.reserved_sum(|r| r.exposure)?)?;
        Money::from_raw(most).checked_sub(taken)
    }

    /// Free margin after what is in flight and the floor.
    pub(crate) fn free_margin_room(&self, limits: &Limits) -> Option<Money> {
        let reserved = self.reserved_sum(|r| r.margin)?;
        self.account.free_margin.checked_sub(reserved)?.checked_sub(limits.free_margin_floor)
    }

    /// Margin that may be added before the level falls below its limit.
    pub(crate) fn level_room(&self, limits: &Limits) -> Option<Money> {
        let reserved = self.reserved_sum(|r| r.margin)?;
        let percent = i64::from(limits.margin_level_percent.max(1));
        let most = Money::from_raw(mul_div_floor(self.account.equity.raw(), 100, percent)?);
        most.checked_sub(self.account.margin)?.checked_sub(reserved)
    }

    fn margin_room(&self, limits: &Limits) -> Option<Money> {
        Some(self.free_margin_room(limits)?.min(self.level_room(limits)?))
    }

    /// Distance of `price` from the middle of the quote, in millionths of it, rounded up.
    pub(crate) fn distance_ppm(&self, price: Price) -> Option<i64> {
        let twice_mid = self.quote.bid.checked_add(self.quote.ask)?;
        let twice = price.raw().checked_mul(2)?.checked_sub(twice_mid.raw())?.checked_abs()?;
        mul_div_ceil(twice, PPM, twice_mid.raw())
    }
}
