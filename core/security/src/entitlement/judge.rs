//! The decision: facts, a need and a time in, a verdict out.

use super::{Denied, Facts, Feature, Features, Payment, Region, Regions, SubscriptionState, Symbols, Tier, UserState};
use aitrading_model::{PolicyHash, Symbol, Timestamp};

/// What somebody is about to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// This.
    pub feature: Feature,
    /// At this step or a higher one.
    pub tier: Tier,
    /// Of this symbol; `None`: of none in particular.
    pub symbol: Option<Symbol>,
    /// Without being asked?
    pub unasked: bool,
    /// Where it goes; `None`: nobody knows.
    pub region: Option<Region>,
}

/// Yes, under these rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Entitled {
    /// Binds what is decided now to the rights that it is decided under ([`Facts::policy_hash`]).
    pub policy_hash: PolicyHash,
    /// All that the account has.
    pub features: Features,
}

/// Is an account with these facts entitled to `need` at `now`? `None` are the facts of an account that has no subscription.
///
/// # Errors
/// The first of [`Denied::ALL`] that applies.
pub fn judge(facts: Option<&Facts>, need: &Need, now: Timestamp) -> Result<Entitled, Denied> {
    let facts = facts.ok_or(Denied::Absent)?;
    in_force(facts, now)?;
    let there = match &facts.regions {
        Regions::All => true,
        Regions::Only(regions) => need.region.is_some_and(|region| regions.contains(&region)),
    };
    let covered = match (&facts.symbols, need.symbol) {
        (Symbols::Only(symbols), Some(symbol)) => symbols.contains(&symbol),
        (Symbols::All, _) | (_, None) => true,
    };
    if !there {
        Err(Denied::RegionDenied)
    } else if facts.tier < need.tier {
        Err(Denied::TierTooLow)
    } else if !facts.features.has(need.feature) {
        Err(Denied::FeatureOff)
    } else if !covered {
        Err(Denied::SymbolNotCovered)
    } else if need.unasked && !facts.auto_trading {
        Err(Denied::AutoTradingOff)
    } else {
        Ok(Entitled { policy_hash: facts.policy_hash(), features: facts.features })
    }
}

/// The same for what was decided before and waits to be sent: the rights have to be the ones that it was decided under.
///
/// # Errors
/// As [`judge`], and [`Denied::PolicyChanged`].
pub fn judge_again(
    facts: Option<&Facts>,
    need: &Need,
    now: Timestamp,
    decided: PolicyHash,
) -> Result<Entitled, Denied> {
    let entitled = judge(facts, need, now)?;
    if entitled.policy_hash == decided { Ok(entitled) } else { Err(Denied::PolicyChanged) }
}

fn in_force(facts: &Facts, now: Timestamp) -> Result<(), Denied> {
    match facts.user {
        UserState::Active => {}
        UserState::Invited => return Err(Denied::UserNotEnrolled),
        UserState::Locked => return Err(Denied::UserLocked),
        UserState::Closed => return Err(Denied::UserClosed),
    }
    match facts.subscription {
        SubscriptionState::Active if now < facts.valid_until => {}
        SubscriptionState::Active | SubscriptionState::Lapsed => return Err(Denied::Lapsed),
        SubscriptionState::Suspended => return Err(Denied::Suspended),
    }
    match facts.payment {
        Payment::Settled => Ok(()),
        Payment::Grace { until } if now < until => Ok(()),
        Payment::Grace { .. } | Payment::Overdue => Err(Denied::PaymentOverdue),
    }
}
