//! What a strategy or an operator wants, before anybody agreed.

use aitrading_model::{AccountId, PositionTicket, Price, Side, StrategyId, Symbol, TenantId, Timestamp, Volume};

/// How many lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizing {
    /// Risk this many millionths of the equity; caps may shrink it.
    Fraction(u32),
    /// Exactly so many lots; nothing shrinks them, the controls refuse instead.
    Lots(Volume),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Open a position.
    Open {
        /// Stop loss; 0 for none, which fixed-fractional sizing refuses.
        stop_loss: Price,
        /// Take profit; 0 for none.
        take_profit: Price,
        /// How many lots.
        sizing: Sizing,
    },
    /// Close a position whole.
    Close {
        /// Which one.
        position: PositionTicket,
    },
}

/// A wish for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Whose.
    pub tenant: TenantId,
    /// Account.
    pub account: AccountId,
    /// Who wants it.
    pub strategy: StrategyId,
    /// Symbol.
    pub symbol: Symbol,
    /// Way of the order (a closing order goes against its position).
    pub side: Side,
    /// Open or close.
    pub action: Action,
    /// The price that the wish was made at; the collar compares it with the market.
    pub price: Price,
    /// When the wish was made.
    pub decided_at: Timestamp,
}
