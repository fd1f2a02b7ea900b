//! Slow, greedy and numerous peers (T53).

use crate::world::{ECHO_BYTES, advancing, check_serves, dial, echo, exchange, manual_env, plain, read_all};
use aitrading_env::Env;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// A peer that sends `bytes` and then no more is answered with `answer` (or cut in silence), thanks to the clock alone.
async fn check_reaped(bytes: &[u8], answer: &str) {
    let (env, clock) = manual_env();
    let door = echo(&env, plain()).await;
    let mut slow = dial(door.addr).await;
    slow.write_all(bytes).await.unwrap();
    // Others are served meanwhile, and without the clock nothing would end.
    check_serves(&mut dial(door.addr).await).await;
    let got = advancing(&clock, read_all(&mut slow)).await;
    assert!(got.starts_with(answer), "{got}");
    assert!(aitrading_env::Clock::mono_ns(&clock) > 4_000_000_000, "reaped before its time");
    // Ten seconds, and the steps that the test's own clock takes meanwhile.
    assert!(aitrading_env::Clock::mono_ns(&clock) < 11_000_000_000, "reaped too late");
}

#[tokio::test]
async fn t53_a_silent_peer_is_reaped() {
    check_reaped(b"", "").await;
}

#[tokio::test]
async fn t53_dripped_headers_are_reaped() {
    check_reaped(b"GET / HTTP/1.1\r\nhost: x\r\nx-drip: a", "").await;
}

#[tokio::test]
async fn t53_a_dripped_body_is_reaped() {
    check_reaped(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc", "HTTP/1.1 408 ").await;
}

#[tokio::test]
async fn t53_a_dripped_websocket_opening_is_reaped() {
    let opening = "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhl";
    check_reaped(opening.as_bytes(), "").await;
}

#[tokio::test]
async fn t53_a_body_that_trickles_forever_is_reaped_by_the_total_not_by_the_pause() {
    let (env, clock) = manual_env();
    let door = echo(&env, plain()).await;
    let mut slow = dial(door.addr).await;
    slow.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\n").await.unwrap();
    let mut seconds = 0;
    while slow.write_all(b"x").await.is_ok() {
        check_serves(&mut dial(door.addr).await).await;
        clock.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 14, "still open after {seconds} s");
    }
    assert!(seconds >= 9, "cut after {seconds} s");
}

#[tokio::test]
async fn t53_a_thousand_slow_peers_hold_up_nobody_and_are_all_gone_in_ten_seconds() {
    let (env, clock) = manual_env();
    let mut config = plain();
    config.limits.connections_per_address = 1_024;
    let door = echo(&env, config).await;
    let drips: [&[u8]; 4] = [
        b"",
        b"GET / HT",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nupgrade: w",
    ];
    let mut slow = Vec::new();
    for n in 0..1_000 {
        let mut stream = dial(door.addr).await;
        stream.write_all(drips[n % 4]).await.unwrap();
        slow.push(stream);
    }
    // Time stands still: only if the slow ones block nothing does this one get through.
    check_serves(&mut dial(door.addr).await).await;
    for _ in 0..101 {
        clock.advance(Duration::from_millis(100));
        check_serves(&mut dial(door.addr).await).await;
    }
    for mut stream in slow {
        advancing(&clock, read_all(&mut stream)).await;
    }
    let took = aitrading_env::Clock::mono_ns(&clock);
    assert!(took < 11_000_000_000, "the last one after {took} ns");
}

#[tokio::test]
async fn t53_headers_that_trickle_forever_are_reaped_by_the_total_not_by_the_pause() {
    let (env, clock) = manual_env();
    let door = echo(&env, plain()).await;
    let mut slow = dial(door.addr).await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut seconds = 0;
    while slow.write_all(b"x: y\r\n").await.is_ok() {
        check_serves(&mut dial(door.addr).await).await;
        clock.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 60, "still open after {seconds} s");
    }
    assert!(seconds >= 5, "cut after {seconds} s");
}

#[tokio::test]
async fn t53_a_peer_that_does_not_read_is_cut() {
    let (env, clock) = manual_env();
    let door = echo(&env, plain()).await;
    let stream = dial(door.addr).await;
    let (reader, mut writer) = tokio::io::split(stream);
    let body = "z".repeat(ECHO_BYTES);
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {ECHO_BYTES}\r\n\r\n{body}");
    // Requests without end, answers never taken: both directions fill up, until the server gives up.
    let flood = async { while writer.write_all(request.as_bytes()).await.is_ok() {} };
    let mut flood = std::pin::pin!(flood);
    let mut cut = false;
    for _ in 0..1_000_000 {
        tokio::select! {
            biased;
            () = &mut flood => {
                cut = true;
                break;
            }
            () = tokio::task::yield_now() => clock.advance(Duration::from_micros(100)),
        }
    }
    assert!(cut, "still open");
    drop(reader);
}

#[tokio::test]
async fn oversize_is_refused() {
    let door = echo(&Env::real(), plain()).await;
    let header = "h".repeat(20_000);
    let many = "x: y\r\n".repeat(100);
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nhost: x\r\nbig: {header}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", ECHO_BYTES + 1), "413"),
    ] {
        let answer = exchange(door.addr, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
}

#[tokio::test]
async fn caps_are_enforced_and_places_come_back() {
    let mut config = plain();
    config.limits.connections_per_address = 2;
    let door = echo(&Env::real(), config).await;
    let (mut one, mut two) = (dial(door.addr).await, dial(door.addr).await);
    check_serves(&mut one).await;
    check_serves(&mut two).await;
    assert_eq!(exchange_or_reset(door.addr).await, "", "the third is closed without a word");
    drop(one);
    let mut answer = String::new();
    for _ in 0..10_000 {
        answer = exchange_or_reset(door.addr).await;
        if !answer.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    check_serves(&mut two).await;
}

async fn exchange_or_reset(addr: std::net::SocketAddr) -> String {
    let mut stream = dial(addr).await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    match stream.write_all(request).await {
        Ok(()) => read_all(&mut stream).await,
        Err(_) => String::new(),
    }
}
