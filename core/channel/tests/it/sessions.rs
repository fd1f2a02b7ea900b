//! Honest sessions: order, acknowledgement, window, resume.

use crate::support::{S1, World, body, code, drain, error_code, next_frame, send};
use aitrading_channel::{ChannelError, CloseReason, Event, Limits, MAX_BODY, Resume, Session, StreamId};
use bytes::Bytes;
use std::time::Duration;

#[tokio::test]
async fn frames_go_both_ways_in_order_and_are_acknowledged() {
    let world = World::new(&Limits::default());
    let (mut client, mut server) = world.pair().await;
    assert!(!client.resumed && !server.resumed);
    assert_eq!(client.handshake_hash, server.handshake_hash);
    assert_eq!(client.peer_key, world.server.noise_static.public());
    assert_eq!(server.peer_key, world.client.noise_static.public());
    assert_eq!(server.peer, Some(crate::support::peer()));
    send(&client, 1, 500).await;
    send(&server, 1, 500).await;
    for n in 1..=500 {
        assert_eq!(next_frame(&mut server).await, (n, body(n)));
        assert_eq!(next_frame(&mut client).await, (n, body(n)));
    }
    server.sender.ack_through(S1, 499);
    server.sender.ack(S1, 500);
    let mut acked = 0;
    while acked < 500 {
        if let Event::Acked { stream, through } = client.receiver.recv().await.unwrap() {
            assert!(stream == S1 && through > acked);
            acked = through;
        }
    }
    server.sender.flush_acks().await.unwrap();
}

#[tokio::test]
async fn streams_are_numbered_apart_and_any_body_up_to_the_limit_passes() {
    let world = World::new(&Limits::default());
    let (client, mut server) = world.pair().await;
    for (stream, len) in [(1, 0), (2, MAX_BODY), (1, 17), (0xffff, 1)] {
        client.sender.send(StreamId(stream), 1, Bytes::from(vec![7; len])).await.unwrap();
    }
    for (wanted, seq, len) in [(1, 1, 0), (2, 1, MAX_BODY), (1, 2, 17), (0xffff, 1, 1)] {
        match server.receiver.recv().await.unwrap() {
            Event::Frame { stream, seq: got, body, .. } => {
                assert_eq!((stream, got, body.len()), (StreamId(wanted), seq, len));
            }
            other => panic!("{other:?}"),
        }
    }
    let too_long = client.sender.send(S1, 1, Bytes::from(vec![0; MAX_BODY + 1])).await;
    assert_eq!(error_code(&too_long.unwrap_err()), "FRAME_TOO_LARGE");
    let reserved = client.sender.send(StreamId(0), 1, Bytes::new()).await;
    assert_eq!(error_code(&reserved.unwrap_err()), "BAD_FRAME");
}

/// Without the window an application that acknowledges nothing would fill the sender's memory.
#[tokio::test]
async fn a_full_window_makes_the_sender_wait_for_an_acknowledgement() {
    let world = World::new(&Limits { window_frames: 4, ..Limits::default() });
    let (client, mut server) = world.pair().await;
    send(&client, 1, 4).await;
    assert_eq!(client.sender.try_send(S1, 9, &body(5)).unwrap(), None);
    let sender = client.sender.clone();
    let waiting = tokio::task::spawn(async move { sender.send(S1, 9, body(5)).await });
    for n in 1..=4 {
        assert_eq!(next_frame(&mut server).await.0, n);
    }
    assert!(!waiting.is_finished());
    server.sender.ack(S1, 2);
    assert_eq!(waiting.await.unwrap().unwrap(), 5, "2 alone is acknowledged selectively");
    assert_eq!(next_frame(&mut server).await, (5, body(5)));
}

async fn lose_connection(world: &World, client: Session, mut server: Session) -> Vec<u64> {
    // The client vanishes without a close: its task is cut off from the network.
    drop(client);
    let seen = drain(&mut server).await.0;
    drop(server);
    world.clock.advance(Duration::from_secs(1));
    seen
}

