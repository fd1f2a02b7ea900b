//! The trade server's return codes and our policy for each, as one table that engine, connector, simulator and tests share.

use std::fmt;

/// A trade server return code; 0 means that no request reached the server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Retcode(pub u32);

/// What we do about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RetcodeClass {
    /// Accepted.
    Ok,
    /// Partly done: book what was filled.
    Part,
    /// Retry once with a new price inside the signal's expiry.
    Fresh,
    /// Retry after a pause.
    Wait,
    /// The outcome is unknown: look before anything else.
    Verify,
    /// Our data or settings are wrong: never resend unchanged.
    Fix,
    /// Close the gate and tell a human.
    Stop,
    /// Nothing to do.
    Noop,
}

/// One row: code, name without `TRADE_RETCODE_`, meaning, class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetcodeRow {
    /// Code.
    pub code: u32,
    /// Name.
    pub name: &'static str,
    /// Meaning in words.
    pub meaning: &'static str,
    /// Policy.
    pub class: RetcodeClass,
}

macro_rules! table {
    ($($code:literal $name:ident $class:ident $meaning:literal;)*) => {
        impl Retcode {
            $(#[doc = $meaning] pub const $name: Self = Self($code);)*

            /// All rows, by code.
            pub const TABLE: &'static [RetcodeRow] = &[
                $(RetcodeRow { code: $code, name: stringify!($name), meaning: $meaning, class: RetcodeClass::$class },)*
            ];
        }
    };
}

table! {
    10004 REQUOTE Fresh "the price moved: a requote";
    10006 REJECT Fix "request rejected";
    10007 CANCEL Fix "cancelled by the trader";
    10008 PLACED Ok "order placed (asynchronously: only queued)";
    10009 DONE Ok "completed";
    10010 DONE_PARTIAL Part "partly executed";
    10011 ERROR Verify "processing error";
    10012 TIMEOUT Verify "cancelled by timeout";
    10013 INVALID Fix "invalid request";
    10014 INVALID_VOLUME Fix "invalid volume";
    10015 INVALID_PRICE Fix "invalid price";
    10016 INVALID_STOPS Fix "invalid stops";
    10017 TRADE_DISABLED Stop "trading is disabled";
    10018 MARKET_CLOSED Wait "the market is closed";
    10019 NO_MONEY Fix "not enough money";
    10020 PRICE_CHANGED Fresh "the price changed";
    10021 PRICE_OFF Fresh "no quotes";
    10022 INVALID_EXPIRATION Fix "invalid expiration";
    10023 ORDER_CHANGED Verify "the order's state changed";
    10024 TOO_MANY_REQUESTS Wait "too many requests";
    10025 NO_CHANGES Noop "nothing to change";
    10026 SERVER_DISABLES_AT Stop "algo trading is disabled by the server";
    10027 CLIENT_DISABLES_AT Stop "algo trading is disabled in the terminal";
    10028 LOCKED Wait "the request is locked for processing";
    10029 FROZEN Wait "the order or position is frozen";
    10030 INVALID_FILL Fix "invalid filling type";
    10031 CONNECTION Verify "no connection to the trade server";
    10032 ONLY_REAL Stop "allowed for live accounts only";
    10033 LIMIT_ORDERS Fix "limit of pending orders reached";
    10034 LIMIT_VOLUME Fix "limit of volume for the symbol reached";
    10035 INVALID_ORDER Fix "wrong or prohibited order type";
    10036 POSITION_CLOSED Noop "the position is already closed";
    10038 INVALID_CLOSE_VOLUME Fix "the close volume exceeds the position";
    10039 CLOSE_ORDER_EXIST Verify "a close order already exists";
    10040 LIMIT_POSITIONS Fix "limit of open positions reached";
    10041 REJECT_CANCEL Fix "pending activation rejected, order cancelled";
    10042 LONG_ONLY Fix "only long positions are allowed";
    10043 SHORT_ONLY Fix "only short positions are allowed";
    10044 CLOSE_ONLY Fix "only closing is allowed";
    10045 FIFO_CLOSE Fix "positions must be closed oldest first";
    10046 HEDGE_PROHIBITED Fix "opposite positions are forbidden";
}

impl Retcode {
    /// No request reached the server.
    pub const NONE: Self = Self(0);

    /// The table's row; `None` for a code that is not known.
    #[must_use]
    pub fn row(self) -> Option<&'static RetcodeRow> {
        Self::TABLE.binary_search_by_key(&self.0, |row| row.code).ok().and_then(|at| Self::TABLE.get(at))
    }

    /// What to do; an unknown code means an unknown outcome.
    #[must_use]
    pub fn class(self) -> RetcodeClass {
        self.row().map_or(RetcodeClass::Verify, |row| row.class)
    }
}

impl fmt::Display for Retcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => write!(f, "{} {}", self.0, row.name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Retcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Retcode({self})")
    }
}
