//! Health and metrics endpoints.

use crate::world::{Running, plain};
use aitrading_env::Env;
use aitrading_http::{Metrics, Observability, Probe, StatusCode, get};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

#[tokio::test]
async fn probes_tell_live_from_ready_and_whole_from_part() {
    let ready = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&ready);
    let probe = Probe::new(move |service: Option<&str>| {
        let details = serde_json::json!({ "asked": service });
        (service != Some("unknown")).then(|| (asked.load(Ordering::SeqCst) || service == Some("bridge"), details))
    });
    let all = Observability::new(probe, Metrics::install().unwrap());
    let env = Env::real();
    let whole = Running::start(&env, plain(), Arc::new(all.clone())).await.unwrap();
    let bridge = Running::start(&env, plain(), Arc::new(all.of("bridge"))).await.unwrap();
    let check = async |door: &Running, path: &str, status: u16, part: &str| {
        let answer = get(&env, door.addr, path, Duration::from_secs(5)).await.unwrap();
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path}: {body}");
        assert!(body.contains(part), "{path}: {body}");
    };
    check(&whole, "/health/live", 200, "live").await;
    check(&whole, "/health/ready", 503, r#"{"asked":null}"#).await;
    check(&whole, "/health/ready/bridge", 200, r#"{"asked":"bridge"}"#).await;
    check(&whole, "/health/ready/unknown", 404, "NOT_FOUND").await;
    check(&whole, "/nowhere", 404, "NOT_FOUND").await;
    check(&bridge, "/health/ready", 200, r#"{"asked":"bridge"}"#).await;
    check(&bridge, "/health/ready/engine", 404, "NOT_FOUND").await;
    ready.store(true, Ordering::SeqCst);
    check(&whole, "/health/ready", 200, r#"{"asked":null}"#).await;
    check(&whole, "/metrics", 200, "http_requests_total{door=\"test\",status=\"5xx\"} 1").await;
}

#[tokio::test]
async fn probes_are_read_only() {
    let probe = Probe::new(|_| Some((true, ())));
    let all = Observability::new(probe, Metrics::install().unwrap());
    let door = Running::start(&Env::real(), plain(), Arc::new(all)).await.unwrap();
    let answer =
        crate::world::exchange(door.addr, b"DELETE /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD"), "{answer}");
    assert_eq!(StatusCode::METHOD_NOT_ALLOWED, 405);
}
