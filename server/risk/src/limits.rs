//! Limits per level, merged so that the strictest wins.

use crate::{Denied, DenyCode};
use aitrading_model::{AccountId, Money, StrategyId, Symbol, TenantId, Volume};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A limit's bare number.
trait Figure {
    fn number(self) -> i128;
}

macro_rules! figures {
    ($($type:ty: $value:ident => $number:expr;)*) => {
        $(impl Figure for $type {
            fn number(self) -> i128 {
                let $value = self;
                i128::from($number)
            }
        })*
    };
}

figures! {
    u32: v => v;
    u64: v => v;
    Volume: v => v.raw();
    Money: v => v.raw();
}

/// Which symbols may be traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolRule {
    /// Any.
    All,
    /// These.
    Only(BTreeSet<Symbol>),
}

impl SymbolRule {
    fn allows(&self, symbol: Symbol) -> bool {
        match self {
            Self::All => true,
            Self::Only(set) => set.contains(&symbol),
        }
    }
}

/// What a row applies to: everything that it names must match; naming nothing means everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only this strategy.
    pub strategy: Option<StrategyId>,
    /// Only this symbol.
    pub symbol: Option<Symbol>,
}

impl Scope {
    fn covers(&self, tenant: TenantId, account: AccountId, strategy: StrategyId, symbol: Symbol) -> bool {
        self.tenant.is_none_or(|t| t == tenant)
            && self.account.is_none_or(|a| a == account)
            && self.strategy.is_none_or(|s| s == strategy)
            && self.symbol.is_none_or(|s| s == symbol)
    }
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $strict:ident, $default:expr;)*) => {
        /// The limits of one level; what is not set is left to the others.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct LimitRow {
            /// What the row applies to.
            pub scope: Scope,
            /// Which symbols may be traded.
            pub symbols: Option<SymbolRule>,
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        /// The limits in force for one account, strategy and symbol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            /// Version of the set.
            pub version: u32,
            /// The symbol is on the list of every level that has one.
            pub symbol_allowed: bool,
            $($(#[$doc])* pub $name: $type,)*
        }

        impl LimitRow {
            /// Limits that suit a demo account; a desk sets its own.
            #[must_use]
            pub fn demo() -> Self {
                Self {
                    scope: Scope::default(),
                    symbols: Some(SymbolRule::All),
                    $($name: Some($default),)*
                }
            }

            /// Every limit by name with its bare number, in a fixed order: what a policy's hash covers.
            #[must_use]
            pub fn figures(&self) -> Vec<(&'static str, Option<i128>)> {
                vec![$((stringify!($name), self.$name.map(Figure::number)),)*]
            }
        }

        /// The limit's name as a refusal carries it; `None` if there is no such limit.
        #[must_use]
        pub fn limit_name(name: &str) -> Option<&'static str> {
            let known = ["", "symbols", $(stringify!($name)),*];
            known.into_iter().find(|known| *known == name)
        }

        impl LimitSet {
            /// The strictest of every row that applies.
            ///
            /// # Errors
            /// `NO_LIMITS` with the limit's name if no row sets it.
            pub fn resolve(
                &self,
                tenant: TenantId,
                account: AccountId,
                strategy: StrategyId,
                symbol: Symbol,
            ) -> Result<Limits, Denied> {
                let rows = || self.rows.iter().filter(|row| row.scope.covers(tenant, account, strategy, symbol));
                let missing = |limit| Denied {
                    code: DenyCode::NoLimits, limit, value: None, bound: None, limits_version: self.version,
                };
                let mut lists = rows().filter_map(|row| row.symbols.as_ref()).peekable();
                if lists.peek().is_none() {
                    return Err(missing("symbols"));
                }
                Ok(Limits {
                    version: self.version,
                    symbol_allowed: lists.all(|rule| rule.allows(symbol)),
                    $($name: rows().filter_map(|row| row.$name).$strict().ok_or(missing(stringify!($name)))?,)*
                })
            }
        }
    };
}

limits! {
    /// Oldest quote, milliseconds of receive time.
    tick_age_ms: u64, min, 60_000;
    /// Farthest that a quote may have lagged behind its market when it came, beyond the usual lag, milliseconds.
    market_lag_ms: u64, min, 5_000;
    /// Oldest account snapshot, milliseconds of receive time.
    account_age_ms: u64, min, 120_000;
    /// Oldest specification, milliseconds of receive time.
    spec_age_ms: u64, min, 86_400_000;
    /// Oldest decision, milliseconds of receive time.
    decision_age_ms: u64, min, 300_000;
    /// Most lots of one order.
    lots_max: Volume, min, whole_lots(5);
    /// Highest value of one order in deposit currency.
    notional_max: Money, min, whole_money(1_000_000);
    /// Farthest distance of the order's price from the market, in millionths of it.
    collar_ppm: u32, min, 5_000;
    /// Widest spread at which a position is opened, in points.
    spread_points: u32, min, 500;
    /// How far the market may move between decision and sending, in points.
    slippage_points: u32, min, 100;
    /// The same order again within so many milliseconds of market time is a duplicate.
    duplicate_ms: u64, max, 1_000;
    /// Largest loss at the stop, in millionths of the equity.
    risk_ppm: u32, min, 10_000;
    /// Commission per lot and round turn in deposit currency.
    commission_per_lot: Money, max, Money::ZERO;
    /// Slippage that is expected at the stop, in ticks.
    slippage_ticks: u32, max, 0;
    /// Free margin that must be left, in deposit currency.
    free_margin_floor: Money, max, Money::ZERO;
    /// Lowest margin level, in percent.
    margin_level_percent: u32, max, 150;
    /// Highest effective leverage.
    leverage_max: u32, min, 30;
}

const fn whole_lots(lots: i32) -> Volume {
    Volume::from_raw((lots as i64).saturating_mul(aitrading_model::SCALE))
}

const fn whole_money(amount: i32) -> Money {
    Money::from_raw((amount as i64).saturating_mul(aitrading_model::SCALE))
}

/// All rows with their version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSet {
    /// Grows with every change; stored with every verdict.
    pub version: u32,
    /// The rows.
    pub rows: Vec<LimitRow>,
}

impl LimitSet {
    /// One global row with [`LimitRow::demo`].
    #[must_use]
    pub fn demo() -> Self {
        Self { version: 1, rows: vec![LimitRow::demo()] }
    }
}
