//! The engine's settings: as written, and as resolved.

mod policy;
#[cfg(test)]
mod tests;

use crate::{
    EngineError,
    strategy::{MaCross, Strategy},
};
use aitrading_model::{AccountId, PolicyHash, StrategyId, TenantId, Timeframe};
use aitrading_risk::{LimitSet, SymbolRule};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// Longest strategy name: it goes into audit leaves.
const NAME_MAX: usize = 48;
/// Most strategies.
const STRATEGIES_MAX: usize = 64;
/// Most rows of limits.
const ROWS_MAX: usize = 65_536;
/// Longest time that a subscription's last answer counts: a lapse takes effect within a minute.
const ENTITLEMENT_AGE_MAX_S: u32 = 60;
/// Longest wait for a report after expiry.
const REPORT_GRACE_MAX_S: u32 = 300;
/// Largest step back that still passes for slewing.
const CLOCK_STEP_MAX_MS: u32 = 60_000;
/// Longest moving average.
const BARS_MAX: usize = 1_000;

/// A moving-average crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrategySettings {
    /// Its number; stands in journal and limits.
    pub id: u32,
    /// Its name; stands in audit leaves.
    pub name: String,
    /// On which symbols.
    pub symbols: SymbolRule,
    /// On which bars.
    pub timeframe: Timeframe,
    /// Bars of the fast average.
    pub fast: usize,
    /// Bars of the slow average.
    pub slow: usize,
    /// Bars of the average true range.
    pub atr_bars: usize,
    /// Stop distance in percent of the average true range.
    pub atr_percent: u32,
    /// Least stop distance in points.
    pub min_points: u32,
    /// Take profit in percent of the stop distance; 0 for none.
    pub target_percent: u32,
    /// Risk per trade in millionths of the equity.
    pub risk_ppm: u32,
    /// Only for this tenant.
    pub tenant: Option<TenantId>,
    /// Decide on this account's feed for all accounts of its tenant. Without it every account is decided on its own feed.
    pub feed: Option<AccountId>,
}

impl Default for StrategySettings {
    fn default() -> Self {
        Self {
            id: 1,
            name: "ma-cross".into(),
            symbols: SymbolRule::All,
            timeframe: Timeframe::M1,
            fast: 5,
            slow: 20,
            atr_bars: 14,
            atr_percent: 300,
            min_points: 100,
            target_percent: 200,
            risk_ppm: 10_000,
            tenant: None,
            feed: None,
        }
    }
}

/// Settings as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSettings {
    /// What decides.
    pub strategies: Vec<StrategySettings>,
    /// Limits of all levels.
    pub limits: LimitSet,
    /// Seconds that a signal may be executed.
    pub signal_life_s: u32,
    /// Seconds after expiry by which its report must be here.
    pub report_grace_s: u32,
    /// A clock that goes back by more milliseconds was set back.
    pub clock_step_ms: u32,
    /// Seconds after which an answer of the subscription store no longer counts.
    pub entitlement_age_s: u32,
    /// The feeds are replayed history: market time that lies in the past does not make them old. Never with real money.
    pub replayed_feeds: bool,
    /// Inputs that may wait for the engine.
    pub queue: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            strategies: vec![StrategySettings::default()],
            limits: LimitSet::demo(),
            signal_life_s: 180,
            report_grace_s: 30,
            clock_step_ms: 5_000,
            entitlement_age_s: 60,
            replayed_feeds: false,
            queue: 1_024,
        }
    }
}

/// Settings as resolved.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) strategies: Vec<StrategySettings>,
    pub(crate) limits: LimitSet,
    pub(crate) policy: PolicyHash,
    pub(crate) signal_life: Duration,
    pub(crate) report_grace: Duration,
    pub(crate) clock_step_ns: i64,
    pub(crate) entitlement_age_ns: i64,
    pub(crate) replayed_feeds: bool,
    pub(crate) queue: usize,
}

