//! What the policy's hash covers, and which figures are refused.

use super::EngineSettings;
use aitrading_model::{PolicyHash, TenantId};
use aitrading_risk::{LimitRow, SymbolRule};

fn policy(change: fn(&mut EngineSettings)) -> PolicyHash {
    let mut settings = EngineSettings::default();
    change(&mut settings);
    settings.resolve().unwrap().policy
}

#[test]
fn every_part_of_the_policy_changes_its_hash() {
    let changes: [fn(&mut EngineSettings); 16] = [
        |_| {},
        |s| s.signal_life_s -= 1,
        |s| s.report_grace_s += 1,
        |s| s.clock_step_ms += 1,
        |s| s.entitlement_age_s -= 1,
        |s| s.replayed_feeds = true,
        |s| s.limits.rows[0].market_lag_ms = Some(4_999),
        |s| s.limits.version += 1,
        |s| s.limits.rows[0].risk_ppm = None,
        |s| s.limits.rows[0].leverage_max = Some(29),
        |s| s.limits.rows[0].scope.tenant = Some(TenantId(0)),
        |s| s.limits.rows.push(LimitRow::default()),
        |s| s.limits.rows[0].symbols = Some(SymbolRule::Only(["USDJPY".parse().unwrap()].into())),
        |s| s.strategies[0].slow += 1,
        |s| s.strategies[0].risk_ppm -= 1,
        |s| s.strategies[0].tenant = Some(TenantId(0)),
    ];
    let hashes: std::collections::BTreeSet<_> = changes.into_iter().map(|change| policy(change).0).collect();
    assert_eq!(hashes.len(), 16);
    assert_eq!(policy(|_| {}), policy(|s| s.queue += 1), "how much may wait is no policy");
}

#[track_caller]
fn check_refused(setting: &str, change: fn(&mut EngineSettings)) {
    let mut settings = EngineSettings::default();
    change(&mut settings);
    let error = settings.resolve().unwrap_err().to_string();
    assert!(error.contains(setting), "{error}");
}

#[test]
fn times_beyond_all_sense_are_refused() {
    check_refused("entitlement_age_s", |s| s.entitlement_age_s = 0);
    check_refused("entitlement_age_s", |s| s.entitlement_age_s = 61);
    check_refused("report_grace_s", |s| s.report_grace_s = 301);
    check_refused("clock_step_ms", |s| s.clock_step_ms = 60_001);
}
