//! Samples as probes show them.

use super::{BackendHealth, HealthLevel, LinkState, PoolUse};
use crate::Role;

fn sample(state: LinkState, lag_ms: Option<u64>) -> BackendHealth {
    BackendHealth {
        version: Some("15.18".to_owned()),
        state,
        latency_us: Some(350),
        pool: Some(PoolUse { size: 5, idle: 3, max: 8 }),
        lag_ms,
        ..BackendHealth::embedded(Role::Relational, "postgresql")
    }
}

#[test]
fn only_a_store_that_answers_and_keeps_up_is_up() {
    for (state, lag, level) in [
        (LinkState::Up, None, HealthLevel::Up),
        (LinkState::Up, Some(5_000), HealthLevel::Up),
        (LinkState::Up, Some(5_001), HealthLevel::Degraded),
        (LinkState::Unknown, None, HealthLevel::Degraded),
        (LinkState::Probing, None, HealthLevel::Degraded),
        (LinkState::Down, Some(0), HealthLevel::Down),
    ] {
        assert_eq!(sample(state, lag).part().level, level, "{state:?} {lag:?}");
    }
}

#[test]
fn a_line_tells_all_that_is_known() {
    let part = sample(LinkState::Up, Some(60_007)).part();
    assert_eq!(part.name, "database.relational");
    assert_eq!(part.detail, "postgresql 15.18, 350 us, 2 of 8 connections in use, 60007 ms behind");
    assert_eq!(BackendHealth::embedded(Role::Cache, "moka").part().detail, "moka");
}

#[test]
fn a_sample_is_json_for_tools() {
    let json = serde_json::to_value(sample(LinkState::Down, None)).unwrap();
    assert_eq!(json["role"], "relational");
    assert_eq!(json["state"], "down");
    assert_eq!(json["pool"]["idle"], 3);
    assert!(json["lag_ms"].is_null());
}