impl EngineSettings {
    /// Checks the settings and computes the policy's hash.
    ///
    /// # Errors
    /// [`EngineError::Settings`] naming the setting.
    pub fn resolve(self) -> Result<Config, EngineError> {
        let wrong = |what: &str| EngineError::Settings(what.to_owned());
        let ids: BTreeSet<_> = self.strategies.iter().map(|s| s.id).collect();
        if ids.len() != self.strategies.len() || self.strategies.len() > STRATEGIES_MAX {
            return Err(wrong("strategies: every id may be used once, and there may be at most 64"));
        }
        self.strategies.iter().try_for_each(StrategySettings::check)?;
        if !(1..=180).contains(&self.signal_life_s) {
            return Err(wrong("signal_life_s: 1 to 180 seconds"));
        }
        if self.queue == 0 || self.queue > 1 << 16 {
            return Err(wrong("queue: 1 to 65536"));
        }
        if self.report_grace_s > REPORT_GRACE_MAX_S {
            return Err(wrong("report_grace_s: at most 300 seconds"));
        }
        if self.clock_step_ms > CLOCK_STEP_MAX_MS {
            return Err(wrong("clock_step_ms: at most 60000 milliseconds"));
        }
        if !(1..=ENTITLEMENT_AGE_MAX_S).contains(&self.entitlement_age_s) {
            return Err(wrong("entitlement_age_s: 1 to 60 seconds"));
        }
        if self.limits.rows.len() > ROWS_MAX {
            return Err(wrong("limits: at most 65536 rows"));
        }
        if self.limits.rows.is_empty() {
            return Err(wrong("limits: without a row nothing may be traded; start from the defaults"));
        }
        let policy = policy::hash(&self);
        let seconds = |s: u32| Duration::from_secs(u64::from(s));
        let nanos = |ms: u64| i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        Ok(Config {
            strategies: self.strategies,
            limits: self.limits,
            policy,
            signal_life: seconds(self.signal_life_s),
            report_grace: seconds(self.report_grace_s),
            clock_step_ns: nanos(u64::from(self.clock_step_ms)),
            entitlement_age_ns: nanos(u64::from(self.entitlement_age_s).saturating_mul(1_000)),
            replayed_feeds: self.replayed_feeds,
            queue: self.queue,
        })
    }
}

impl StrategySettings {
    fn check(&self) -> Result<(), EngineError> {
        let wrong = |what: &str| Err(EngineError::Settings(format!("strategy {}: {what}", self.id)));
        let printable = self.name.bytes().all(|b| (0x20..0x7f).contains(&b));
        if self.name.is_empty() || self.name.len() > NAME_MAX || !printable {
            return wrong("the name has 1 to 48 printable ASCII characters");
        }
        if self.fast == 0 || self.fast >= self.slow || self.slow > BARS_MAX {
            return wrong("fast must be at least 1 and below slow, slow at most 1000");
        }
        if self.atr_bars == 0 || self.atr_bars > BARS_MAX || self.min_points == 0 {
            return wrong("atr_bars is 1 to 1000, min_points at least 1");
        }
        if self.risk_ppm == 0 || self.risk_ppm > 100_000 {
            return wrong("risk_ppm is 1 to 100000 (10 % of the equity)");
        }
        Ok(())
    }

    /// Does it live on this source?
    pub(crate) fn listens_to(&self, source: &aitrading_model::Source) -> bool {
        let symbols = match &self.symbols {
            SymbolRule::All => true,
            SymbolRule::Only(set) => set.contains(&source.symbol),
        };
        symbols && self.tenant.is_none_or(|t| t == source.tenant) && self.feed.is_none_or(|a| a == source.account)
    }

    pub(crate) const fn strategy_id(&self) -> StrategyId {
        StrategyId(self.id)
    }

    pub(crate) fn build(&self) -> Box<dyn Strategy> {
        Box::new(MaCross::new(crate::strategy::ma_cross_figures(self)))
    }
}
