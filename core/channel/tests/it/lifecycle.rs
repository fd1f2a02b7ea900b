//! Time: heartbeats, the clock estimate, lost peers, slow handshakes, key renewal. All under a clock that is set by hand.

use crate::{
    proxy::{Way, honest, tampered},
    support::{EXPORTER, NOW_NS, S1, World, body, code, drain, error_code, next_frame, peer, send},
};
use aitrading_channel::{Event, Limits, accept, connect_over};
use aitrading_env::{Clock, Env};
use bytes::Bytes;
use std::time::Duration;

const BEAT: Duration = Duration::from_secs(15);

async fn heartbeat(session: &mut aitrading_channel::Session) -> Bytes {
    let told = async {
        loop {
            if let Event::Heartbeat { extra } = session.receiver.recv().await.unwrap() {
                return extra;
            }
        }
    };
    // The world's clock stands: without this a heartbeat that never comes would be waited for for ever.
    Env::real().timeout(Duration::from_secs(20), told).await.unwrap()
}

#[tokio::test]
async fn heartbeats_carry_both_applications_words_and_keep_a_quiet_session_alive() {
    let world = World::new(&Limits::default());
    let (mut client, mut server) = world.pair().await;
    client.sender.set_heartbeat_extra(Bytes::from_static(b"from client")).unwrap();
    server.sender.set_heartbeat_extra(Bytes::from_static(b"checkpoint")).unwrap();
    for _ in 0..20 {
        world.clock.advance(BEAT);
        assert_eq!(heartbeat(&mut server).await, "from client");
        assert_eq!(heartbeat(&mut client).await, "checkpoint");
    }
    assert!(client.sender.set_heartbeat_extra(Bytes::from(vec![0; 4097])).is_err());
}

/// Without the word of the application nothing would come before the first pause is over: the clock stands.
#[tokio::test]
async fn a_heartbeat_can_be_asked_for_at_once() {
    let world = World::new(&Limits::default());
    let (mut client, mut server) = world.pair().await;
    server.sender.set_heartbeat_extra(Bytes::from_static(b"checkpoint")).unwrap();
    for _ in 0..3 {
        client.sender.heartbeat_now();
        assert_eq!(heartbeat(&mut server).await, "");
        assert_eq!(heartbeat(&mut client).await, "checkpoint");
    }
    server.sender.heartbeat_now();
    send(&server, 1, 1).await;
    assert_eq!(next_frame(&mut client).await.0, 1, "a server does not ask");
}

#[tokio::test]
async fn the_client_learns_the_servers_clock_with_the_handshake_and_follows_a_step() {
    let world = World::new(&Limits::default());
    let (mut client, mut server) = world.pair().await;
    let estimate = client.sender.clock();
    assert_eq!(estimate.wall_at(world.clock.mono_ns()), NOW_NS);
    assert_eq!(estimate.err_ns, 0, "no time passed on the way");
    assert_eq!(server.sender.clock().wall_at(world.clock.mono_ns()), NOW_NS);
    world.clock.jump_wall(-3_600_000_000_000);
    world.clock.advance(BEAT);
    heartbeat(&mut server).await;
    heartbeat(&mut client).await;
    assert_eq!(client.sender.clock().wall_at(world.clock.mono_ns()), world.clock.wall_ns());
}

/// Without the check of silence, a half-open connection would stay for ever.
#[tokio::test]
async fn three_missed_heartbeats_end_the_session_on_both_sides() {
    let world = World::new(&Limits::default());
    let mut black_hole = false;
    let (a, b, _) = tampered(Box::new(move |way, n, payload| {
        black_hole |= way == Way::ToServer && n == 2;
        if black_hole { vec![] } else { vec![(way, payload)] }
    }));
    let (client, server) = world.open(a, b).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&client, 1, 1).await;
    for _ in 0..3 {
        // Let both tasks run at each beat.
        tokio::task::yield_now().await;
        world.clock.advance(BEAT);
    }
    assert_eq!(code(&drain(&mut client).await.1), "HEARTBEAT_LOST");
    assert_eq!(code(&drain(&mut server).await.1), "HEARTBEAT_LOST");
    let (again, mut server) = world.pair().await;
    assert!(again.resumed);
    assert_eq!(next_frame(&mut server).await, (1, body(1)), "what was lost with it is sent again");
}

#[tokio::test]
async fn a_peer_that_does_not_shake_hands_is_left_after_the_timeout() {
    let world = World::new(&Limits::default());
    let (silent, near) = tokio::io::duplex(1 << 16);
    let (accepted, ()) =
        tokio::join!(accept(&world.env, &world.server, Box::new(near), EXPORTER, peer(), &world.table), async {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_secs(10));
        });
    assert_eq!(error_code(&accepted.unwrap_err()), "HANDSHAKE_TIMEOUT");
    let (connected, ()) =
        tokio::join!(connect_over(&world.env, &world.client, Box::new(silent), EXPORTER, &world.resume), async {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_secs(10));
        });
    // The server's close is the first thing on that line; a line without any word runs into the timeout.
    assert!(["HANDSHAKE_TIMEOUT", "TRUNCATED", "CLOSED"].contains(&error_code(&connected.unwrap_err())));
}

/// The client's first message of a renewal: header, 96 bytes of handshake, padding, tag.
const RENEWAL: usize = 128 + 16;

/// Traffic flows both ways while the keys change under it. With either side switching a message early or late, the next
/// message would not decrypt.
#[tokio::test]
async fn keys_are_renewed_by_count_under_full_traffic() {
    let limits = Limits { rehandshake_messages: 50, window_frames: 64, ..Limits::default() };
    let world = World::new(&limits);
    let (a, b, log) = tampered(honest());
    let (client, server) = world.open(a, b).await;
    let (client, server) = (client.unwrap(), server.unwrap());
    let run = |session: aitrading_channel::Session| async move {
        let aitrading_channel::Session { sender, mut receiver, .. } = session;
        let out = sender.clone();
        let sending = tokio::task::spawn(async move {
            for n in 1..=3000 {
                assert_eq!(out.send(S1, 9, body(n)).await.unwrap(), n);
            }
        });
        let (mut got, mut acked) = (0, 0);
        while got < 3000 || acked < 3000 {
            match receiver.recv().await.unwrap() {
                Event::Frame { seq, body: bytes, .. } => {
                    got += 1;
                    assert_eq!((seq, bytes), (got, body(got)));
                    sender.ack(S1, seq);
                }
                Event::Acked { through, .. } => acked = through,
                _ => {}
            }
        }
        sending.await.unwrap();
        // Kept until both are through.
        (sender, receiver)
    };
    let ends = tokio::join!(run(client), run(server));
    let renewals = log.lock().unwrap().iter().filter(|(way, m)| *way == Way::ToServer && m.len() == RENEWAL).count();
    assert!(renewals >= 20, "{renewals} renewals");
    drop(ends);
}

#[tokio::test]
async fn keys_are_renewed_by_age() {
    let world = World::new(&Limits::default());
    let (a, b, log) = tampered(honest());
    let (client, server) = world.open(a, b).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    for _ in 0..61 {
        world.clock.advance(BEAT);
        heartbeat(&mut server).await;
        heartbeat(&mut client).await;
    }
    send(&client, 1, 1).await;
    assert_eq!(next_frame(&mut server).await.0, 1);
    let renewals = log.lock().unwrap().iter().filter(|(way, m)| *way == Way::ToServer && m.len() == RENEWAL).count();
    assert_eq!(renewals, 1, "after 15 minutes, once");
}
