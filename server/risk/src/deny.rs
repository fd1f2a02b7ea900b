//! Why a candidate is refused: a stable code, the limit, the value and the bound.

use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
use aitrading_model::{Money, Price, Volume};
use std::fmt;

/// Number of a control in the check list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Control(pub u8);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $control:literal $cure:literal;)*) => {
        /// A stable code. The number of its control says where in the list it stands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DenyCode { $($(#[$doc])* $name,)* }

        impl DenyCode {
            /// All codes, in the order of the check list.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The control that it belongs to.
            #[must_use]
            pub const fn control(self) -> Control {
                match self { $(Self::$name => Control($control),)* }
            }

            /// The one with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.code() == code)
            }

            /// Cause and cure.
            #[must_use]
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$name => $cure,)* }
            }
        }
    };
}

codes! {
    /// A limit is set at no level.
    NoLimits "NO_LIMITS" 0 "a limit is set at no level; set it globally";
    /// Trading is stopped.
    Halted "TRADING_HALTED" 1 "trading is halted; an operator must resume it";
    /// Only reducing is allowed.
    Reducing "REDUCING_ONLY" 1 "only orders after which the symbol's net position is smaller are allowed now";
    /// No subscription.
    EntitlementAbsent "ENTITLEMENT_ABSENT" 2 "the account has no subscription";
    /// Subscription over.
    EntitlementExpired "ENTITLEMENT_EXPIRED" 2 "the subscription has expired";
    /// Subscription lapsed.
    EntitlementLapsed "ENTITLEMENT_LAPSED" 2 "the subscription has lapsed";
    /// Subscription suspended.
    EntitlementSuspended "ENTITLEMENT_SUSPENDED" 2 "the subscription is suspended";
    /// Symbol not in the plan.
    EntitlementSymbol "ENTITLEMENT_SYMBOL" 2 "the subscription does not cover the symbol";
    /// Subscriber's own switch.
    AutoTradingOff "ENTITLEMENT_AUTO_TRADING_OFF" 2 "the subscriber switched automatic trading off";
    /// Subscription cannot be read.
    EntitlementUnreadable "ENTITLEMENT_UNREADABLE" 2 "the subscription cannot be read; look at the store";
    /// No session.
    SessionDown "SESSION_DOWN" 3 "the account has no open session";
    /// Session not set up.
    SessionOpening "SESSION_OPENING" 3 "the account's session is not set up yet";
    /// An earlier outcome is unknown.
    Unresolved "UNRESOLVED_OUTCOME" 3 "an earlier signal's outcome is unknown; wait for its report";
    /// No account snapshot.
    UnknownAccount "UNKNOWN_ACCOUNT" 3 "no snapshot of the account has arrived";
    /// Account snapshot too old.
    StaleAccount "STALE_ACCOUNT" 3 "the account's snapshot is too old";
    /// The terminal may not trade.
    PermissionBlocked "PERMISSION_BLOCKED" 3 "the terminal, the program or the broker forbids trading";
    /// No specification.
    NoSpec "NO_SPEC" 3 "the symbol's specification is unknown";
    /// Specification too old.
    StaleSpec "STALE_SPEC" 3 "the symbol's specification is too old";
    /// No quote.
    NoPrice "NO_PRICE" 3 "the symbol has no quote";
    /// Quote too old.
    StalePrice "STALE_PRICE" 3 "the symbol's quote is too old";
    /// Quote old on arrival.
    StaleMarket "STALE_MARKET" 3 "the quote was old when it came; wait until the feed has caught up with its market";
    /// A stamp lies after now: the clock was set back, so its age is unknown.
    ClockBackwards "CLOCK_BACKWARDS" 3 "a fact is stamped after now; look at the server's clock, then wait for a fresh one";
    /// The clock stands before the last decision.
    ClockBehind "CLOCK_BEHIND" 4 "the clock was set back; decisions wait until it passes the last one";
    /// Decided too long ago.
    DecisionTooOld "DECISION_TOO_OLD" 4 "the decision is too old";
    /// Decided in the future.
    DecisionInFuture "DECISION_IN_FUTURE" 4 "the decision is stamped after now";
    /// Symbol not on the list.
    SymbolNotAllowed "SYMBOL_NOT_ALLOWED" 5 "the symbol is not on the allow-list of every level";
    /// The broker does not allow this way.
    TradeMode "TRADE_MODE" 5 "the broker's trade mode forbids it";
    /// The broker does not allow this order type.
    OrderMode "ORDER_MODE" 5 "the broker's order mode forbids market orders or stops";
    /// Nobody said when the symbol trades.
    SessionUnknown "SESSION_UNKNOWN" 5 "the symbol's trade sessions are unknown; the terminal must send them with the specification";
    /// The symbol does not trade now.
    SessionClosed "SESSION_CLOSED" 5 "the symbol's trade session is closed by the broker's clock; wait for the next one";
    /// Specification is no specification.
    BadSpec "BAD_SPEC" 6 "the symbol's specification contradicts itself";
    /// Price is not positive, or bid and ask are crossed.
    BadPrice "BAD_PRICE" 6 "the price is zero, negative or crossed";
    /// Stop off the grid.
    StopOffGrid "STOP_OFF_GRID" 6 "a stop is not on the tick grid";
    /// Stop on the wrong side or too close.
    StopTooClose "STOP_TOO_CLOSE" 6 "a stop is on the wrong side of the market or closer than the stops level";
    /// Position inside the freeze level.
    Frozen "FROZEN" 6 "the position's stops are inside the freeze level";
    /// No such position.
    UnknownPosition "UNKNOWN_POSITION" 6 "the account has no such position of that symbol and side";
    /// Lots off the grid.
    VolumeOffGrid "VOLUME_OFF_GRID" 6 "the volume is below the minimum, above the maximum or off the step grid";
    /// Too many lots.
    OrderTooLarge "ORDER_TOO_LARGE" 7 "the order has more lots than allowed";
    /// Too much money.
    NotionalTooLarge "NOTIONAL_TOO_LARGE" 7 "the order's value is above the limit";
    /// Away from the market.
    PriceCollar "PRICE_COLLAR" 8 "the order's price is too far from the market";
    /// Spread too wide.
    SpreadTooWide "SPREAD_TOO_WIDE" 8 "the spread is too wide";
    /// The same again.
    Duplicate "DUPLICATE" 10 "the same order was decided a moment ago";
    /// Same key, other content.
    KeyReused "KEY_REUSED" 10 "the idempotency key was used for another order";
    /// Key from before what is remembered.
    KeyTooOld "KEY_TOO_OLD" 10 "the idempotency key is older than what is remembered; look whether its order was made, then use a new key";
    /// Key of tomorrow.
    KeyAhead "KEY_AHEAD" 10 "the idempotency key was made after now; correct the caller's clock";
    /// Key without a time.
    KeyMalformed "KEY_MALFORMED" 10 "the idempotency key must be a UUID of version 7: its time says whether it is still remembered";
    /// No stop, so no risk.
    StopRequired "STOP_REQUIRED" 14 "without a stop the risk cannot be computed";
    /// Too much at stake.
    RiskTooHigh "RISK_TOO_HIGH" 14 "the loss at the stop is above the limit";
    /// The smallest order would be too large.
    BelowMinVolume "BELOW_MIN_VOLUME" 14 "the allowed size is below the broker's minimum";
    /// Free margin.
    MarginFloor "MARGIN_FLOOR" 16 "too little free margin would be left";
    /// Margin level.
    MarginLevel "MARGIN_LEVEL" 16 "the margin level would be too low";
    /// Effective leverage.
    Leverage "LEVERAGE" 16 "the effective leverage would be too high";
    /// Exposure unknown.
    UnknownExposure "UNKNOWN_EXPOSURE" 16 "the value of the open positions is unknown";
    /// Numbers beyond all sense.
    Overflow "OVERFLOW" 23 "a number is beyond the range; look at specification and account";
}

