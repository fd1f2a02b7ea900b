//! Controls 1 to 4: may anything be decided at all, and is everything there and fresh?

use super::{Facts, Refuse, reducing};
use crate::{
    Candidate, Denied, DenyCode, Entitlement, Gate, Inputs, Limits, MarketLag, Quantity, Stamped, TradingState,
};
use aitrading_model::Timestamp;

const NS_PER_MS: i64 = 1_000_000;

/// Control 1.
pub(super) fn trading_state(refuse: &Refuse, inputs: &Inputs<'_>, candidate: &Candidate) -> Result<(), Denied> {
    match inputs.state {
        TradingState::Halted => Err(refuse.plain(DenyCode::Halted)),
        TradingState::Reducing => reducing::direction(refuse, inputs, candidate),
        TradingState::Active => Ok(()),
    }
}

/// Control 2.
pub(super) fn entitlement(refuse: &Refuse, inputs: &Inputs<'_>) -> Result<(), Denied> {
    Err(refuse.plain(match inputs.entitlement {
        Entitlement::Active => return Ok(()),
        Entitlement::Absent => DenyCode::EntitlementAbsent,
        Entitlement::Expired => DenyCode::EntitlementExpired,
        Entitlement::Lapsed => DenyCode::EntitlementLapsed,
        Entitlement::Suspended => DenyCode::EntitlementSuspended,
        Entitlement::SymbolNotCovered => DenyCode::EntitlementSymbol,
        Entitlement::AutoTradingOff => DenyCode::AutoTradingOff,
        Entitlement::Unreadable => DenyCode::EntitlementUnreadable,
    }))
}

/// Control 3: session, permissions, account, specification and quote.
pub(super) fn gate<'a>(
    refuse: &Refuse,
    inputs: &'a Inputs<'a>,
    limits: &Limits,
    candidate: &Candidate,
) -> Result<Facts<'a>, Denied> {
    match inputs.gate {
        Gate::Ready => {}
        Gate::Down => return Err(refuse.plain(DenyCode::SessionDown)),
        Gate::Opening => return Err(refuse.plain(DenyCode::SessionOpening)),
        Gate::Unresolved => return Err(refuse.plain(DenyCode::Unresolved)),
    }
    let account = inputs.account.ok_or_else(|| refuse.plain(DenyCode::UnknownAccount))?;
    let account = fresh(refuse, inputs, account, limits.account_age_ms, DenyCode::StaleAccount, "account_age_ms")?;
    if account.permissions.blocked_by().is_some() {
        return Err(refuse.plain(DenyCode::PermissionBlocked));
    }
    let spec = inputs.spec.ok_or_else(|| refuse.plain(DenyCode::NoSpec))?;
    let spec = fresh(refuse, inputs, spec, limits.spec_age_ms, DenyCode::StaleSpec, "spec_age_ms")?;
    let quote = inputs.quote.ok_or_else(|| refuse.plain(DenyCode::NoPrice))?;
    let quote = fresh(refuse, inputs, quote, limits.tick_age_ms, DenyCode::StalePrice, "tick_age_ms")?;
    market_lag(refuse, inputs, limits)?;
    Ok(Facts { inputs, account, spec, quote, side: candidate.side, entry: quote.entry(candidate.side) })
}

/// A quote that was old when it came is about a market that is gone, however fresh it is by our clock.
fn market_lag(refuse: &Refuse, inputs: &Inputs<'_>, limits: &Limits) -> Result<(), Denied> {
    let most = i64::try_from(limits.market_lag_ms).unwrap_or(i64::MAX);
    match inputs.market_lag {
        Some(MarketLag::Replayed) => Ok(()),
        Some(MarketLag::Millis(behind)) if behind <= most => Ok(()),
        lag => {
            let behind = if let Some(MarketLag::Millis(behind)) = lag { behind } else { i64::MAX };
            let (value, bound) = (Quantity::Millis(behind), Quantity::Millis(most));
            Err(refuse.bound(DenyCode::StaleMarket, "market_lag_ms", value, bound))
        }
    }
}

fn fresh<T>(
    refuse: &Refuse,
    inputs: &Inputs<'_>,
    stamped: Stamped<T>,
    age_ms: u64,
    code: DenyCode,
    limit: &'static str,
) -> Result<T, Denied> {
    let ahead = stamped.at.since(inputs.now);
    if ahead > inputs.clock_step_ns {
        let (value, bound) = (
            Quantity::Millis(millis(stamped.at, inputs.now)),
            Quantity::Millis(inputs.clock_step_ns.div_euclid(NS_PER_MS)),
        );
        return Err(refuse.bound(DenyCode::ClockBackwards, limit, value, bound));
    }
    let age = millis(inputs.now, stamped.at);
    let most = i64::try_from(age_ms).unwrap_or(i64::MAX);
    if age > most {
        return Err(refuse.bound(code, limit, Quantity::Millis(age), Quantity::Millis(most)));
    }
    Ok(stamped.value)
}

/// Whole milliseconds from `earlier` to `now`, rounded up.
fn millis(now: Timestamp, earlier: Timestamp) -> i64 {
    let ns = now.since(earlier);
    ns.div_euclid(NS_PER_MS).saturating_add(i64::from(ns.rem_euclid(NS_PER_MS) != 0))
}

/// Control 4, first part: the clock must have passed everything that binds it.
pub(super) fn clock(refuse: &Refuse, inputs: &Inputs<'_>) -> Result<(), Denied> {
    if inputs.now >= inputs.last_issued {
        return Ok(());
    }
    let behind = Quantity::Millis(millis(inputs.last_issued, inputs.now));
    Err(refuse.bound(DenyCode::ClockBehind, "", behind, Quantity::Millis(0)))
}

/// Control 4, as far as the server itself can break it: time.
pub(super) fn validity(
    refuse: &Refuse,
    inputs: &Inputs<'_>,
    limits: &Limits,
    candidate: &Candidate,
) -> Result<(), Denied> {
    if candidate.decided_at > inputs.now {
        return Err(refuse.plain(DenyCode::DecisionInFuture));
    }
    let decided = Stamped { value: (), at: candidate.decided_at };
    fresh(refuse, inputs, decided, limits.decision_age_ms, DenyCode::DecisionTooOld, "decision_age_ms")
}
