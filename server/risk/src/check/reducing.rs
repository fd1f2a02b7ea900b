//! Control 1 under REDUCING: only what makes the symbol's net position smaller, whatever becomes of the orders in flight.

use super::Refuse;
use crate::{Candidate, Denied, DenyCode, Inputs, Quantity};
use aitrading_model::{Side, SignalKind, Volume};

/// The net position of the symbol, long positive, at its lowest and highest: every order in flight may be executed or not.
struct Net {
    low: i128,
    high: i128,
}

const fn signed(side: Side, lots: Volume) -> i128 {
    let lots = lots.raw() as i128;
    match side {
        Side::Buy => lots,
        Side::Sell => lots.saturating_neg(),
    }
}

impl Net {
    /// `None` without a snapshot of the account.
    fn of(inputs: &Inputs<'_>, candidate: &Candidate) -> Option<Self> {
        let held = inputs.account?.value.positions.iter().filter(|p| p.symbol == candidate.symbol);
        let net = held.fold(0_i128, |net, p| net.saturating_add(signed(p.side, p.volume)));
        let mut range = Self { low: net, high: net };
        for order in inputs.reserved.iter().filter(|r| r.symbol == candidate.symbol) {
            let change = signed(order.side, order.lots);
            range.low = range.low.saturating_add(change.min(0));
            range.high = range.high.saturating_add(change.max(0));
        }
        Some(range)
    }

    /// The smallest position that an order of that side goes against; 0 or less if it does not go against one for certain.
    const fn against(&self, side: Side) -> i128 {
        match side {
            Side::Buy => self.high.saturating_neg(),
            Side::Sell => self.low,
        }
    }
}

/// Before the size is known: an order that goes with the position, or against none, cannot make it smaller. An order to close
/// may do that too: on a hedging account it can uncover the other leg.
pub(super) fn direction(refuse: &Refuse, inputs: &Inputs<'_>, candidate: &Candidate) -> Result<(), Denied> {
    match Net::of(inputs, candidate) {
        Some(net) if net.against(candidate.side) > 0 => Ok(()),
        // Control 3 refuses a closing order without an account by its own name.
        None if candidate.kind() == SignalKind::Close => Ok(()),
        Some(_) | None => Err(refuse.plain(DenyCode::Reducing)),
    }
}

/// With the size: the new net position must be strictly smaller, so an order may not turn it by as much either.
pub(super) fn size(refuse: &Refuse, inputs: &Inputs<'_>, candidate: &Candidate, lots: Volume) -> Result<(), Denied> {
    let old = Net::of(inputs, candidate).map_or(0, |net| net.against(candidate.side));
    let new = old.saturating_sub(i128::from(lots.raw())).saturating_abs();
    if new < old {
        return Ok(());
    }
    let volume = |lots: i128| Quantity::Volume(Volume::from_raw(i64::try_from(lots).unwrap_or(i64::MAX)));
    Err(refuse.bound(DenyCode::Reducing, "", volume(new), volume(old)))
}
