//! T01 to T07: what somebody in the middle can do, and that it does not help. Every message but the handshake's two is a Noise
//! transport message; message 2 of the client's is its hello, so its data begins with message 2 (counted from 0).

use crate::{
    proxy::{Tamper, Way, cut, honest, tampered},
    support::{EXPORTER, S1, World, body, code, drain, error_code, next_frame, peer, send},
};
use aitrading_channel::{ChannelError, CloseReason, Limits, Session, accept};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Message};

/// The client's data messages start here: after the handshake message and the hello.
const DATA: usize = 2;
const FRAMES: u64 = 12;

async fn opened(world: &World, tamper: Tamper) -> (Session, Session) {
    let (a, b, _) = tampered(tamper);
    let (client, server) = world.open(a, b).await;
    (client.unwrap(), server.unwrap())
}

/// Sends frames through the tamperer, then reconnects honestly: everything arrives once, in order, and exactly what was missing
/// is sent again.
async fn check_tampered(tamper: Tamper, intact: u64) {
    check_tampered_of(FRAMES, tamper, intact).await;
}

async fn check_tampered_of(frames: u64, tamper: Tamper, intact: u64) {
    let world = World::new(&Limits::default());
    let (client, mut server) = opened(&world, tamper).await;
    send(&client, 1, frames).await;
    let (seen, end) = drain(&mut server).await;
    assert_eq!(seen, (1..=intact).collect::<Vec<_>>());
    assert_eq!(code(&end), "DECRYPT");
    let (mut client, seen_end) = (client, drain(&mut server).await.1);
    assert_eq!(code(&seen_end), "CLOSED", "told once");
    assert_eq!(code(&drain(&mut client).await.1), "DECRYPT", "the peer is told the reason");

    let (a, b, log) = tampered(honest());
    let (again, back) = world.open(a, b).await;
    let (again, mut back) = (again.unwrap(), back.unwrap());
    assert!(again.resumed && back.resumed);
    for n in intact + 1..=frames {
        assert_eq!(next_frame(&mut back).await, (n, body(n)));
    }
    let data = log.lock().unwrap().iter().filter(|(way, _)| *way == Way::ToServer).count() - DATA;
    assert_eq!(data as u64, frames - intact, "exactly the missing frames were sent again");
}

/// T01. Removing the counter nonce (opening with the message's own number) lets the duplicate through to the sequence check;
/// removing that as well delivers it twice. Message k needs k messages before it, so all of 1 to 1,000 would be half a million in
/// 17 s of a dev build; these are each of the first 200 and each 20th of the others, in 3 s.
#[tokio::test]
async fn t01_a_repeated_message_closes_and_is_never_delivered_twice() {
    for k in (0..200).chain((219..1000).step_by(20)) {
        let at = DATA + usize::try_from(k).unwrap();
        check_tampered_of(
            k + 2,
            Box::new(move |way, n, payload| {
                let copies = if (way, n) == (Way::ToServer, at) { 2 } else { 1 };
                vec![(way, payload); copies]
            }),
            k + 1,
        )
        .await;
    }
}

/// T02. As T01.
#[tokio::test]
async fn t02_two_swapped_messages_close() {
    for k in 0..FRAMES - 1 {
        let at = DATA + usize::try_from(k).unwrap();
        let mut held: Option<Bytes> = None;
        check_tampered(
            Box::new(move |way, n, payload| match (way, n) {
                (Way::ToServer, n) if n == at => {
                    held = Some(payload);
                    vec![]
                }
                (Way::ToServer, n) if n == at + 1 => vec![(way, payload), (way, held.take().unwrap())],
                _ => vec![(way, payload)],
            }),
            k,
        )
        .await;
    }
}

/// T03. As T01: without counter and sequence check the frame after the gap would be delivered.
#[tokio::test]
async fn t03_a_dropped_message_is_noticed_at_the_next_and_fetched_by_resuming() {
    for k in 0..FRAMES - 1 {
        let at = DATA + usize::try_from(k).unwrap();
        check_tampered(
            Box::new(
                move |way, n, payload| if (way, n) == (Way::ToServer, at) { vec![] } else { vec![(way, payload)] },
            ),
            k,
        )
        .await;
    }
}

