//! An order that passed every control, and what it reserves.

use crate::{Candidate, SizeChain};
use aitrading_model::{
    AccountId, Money, PositionTicket, Price, Side, SignalKind, StrategyId, Symbol, TenantId, Volume,
};

/// What an order in flight takes away from the account until its outcome is known (control 23).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Symbol.
    pub symbol: Symbol,
    /// Way of the order.
    pub side: Side,
    /// Open or close.
    pub kind: SignalKind,
    /// Lots.
    pub lots: Volume,
    /// Loss at the stop.
    pub risk: Money,
    /// Margin.
    pub margin: Money,
    /// Notional value.
    pub exposure: Money,
}

/// An order as risk allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Whose.
    pub tenant: TenantId,
    /// Account.
    pub account: AccountId,
    /// Who wanted it.
    pub strategy: StrategyId,
    /// Symbol.
    pub symbol: Symbol,
    /// Open or close.
    pub kind: SignalKind,
    /// Way of the order.
    pub side: Side,
    /// Position to close; 0 when opening.
    pub position: PositionTicket,
    /// Exactly so many lots.
    pub lots: Volume,
    /// The market's price when it was allowed.
    pub price: Price,
    /// Lowest market price at which it may be sent.
    pub price_min: Price,
    /// Highest market price at which it may be sent.
    pub price_max: Price,
    /// Deviation in points for execution modes that know one.
    pub deviation: u32,
    /// Stop loss; 0 for none.
    pub stop_loss: Price,
    /// Take profit; 0 for none.
    pub take_profit: Price,
}

/// Something that passed every control. Nobody outside this crate can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved<T> {
    order: T,
    reservation: Reservation,
    chain: SizeChain,
    limits_version: u32,
}

impl<T> Approved<T> {
    pub(crate) const fn new(order: T, reservation: Reservation, chain: SizeChain, limits_version: u32) -> Self {
        Self { order, reservation, chain, limits_version }
    }

    /// What was allowed.
    pub const fn order(&self) -> &T {
        &self.order
    }

    /// What it reserves.
    pub const fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// How its size came about.
    pub const fn chain(&self) -> &SizeChain {
        &self.chain
    }

    /// Version of the limits that allowed it.
    pub const fn limits_version(&self) -> u32 {
        self.limits_version
    }
}

impl Candidate {
    /// Tenant and account.
    #[must_use]
    pub const fn account_key(&self) -> (TenantId, AccountId) {
        (self.tenant, self.account)
    }

    /// Open or close.
    #[must_use]
    pub const fn kind(&self) -> SignalKind {
        match self.action {
            crate::Action::Open { .. } => SignalKind::Open,
            crate::Action::Close { .. } => SignalKind::Close,
        }
    }

    /// The position to close; 0 when opening.
    #[must_use]
    pub const fn position(&self) -> PositionTicket {
        match self.action {
            crate::Action::Open { .. } => PositionTicket(0),
            crate::Action::Close { position } => position,
        }
    }
}
