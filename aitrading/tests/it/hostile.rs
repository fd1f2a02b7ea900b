//! Garbage at the bridge's door: closed with a reason, and the server stays as healthy as it was.
#![expect(clippy::disallowed_methods, reason = "what the door says is read to its end, within a time")]

use crate::{
    tls,
    world::{BRIDGE, Server, World},
};
use aitrading_channel::PATH;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BINARY: u8 = 0x82;
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

fn upgrade() -> Vec<u8> {
    let request = format!(
        "GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    request.into_bytes()
}

/// A client's frame: masked with zeros, which leaves the payload readable.
fn frame(first: u8, announced: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match announced {
        0..126 => bytes.push(0x80 | u8::try_from(announced).unwrap()),
        126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(announced).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(announced.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

async fn desk() -> (World, Server) {
    let world = World::new();
    world.init().await;
    let server = world.up().await;
    (world, server)
}

async fn still_healthy(world: &World, mut server: Server) {
    assert!(server.is_alive() && world.is_ready().await, "{}", server.log(world));
    let live = tls::get(world, BRIDGE, tls::demo_client(world), "/health/live").await.unwrap();
    assert!(live.starts_with("HTTP/1.1 200 OK"), "{live}");
    server.stop(world).await;
}

#[tokio::test]
async fn a_websocket_is_closed_with_a_code_and_a_reason() {
    let (world, server) = desk().await;
    let length = 10_u64 * 1024 * 1024;
    // Where the WebSocket itself is broken the reason is the library's, and the code is what counts.
    let cases: [(&str, Vec<u8>, u16, &str); 6] = [
        ("announced length beyond the limit", frame(BINARY, length, b"abc"), 1009, "max length"),
        ("length beyond all memory", frame(BINARY, u64::MAX >> 1, b""), 1009, "max length"),
        ("longer than any handshake message", frame(BINARY, 5_000, &[1; 5_000]), 1009, "max length"),
        ("reserved bits", frame(0xf2, 3, b"abc"), 1002, ""),
        ("text", frame(TEXT, 5, b"hello"), 1002, "BAD_FRAME"),
        ("no handshake", frame(BINARY, 96, &[0xa5; 96]), 1008, "HANDSHAKE_REFUSED"),
    ];
    for (what, bytes, code, reason) in cases {
        let mut stream = tls::dial(&world, BRIDGE, tls::demo_client(&world)).await.unwrap();
        let answer = tls::say(&world, &mut stream, &[upgrade(), bytes].concat()).await.unwrap();
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n").expect(what) + 4;
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{what}: {}", String::from_utf8_lossy(&answer));
        let told = &answer[head..];
        assert!(told.len() >= 4 && told[0] == CLOSE, "{what}: no close frame but {told:?}");
        assert_eq!(u16::from_be_bytes([told[2], told[3]]), code, "{what}: {told:?}");
        let words = String::from_utf8_lossy(&told[4..]).into_owned();
        assert!(words.contains(reason) && !words.is_empty(), "{what}: {words:?}");
    }
    still_healthy(&world, server).await;
}

#[tokio::test]
async fn garbage_instead_of_http_is_answered_and_closed() {
    let (world, server) = desk().await;
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let cases: [(&str, &[u8]); 4] = [
        ("noise", b"\x00\xff\x13\x37garbage\r\n\r\n"),
        ("no version", b"HELLO\r\n\r\n"),
        (
            "two lengths",
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        ),
        ("endless header", long.as_bytes()),
    ];
    for (what, bytes) in cases {
        let mut stream = tls::dial(&world, BRIDGE, tls::demo_client(&world)).await.unwrap();
        // A server that closes while we still write resets the connection: that is an answer as well.
        let answer = tls::say(&world, &mut stream, bytes).await.unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    }
    let mut stream = tls::dial(&world, BRIDGE, tls::demo_client(&world)).await.unwrap();
    let plain = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = tls::say(&world, &mut stream, plain.as_bytes()).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("UPGRADE_REFUSED"), "{answer}");
    still_healthy(&world, server).await;
}

#[tokio::test]
async fn garbage_instead_of_tls_is_closed() {
    let (world, server) = desk().await;
    for bytes in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[0xff; 4_096], &[0x16, 3, 1, 0xff, 0xff, 1]] {
        let mut stream = world.env.net.connect(world.address(BRIDGE)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // Nothing more comes from us: the server must not wait for ever.
        stream.shutdown().await.unwrap();
        let ended = world.env.timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the connection stays open after {bytes:?}");
        assert!(!answer.starts_with(b"HTTP"), "the door speaks without TLS");
    }
    still_healthy(&world, server).await;
}

#[tokio::test]
async fn a_crowd_of_silent_connections_keeps_nobody_out() {
    let (world, server) = desk().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(world.env.net.connect(world.address(BRIDGE)).await.unwrap());
    }
    let live = tls::get(&world, BRIDGE, tls::demo_client(&world), "/health/live").await.unwrap();
    assert!(live.starts_with("HTTP/1.1 200 OK"), "{live}");
    // They are still open when the server drains.
    still_healthy(&world, server).await;
    drop(silent);
}