/// T05. Without the tag check the frame would be delivered changed; `drain` compares bodies.
#[tokio::test]
async fn t05_a_flipped_bit_in_any_byte_of_a_message_closes() {
    for at_byte in 0..64 {
        check_tampered(
            Box::new(move |way, n, payload| {
                let mut payload = payload.to_vec();
                if (way, n) == (Way::ToServer, DATA + 3) {
                    let at = at_byte % payload.len();
                    payload[at] ^= 1 << (at_byte % 8);
                }
                vec![(way, payload.into())]
            }),
            3,
        )
        .await;
    }
}

/// T05 for the handshake: neither side opens a session on an altered message.
#[tokio::test]
async fn t05_a_flipped_bit_in_the_handshake_opens_nothing() {
    for (target_way, target, len) in [(Way::ToServer, 0, 96), (Way::ToClient, 0, 48), (Way::ToServer, 1, 80)] {
        for at in (0..len).step_by(5) {
            let world = World::new(&Limits::default());
            let (a, b, _) = tampered(Box::new(move |way, n, payload| {
                let mut payload = payload.to_vec();
                if (way, n) == (target_way, target) {
                    payload[at] ^= 0x10;
                }
                vec![(way, payload.into())]
            }));
            let (client, server) = world.open(a, b).await;
            assert!(client.is_err() && server.is_err(), "{target_way:?} {target}, byte {at}");
            assert!(world.table.is_empty(), "nothing is remembered of it");
        }
    }
}

