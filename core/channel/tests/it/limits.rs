//! T55 and other floods: limits hold before memory is taken.

use crate::support::{EXPORTER, S1, World, body, code, drain, error_code, peer};
use aitrading_channel::{Limits, MAX_BODY, accept};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Sends raw bytes to a server that waits for the handshake: the code it ends with, and what it answered.
async fn check_raw(bytes: &[u8]) -> (&'static str, Vec<u8>) {
    let world = World::new(&Limits::default());
    let (mut a, b) = tokio::io::duplex(1 << 20);
    let attacker = async {
        a.write_all(bytes).await.unwrap();
        let mut answer = vec![0; 256];
        let n = a.read(&mut answer).await.unwrap();
        answer.truncate(n);
        drop(a);
        answer
    };
    let (accepted, answer) =
        tokio::join!(accept(&world.env, &world.server, Box::new(b), EXPORTER, peer(), &world.table), attacker);
    (error_code(&accepted.unwrap_err()), answer)
}

/// The WebSocket close code in an answer.
fn closed_with(answer: &[u8]) -> u16 {
    assert_eq!(answer[0], 0x88, "a close frame");
    u16::from_be_bytes([answer[2], answer[3]])
}

/// T55. The header announces more than there is memory; with the limit checked after the allocation this would abort.
#[tokio::test]
async fn t55_a_message_of_2_to_63_bytes_is_refused_by_its_header() {
    let mut header = vec![0x82, 0x80 | 127];
    header.extend_from_slice(&(1u64 << 63).to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    let (code, answer) = check_raw(&header).await;
    assert_eq!((code, closed_with(&answer)), ("FRAME_TOO_LARGE", 1009));
}

/// Before the handshake is complete, not even what a session may send is allowed.
#[tokio::test]
async fn a_long_message_before_the_handshake_is_refused() {
    let mut header = vec![0x82, 0x80 | 126];
    header.extend_from_slice(&60_000u16.to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    let (code, answer) = check_raw(&header).await;
    assert_eq!((code, closed_with(&answer)), ("FRAME_TOO_LARGE", 1009));
}

#[tokio::test]
async fn garbage_instead_of_websocket_frames_is_refused() {
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        &[0xff; 64],
        &[0x00; 64],
        &[0x82, 0x05, 1, 2, 3, 4, 5],
        &[0xc2, 0x81, 0, 0, 0, 0, 0],
    ] {
        let (code, _) = check_raw(bytes).await;
        assert_eq!(code, "BAD_FRAME", "{bytes:?}");
    }
}

#[tokio::test]
async fn well_formed_messages_that_are_no_handshake_are_refused() {
    // Masked with zeros: a binary message of 96 zero bytes, a text, a ping.
    let binary = [&[0x82, 0x80 | 96, 0, 0, 0, 0], [0; 96].as_slice()].concat();
    assert_eq!(check_raw(&binary).await.0, "HANDSHAKE_REFUSED");
    assert_eq!(check_raw(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.0, "BAD_FRAME");
    assert_eq!(check_raw(&[0x89, 0x80, 0, 0, 0, 0]).await.0, "BAD_FRAME");
}

/// Memory stays within the window whatever the application does: the sender stops.
#[tokio::test]
async fn t58_a_slow_application_stops_its_peer_at_the_window() {
    let limits = Limits { window_bytes: 4 * MAX_BODY as u64, ..Limits::default() };
    let world = World::new(&limits);
    let (client, mut server) = world.pair().await;
    let big = Bytes::from(vec![1; MAX_BODY]);
    let mut taken = 0;
    while client.sender.try_send(S1, 1, &big).unwrap().is_some() {
        taken += 1;
    }
    assert_eq!(taken, 4);
    assert!(server.receiver.recv().await.is_ok());
    server.sender.ack(S1, 1);
    assert_eq!(client.sender.send(S1, 1, big).await.unwrap(), 5);
}

/// A receiver with a smaller window than the sender's own rules both.
#[tokio::test]
async fn the_smaller_window_of_both_sides_holds() {
    let mut world = World::new(&Limits::default());
    world.server.limits.window_frames = 2;
    let (client, server) = world.pair().await;
    for n in 1..=2 {
        assert_eq!(client.sender.try_send(S1, 9, &body(n)).unwrap(), Some(n));
        assert_eq!(server.sender.try_send(S1, 9, &body(n)).unwrap(), Some(n));
    }
    assert_eq!(client.sender.try_send(S1, 9, &body(3)).unwrap(), None);
    assert_eq!(server.sender.try_send(S1, 9, &body(3)).unwrap(), None);
}

#[tokio::test]
async fn a_full_table_refuses_new_sessions_and_says_so() {
    let mut world = World::new(&Limits::default());
    world.table = aitrading_channel::ResumeTable::new(1, std::time::Duration::from_secs(60));
    let (mut first, _server) = world.pair().await;
    world.resume = aitrading_channel::Resume::new(&world.env);
    let (a, b) = tokio::io::duplex(1 << 16);
    let (client, server) = world.open(Box::new(a), Box::new(b)).await;
    assert_eq!(error_code(&client.unwrap_err()), "RESUME_CAPACITY");
    assert_eq!(error_code(&server.unwrap_err()), "RESUME_CAPACITY");
    drop(_server);
    assert_eq!(code(&drain(&mut first).await.1), "GOING_AWAY", "the session that was there is untouched");
}
