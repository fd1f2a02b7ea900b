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

/// How far a quote had lagged behind its market when it came. Receive time cannot tell: after an outage old ticks come just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketLag {
    /// So many milliseconds more than usual.
    Millis(i64),
    /// The feed is replayed history: its market time says nothing about its age.
    Replayed,
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
}

/// What is known of the idempotency key that an order comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Strategies have none.
    None,
    /// Its time is inside the window whose keys are all remembered, and it is not among them.
    Unused,
    /// It was used for another order.
    Reused,
    /// Older than the window: whether it was used is no longer known.
    TooOld,
    /// Made after now: its outcome could be forgotten before its time.
    Ahead,
    /// It carries no time.
    Malformed,
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
    /// Its lag; `None`: unknown.
    pub market_lag: Option<MarketLag>,
    /// Notional value of all open positions in deposit currency.
    pub exposure: Option<Money>,
    /// What is in flight: undecided, sent, or with unknown outcome.
    pub reserved: &'a [Reservation],
    /// Recent orders of the account.
    pub recent: &'a [Recent],
    /// The order's idempotency key. The same order under a known key is answered before it is checked.
    pub key: KeyState,
}

impl Inputs<'_> {
    /// Market time of now: the symbol's latest, and the receive time that has passed since it was quoted. A market that fell silent
    /// goes on by the clock. In UTC, as every market time: who stamps ticks by another clock translates them. `None` without a quote.
    pub(crate) fn market_now(&self) -> Option<MarketTime> {
        let silent_ns = self.now.since(self.quote?.at).max(0);
        Some(MarketTime(self.market.0.saturating_add(silent_ns.div_euclid(1_000_000))))
    }
}