/// T04. Without the authenticated close, a stream that ends between two frames would look like a good end.
#[tokio::test]
async fn t04_a_cut_at_any_byte_is_truncation_and_surfaces_no_partial_frame() {
    async fn run(limit: usize) -> (usize, Option<(Vec<u64>, &'static str)>) {
        let world = World::new(&Limits::default());
        let (a, b, passed) = cut(limit);
        let server = tokio::task::spawn({
            let (env, settings) = (world.env.clone(), world.server.clone());
            async move {
                let table = aitrading_channel::ResumeTable::new(4, std::time::Duration::from_secs(1));
                let mut session = accept(&env, &settings, b, EXPORTER, peer(), &table).await.ok()?;
                let (seen, end) = drain(&mut session).await;
                Some((seen, code(&end)))
            }
        });
        let client = aitrading_channel::connect_over(&world.env, &world.client, a, EXPORTER, &world.resume).await;
        if let Ok(client) = client {
            for n in 1..=3 {
                // The cut may come before the last one is taken.
                drop(client.sender.send(S1, 9, body(n)).await);
            }
            client.sender.close(CloseReason::Normal).await;
        }
        let seen = server.await.unwrap();
        let passed = *passed.lock().unwrap();
        (passed, seen)
    }
    let (total, whole) = run(usize::MAX).await;
    assert_eq!(whole, Some((vec![1, 2, 3], "NORMAL")));
    let close = 100; // The close frame and the WebSocket's own close come last.
    for limit in 0..total {
        let (_, seen) = run(limit).await;
        let Some((frames, end)) = seen else { continue };
        assert_eq!(frames, (1..=frames.len() as u64).collect::<Vec<_>>());
        if end == "NORMAL" {
            assert!(limit > total - close && frames.len() == 3, "cut at {limit} of {total}");
        } else {
            assert_eq!(end, "TRUNCATED", "cut at {limit} of {total}");
        }
    }
}

/// T04. A WebSocket close is not protected by Noise: taken for a good end, it would hide what was cut off before it.
#[tokio::test]
async fn t04_a_close_of_the_websocket_alone_is_truncation() {
    let world = World::new(&Limits::default());
    let (a, b) = tokio::io::duplex(1 << 16);
    let near = tokio::io::duplex(1 << 16);
    let relay = async {
        let mut to_client = tokio_websockets::ServerBuilder::new().serve(b);
        let mut to_server = ClientBuilder::new().take_over(near.0);
        for _ in 0..2 {
            to_server.send(to_client.next().await.unwrap().unwrap()).await.unwrap();
            to_client.send(to_server.next().await.unwrap().unwrap()).await.unwrap();
        }
        let code = tokio_websockets::CloseCode::NORMAL_CLOSURE;
        to_server.send(Message::close(Some(code), "NORMAL")).await.unwrap();
        (to_client, to_server)
    };
    let ((client, server), sockets) = tokio::join!(world.open(Box::new(a), Box::new(near.1)), relay);
    assert_eq!(code(&drain(&mut server.unwrap()).await.1), "TRUNCATED");
    drop((client, sockets));
}

/// T06. Reflection is refused because each direction has its own key; splicing because every session has its own.
#[tokio::test]
async fn t06_frames_of_the_other_direction_or_of_another_session_are_refused() {
    let world = World::new(&Limits::default());
    let reflect: Tamper = Box::new(|way, n, payload| match (way, n) {
        (Way::ToClient, 2) => vec![(Way::ToServer, payload.clone()), (way, payload)],
        _ => vec![(way, payload)],
    });
    let (_client, mut server) = opened(&world, reflect).await;
    send(&server, 1, 1).await;
    assert_eq!(code(&drain(&mut server).await.1), "DECRYPT");

    let (a, b, log) = tampered(honest());
    let (first, taken) = world.open(a, b).await;
    let (first, mut taken) = (first.unwrap(), taken.unwrap());
    send(&first, 1, 1).await;
    assert_eq!(next_frame(&mut taken).await.0, 1);
    let recorded = log.lock().unwrap().iter().filter(|(way, _)| *way == Way::ToServer).last().unwrap().1.clone();
    let other = World::new(&Limits::default());
    let splice: Tamper = Box::new(move |way, n, payload| {
        let payload = if (way, n) == (Way::ToServer, DATA) { recorded.clone() } else { payload };
        vec![(way, payload)]
    });
    let (client, mut server) = opened(&other, splice).await;
    send(&client, 1, 1).await;
    let (seen, end) = drain(&mut server).await;
    assert_eq!((seen.len(), code(&end)), (0, "DECRYPT"));
}

/// T06. Without the exporter in the prologue both sides would open a session across two TLS connections.
#[tokio::test]
async fn t06_a_session_cannot_be_moved_to_another_tls_connection() {
    let world = World::new(&Limits::default());
    let (a, b) = tokio::io::duplex(1 << 16);
    let (client, server) = tokio::join!(
        aitrading_channel::connect_over(&world.env, &world.client, Box::new(a), EXPORTER, &world.resume),
        accept(&world.env, &world.server, Box::new(b), [1; 32], peer(), &world.table),
    );
    assert_eq!(error_code(&client.unwrap_err()), "HANDSHAKE_REFUSED");
    assert_eq!(error_code(&server.unwrap_err()), "HANDSHAKE_REFUSED");
}

/// Each costs a millisecond of a dev build; 10,000, as the threat model has it, take 10 s and differ in nothing.
const REPLAYS: u32 = 2_500;

/// T07. If the server remembered a session on the first message, the table would fill with replays.
#[tokio::test]
async fn t07_a_replayed_first_message_has_no_effect() {
    let world = World::new(&Limits::default());
    let (a, b, log) = tampered(honest());
    let (client, _server) = world.open(a, b).await;
    let client = client.unwrap();
    let first = log.lock().unwrap()[0].1.clone();
    let hello = log.lock().unwrap().iter().filter(|(way, _)| *way == Way::ToServer).nth(1).unwrap().1.clone();
    assert_eq!(world.table.len(), 1);
    drop(client);
    for _ in 0..REPLAYS {
        let (a, b) = tokio::io::duplex(1 << 16);
        let attacker = async {
            let mut socket = ClientBuilder::new().take_over(a);
            socket.send(Message::binary(first.clone())).await.unwrap();
            // The answer comes, but the keys it belongs to are not the attacker's: the recorded hello does not decrypt.
            socket.next().await.unwrap().unwrap();
            socket.send(Message::binary(hello.clone())).await.unwrap();
            while socket.next().await.is_some() {}
        };
        let (accepted, ()) =
            tokio::join!(accept(&world.env, &world.server, Box::new(b), EXPORTER, peer(), &world.table), attacker);
        assert!(matches!(accepted, Err(ChannelError::Decrypt)));
        assert_eq!(world.table.len(), 1);
    }
}
