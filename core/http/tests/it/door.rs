//! Opening and closing.

use crate::world::{advancing, check_serves, dial, echo, manual_env, plain, read_all, read_until};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_http::{Door, DoorConfig, HttpError, get};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_port_in_use_names_address_cause_and_cure() {
    let env = Env::real();
    let first = Door::bind(&env, plain()).await.unwrap();
    let addr = first.local_addr();
    let error = Door::bind(&env, DoorConfig::plain("second", addr)).await.unwrap_err();
    assert_eq!(error.dna().code, "PORT_IN_USE");
    let text = error.to_string();
    for word in [&addr.to_string(), "in use", "--port-offset"] {
        assert!(text.contains(word), "{text}");
    }
}

#[tokio::test]
async fn a_plain_door_opens_on_loopback_alone() {
    let refused = Door::bind(&Env::real(), DoorConfig::plain("test", "0.0.0.0:0".parse().unwrap())).await;
    assert!(matches!(refused, Err(HttpError::NotLoopback { .. })));
}

#[tokio::test]
async fn a_foreign_address_cannot_be_bound() {
    let addr = "127.0.0.1:0".parse().unwrap();
    let tls = None;
    let config = DoorConfig { name: "test", addr, tls, limits: Default::default() };
    assert!(Door::bind(&Env::real(), config).await.is_ok());
    let foreign = aitrading_http::get(&Env::real(), "192.0.2.1:80".parse().unwrap(), "/", Duration::from_secs(1)).await;
    assert!(matches!(foreign, Err(HttpError::NotLoopback { .. })));
}

#[tokio::test]
async fn the_probing_client_tells_nobody_there_from_nobody_answers() {
    let env = Env::real();
    let door = Door::bind(&env, plain()).await.unwrap();
    let addr = door.local_addr();
    let (manual, clock) = manual_env();
    let silent = advancing(&clock, get(&manual, addr, "/", Duration::from_secs(1))).await;
    assert!(matches!(silent, Err(HttpError::AnswerTimeout { limit_ms: 1000, .. })), "{silent:?}");
    drop(door);
    let gone = get(&env, addr, "/", Duration::from_secs(5)).await;
    assert!(matches!(gone, Err(HttpError::Unreachable { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_drain_lets_requests_finish_and_takes_no_new_ones() {
    let (env, clock) = manual_env();
    let door = echo(&env, plain()).await;
    let addr = door.addr;
    let mut busy = dial(addr).await;
    let mut idle = dial(addr).await;
    check_serves(&mut idle).await;
    check_serves(&mut busy).await;
    busy.write_all(b"POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n").await.unwrap();
    // The slow request runs once the server has read it: a later one on another connection proves that it had its turn.
    check_serves(&mut dial(addr).await).await;
    let end = door.stop();
    assert_eq!(read_all(&mut idle).await, "", "idle connections are closed at once");
    busy.write_all(b"late").await.unwrap();
    let answer = advancing(&clock, read_until(&mut busy, "late")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    end.await;
    assert!(Env::real().net.connect(addr).await.is_err(), "the socket is closed");
}

#[tokio::test]
async fn a_drain_cuts_what_does_not_finish() {
    let (env, clock) = manual_env();
    let mut config = plain();
    config.limits.body_read = Duration::from_secs(3600);
    let door = echo(&env, config).await;
    let mut endless = dial(door.addr).await;
    endless.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nhal").await.unwrap();
    check_serves(&mut dial(door.addr).await).await;
    advancing(&clock, door.stop()).await;
    assert_eq!(read_all(&mut endless).await, "");
}
