//! Everything that the controls look at, handed over by value or reference: nothing is fetched.

use crate::{Reservation, TradingState};
use aitrading_model::{
    AccountState, MarketTime, Money, Price, Side, StrategyId, Symbol, SymbolSpec, Timestamp, Volume,
};

/// A value with the receive time of its last confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamped<T> {
    /// The value.
    pub value: T,
    /// When it was last heard.
    pub at: Timestamp,
}

/// Bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
}

impl Quote {
    /// The price at which an order of that side executes.
    #[must_use]
    pub const fn entry(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}

/// What the subscription says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// Covers account and symbol, active, not expired, automatic trading on.
    Active,
    /// There is none.
    Absent,
    /// Its end has passed.
    Expired,
    /// Not paid.
    Lapsed,
    /// Suspended by an operator.
    Suspended,
    /// Does not cover the symbol.
    SymbolNotCovered,
    /// The subscriber switched automatic trading off.
    AutoTradingOff,
    /// The store cannot be read, and the last answer is too old.
    Unreadable,
}

/// The state of the session that would carry the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// None.
    Down,
    /// Hello was said; not set up yet.
    Opening,
    /// Up, but an earlier outcome on the account is unknown.
    Unresolved,
    /// Up and reconciled.
    Ready,
}

/// An order decided a short while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// Who wanted it.
    pub strategy: StrategyId,
    /// Symbol.
    pub symbol: Symbol,
    /// Way.
    pub side: Side,
    /// Lots.
    pub lots: Volume,
    /// Position that it closes; 0 when it opened one.
    pub position: aitrading_model::PositionTicket,
    /// Market time of the decision.
    pub market: MarketTime,
    /// Idempotency key, if there was one.
    pub key: Option<[u8; 16]>,
}

/// The world as known for one account and symbol. `None` means unknown, and unknown denies.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Receive time.
    pub now: Timestamp,
    /// The latest receive time that binds the clock: it must not stand before it.
    pub last_issued: Timestamp,
    /// How far a stamp may lie after `now`, in nanoseconds: clocks are slewed. Beyond it the stamp has no age.
    pub clock_step_ns: i64,
    /// Market time of the symbol.
    pub market: MarketTime,
    /// Strictest trading state of all levels.
    pub state: TradingState,
    /// Subscription.
    pub entitlement: Entitlement,
    /// Session.
    pub gate: Gate,
    /// Account, as last told.
    pub account: Option<Stamped<&'a AccountState>>,
    /// Symbol specification, as last told.
    pub spec: Option<Stamped<&'a SymbolSpec>>,
    /// Latest quote.
    pub quote: Option<Stamped<Quote>>,
    /// Notional value of all open positions in deposit currency.
    pub exposure: Option<Money>,
    /// What is in flight: undecided, sent, or with unknown outcome.
    pub reserved: &'a [Reservation],
    /// Recent orders of the account.
    pub recent: &'a [Recent],
}