/// A value with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A price or distance.
    Price(Price),
    /// Lots.
    Volume(Volume),
    /// Deposit currency.
    Money(Money),
    /// Milliseconds.
    Millis(i64),
    /// Points.
    Points(i64),
    /// Millionths.
    Ppm(i64),
    /// Percent.
    Percent(i64),
}

impl Quantity {
    /// The bare number, in its unit (fixed-point values in 10^-8).
    #[must_use]
    pub const fn raw(self) -> i64 {
        match self {
            Self::Price(v) => v.raw(),
            Self::Volume(v) => v.raw(),
            Self::Money(v) => v.raw(),
            Self::Millis(v) | Self::Points(v) | Self::Ppm(v) | Self::Percent(v) => v,
        }
    }

    /// Number of the unit, as journals keep it; never 0.
    #[must_use]
    pub const fn unit(self) -> u8 {
        match self {
            Self::Price(_) => 1,
            Self::Volume(_) => 2,
            Self::Money(_) => 3,
            Self::Millis(_) => 4,
            Self::Points(_) => 5,
            Self::Ppm(_) => 6,
            Self::Percent(_) => 7,
        }
    }

    /// From the number of its unit and the bare number.
    #[must_use]
    pub const fn from_parts(unit: u8, raw: i64) -> Option<Self> {
        Some(match unit {
            1 => Self::Price(Price::from_raw(raw)),
            2 => Self::Volume(Volume::from_raw(raw)),
            3 => Self::Money(Money::from_raw(raw)),
            4 => Self::Millis(raw),
            5 => Self::Points(raw),
            6 => Self::Ppm(raw),
            7 => Self::Percent(raw),
            _ => return None,
        })
    }
}

/// The first control that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// Code.
    pub code: DenyCode,
    /// Name of the limit, empty if there is none.
    pub limit: &'static str,
    /// What was found.
    pub value: Option<Quantity>,
    /// What is allowed.
    pub bound: Option<Quantity>,
    /// Version of the limits.
    pub limits_version: u32,
}

impl Denied {
    /// The control's number.
    #[must_use]
    pub const fn control(&self) -> Control {
        self.code.control()
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.code(), self.code.cure())?;
        if let (Some(value), Some(bound)) = (self.value, self.bound) {
            write!(f, " ({value:?} against {bound:?})")?;
        }
        if self.limit.is_empty() { Ok(()) } else { write!(f, " [limit {}]", self.limit) }
    }
}

impl std::error::Error for Denied {}

impl Coded for Denied {
    fn dna(&self) -> Dna {
        Dna::new("risk", self.code.code(), Category::Trading).side(FaultSide::Caller).severity(Severity::Info)
    }
}