#[tokio::test]
async fn a_resumed_session_continues_where_the_application_was() {
    let world = World::new(&Limits::default());
    let (client, mut server) = world.pair().await;
    send(&client, 1, 10).await;
    for n in 1..=10 {
        assert_eq!(next_frame(&mut server).await.0, n);
    }
    let late = server.sender.clone();
    server.sender.ack_through(S1, 4);
    lose_connection(&world, client, server).await;

    let (mut client, mut server) = world.pair().await;
    assert!(client.resumed && server.resumed);
    send(&client, 11, 12).await;
    assert_eq!(next_frame(&mut server).await, (11, body(11)), "what was taken does not come again");
    // Frames 5 to 10 became durable only now; the sender of the old connection says so, the new one carries it.
    late.ack_through(S1, 10);
    let mut acked = 0;
    while acked < 10 {
        if let Event::Acked { through, .. } = client.receiver.recv().await.unwrap() {
            acked = through;
        }
    }
    assert_eq!(error_code(&late.send(S1, 9, body(1)).await.unwrap_err()), "SUPERSEDED");
}

#[tokio::test]
async fn frames_that_the_application_did_not_take_come_again() {
    let world = World::new(&Limits::default());
    let (client, mut server) = world.pair().await;
    send(&client, 1, 10).await;
    assert_eq!(next_frame(&mut server).await.0, 1);
    // The other nine are in the receiver's inbox when the server's application goes away.
    drop(server);
    let mut client = client;
    assert_eq!(code(&drain(&mut client).await.1), "GOING_AWAY");
    let (_client, mut server) = world.pair().await;
    for n in 2..=10 {
        assert_eq!(next_frame(&mut server).await, (n, body(n)));
    }
}

#[tokio::test]
async fn a_server_that_forgot_starts_both_sides_from_one() {
    let world = World::new(&Limits::default());
    let (client, server) = world.pair().await;
    send(&client, 1, 5).await;
    let stale = client.sender.clone();
    lose_connection(&world, client, server).await;
    world.table.forget(&crate::support::peer(), world.resume.id());
    let (mut client, mut server) = world.pair().await;
    assert!(!client.resumed && !server.resumed);
    stale.ack(S1, 1);
    send(&client, 1, 3).await;
    send(&server, 1, 1).await;
    for n in 1..=3 {
        assert_eq!(next_frame(&mut server).await, (n, body(n)));
    }
    assert_eq!(next_frame(&mut client).await.0, 1);
}

#[tokio::test]
async fn a_client_that_forgot_is_not_resumed() {
    let mut world = World::new(&Limits::default());
    let (client, server) = world.pair().await;
    send(&client, 1, 5).await;
    lose_connection(&world, client, server).await;
    world.resume = Resume::new(&world.env);
    let (client, server) = world.pair().await;
    assert!(!client.resumed && !server.resumed);
}

/// Without the generation, two connections would share one memory and each deliver part of the frames.
#[tokio::test]
async fn a_newer_connection_takes_the_session_over() {
    let world = World::new(&Limits::default());
    let (mut old_client, mut old_server) = world.pair().await;
    send(&old_client, 1, 3).await;
    assert_eq!(next_frame(&mut old_server).await.0, 1);
    let (client, mut server) = world.pair().await;
    assert!(client.resumed);
    assert_eq!(error_code(&old_server.receiver.recv().await.unwrap_err()), "SUPERSEDED");
    assert_eq!(error_code(&old_client.receiver.recv().await.unwrap_err()), "SUPERSEDED");
    send(&client, 4, 4).await;
    for n in 2..=4 {
        assert_eq!(next_frame(&mut server).await.0, n);
    }
}

#[tokio::test]
async fn closing_delivers_what_was_queued_and_names_the_reason() {
    let world = World::new(&Limits::default());
    let (client, mut server) = world.pair().await;
    send(&client, 1, 300).await;
    client.sender.close(CloseReason::Policy).await;
    let (seen, end) = drain(&mut server).await;
    assert_eq!(seen.len(), 300);
    assert_eq!(end.unwrap(), Event::Closed { reason: CloseReason::Policy });
    let after = client.sender.send(S1, 9, body(301)).await;
    assert!(matches!(after, Err(ChannelError::Closed { reason: CloseReason::Policy })));
}

#[tokio::test]
async fn a_waiting_sender_is_woken_by_the_end() {
    let world = World::new(&Limits { window_frames: 1, ..Limits::default() });
    let (client, server) = world.pair().await;
    send(&client, 1, 1).await;
    let sender = client.sender.clone();
    let waiting = tokio::task::spawn(async move { sender.send(S1, 9, body(2)).await });
    server.sender.close(CloseReason::GoingAway).await;
    assert_eq!(error_code(&waiting.await.unwrap().unwrap_err()), "CLOSED");
}
