//! What a WebSocket's peer may send: how many frames, how many bytes, how large (T54, T55).

use crate::world::{Running, dial, manual_env, plain, read_until};
use aitrading_env::{BoxStream, Env};
use aitrading_http::{
    Handler, Request, Response,
    websocket::{MessageLimits, Origins, metered, upgrade},
};
use async_trait::async_trait;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_websockets::{ClientBuilder, Message, ServerBuilder, WebSocketStream};

const OPENING: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// Close frames of a server, without their reasons' texts: 1008 and 1009.
const FLOOD: [u8; 2] = 1008_u16.to_be_bytes();
const TOO_BIG: [u8; 2] = 1009_u16.to_be_bytes();

fn limits() -> MessageLimits {
    MessageLimits { frames_per_second: 100, frames_burst: 200, ..MessageLimits::default() }
}

/// Echoes binary messages over a metered stream, and never says anything about floods itself.
struct Socket(Env);

#[async_trait]
impl Handler for Socket {
    async fn handle(&self, request: Request) -> Response {
        let (response, stream) = upgrade(request, &Origins::none()).unwrap();
        let clock = Arc::clone(&self.0.clock);
        let echo = async move {
            let stream = metered(stream.await.unwrap(), clock, limits());
            let mut socket = ServerBuilder::new().serve(stream);
            while let Some(Ok(message)) = socket.next().await {
                if message.is_binary() && socket.send(message).await.is_err() {
                    return;
                }
            }
        };
        drop(self.0.spawn.task("socket", Box::pin(echo)));
        response
    }
}

async fn door(env: &Env) -> Running {
    Running::start(env, plain(), Arc::new(Socket(env.clone()))).await.unwrap()
}

async fn raw(door: &Running) -> BoxStream {
    let mut stream = dial(door.addr).await;
    stream.write_all(OPENING).await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    stream
}

async fn client(door: &Running) -> WebSocketStream<BoxStream> {
    let uri = format!("ws://{}/", door.addr);
    ClientBuilder::new().uri(&uri).unwrap().connect_on(dial(door.addr).await).await.unwrap().0
}

async fn check_echoes(socket: &mut WebSocketStream<BoxStream>, text: &'static str) {
    socket.send(Message::binary(text)).await.unwrap();
    assert_eq!(&**socket.next().await.unwrap().unwrap().as_payload(), text.as_bytes());
}

/// A masked frame as a client sends it: opcode with its flags, and as many zero bytes.
fn frame(first: u8, payload: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload {
        0..=125 => bytes.push(0x80 | payload as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((payload as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload as u64).to_be_bytes());
        }
    }
    bytes.extend(vec![0; 4 + payload]);
    bytes
}

/// All that the server still sends; a reset counts as the end.
async fn rest(stream: &mut BoxStream) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buf).await {
        all.extend_from_slice(&buf[..n]);
    }
    all
}

/// The code of the close frame that ends what the server sent, which is a sequence of whole frames.
fn closed_with(mut sent: &[u8]) -> Option<[u8; 2]> {
    let mut code = None;
    while let [first, len @ 0..=125, rest @ ..] = sent {
        assert!(code.is_none(), "nothing follows a close frame");
        let (payload, next) = rest.split_at_checked(usize::from(*len)).expect("a whole frame");
        code = (*first == 0x88).then(|| [payload[0], payload[1]]);
        sent = next;
    }
    assert!(sent.is_empty(), "{sent:?}");
    code
}

/// These frames, again and again at one instant, end in 1008, while another client is served.
async fn check_flood(frames: &[u8]) {
    let (env, _clock) = manual_env();
    let door = door(&env).await;
    let mut other = client(&door).await;
    check_echoes(&mut other, "before").await;
    let (mut reader, mut writer) = tokio::io::split(raw(&door).await);
    let flood = async {
        let many = frames.repeat(1 + 4_096 / frames.len());
        for _ in 0..1_000 {
            if writer.write_all(&many).await.is_err() {
                return;
            }
        }
    };
    let mut sent = Vec::new();
    let read = async {
        let mut buf = [0; 4096];
        while closed(&sent).is_none() {
            let n = reader.read(&mut buf).await.expect("the close frame comes before the end");
            assert_ne!(n, 0, "the close frame comes before the end");
            sent.extend_from_slice(&buf[..n]);
        }
    };
    tokio::join!(flood, read);
    assert_eq!(closed(&sent), Some(FLOOD));
    check_echoes(&mut other, "after").await;
}

/// As [`closed_with`], for an answer that is still coming.
fn closed(sent: &[u8]) -> Option<[u8; 2]> {
    let mut at = 0;
    while let Some([first, len]) = sent.get(at..at + 2) {
        let payload = sent.get(at + 2..at + 2 + usize::from(*len))?;
        if *first == 0x88 {
            return Some([payload[0], payload[1]]);
        }
        at += 2 + payload.len();
    }
    None
}

#[tokio::test]
async fn t54_a_flood_of_frames_is_closed_with_1008_and_others_are_served() {
    check_flood(&frame(0x82, 1)).await;
    check_flood(&frame(0x89, 0)).await;
    check_flood(&frame(0x8a, 5)).await;
    // Pieces of a message that never ends, which the decoder shows to nobody.
    check_flood(&[frame(0x02, 0), frame(0x00, 0).repeat(300)].concat()).await;
}

#[tokio::test]
async fn t54_the_default_limits_close_fifty_thousand_frames_a_second() {
    let (env, clock) = manual_env();
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let mut stream = metered(Box::new(far), Arc::clone(&env.clock), MessageLimits::default());
    let mut buf = vec![0; 4096];
    let mut frames = 0;
    for _ in 0..50_000 {
        near.write_all(&frame(0x82, 1)).await.unwrap();
        clock.advance(Duration::from_micros(20));
        match stream.read(&mut buf).now_or_never() {
            Some(read) => assert_ne!(read.unwrap(), 0, "the end comes a second after the peer was told"),
            None => break,
        }
        frames += 1;
    }
    assert!((1_000..1_050).contains(&frames), "{frames}");
    let mut close = [0; 4];
    near.read_exact(&mut close).await.unwrap();
    assert_eq!((close[0], &close[2..]), (0x88, &FLOOD[..]));
    assert_eq!(stream.write(b"more").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    clock.advance(Duration::from_secs(1));
    assert_eq!(stream.read(&mut buf).await.unwrap(), 0);
}

#[tokio::test]
async fn t54_bytes_are_counted_too() {
    // Messages that the echo keeps to itself: 64 of them are the burst of bytes, far below that of frames.
    check_flood(&frame(0x81, 65_536)).await;
}

#[tokio::test]
async fn who_keeps_to_the_pace_is_never_closed() {
    let (env, clock) = manual_env();
    let door = door(&env).await;
    let mut socket = client(&door).await;
    for _ in 0..1_000 {
        check_echoes(&mut socket, "steady").await;
        clock.advance(Duration::from_millis(10));
    }
}

/// A frame that is too large ends in 1009, however its bytes come.
async fn check_too_big(header: &[u8]) {
    let door = door(&Env::real()).await;
    for pieces in [1, 2, header.len()] {
        let mut stream = raw(&door).await;
        stream.write_all(&frame(0x82, 3)).await.unwrap();
        for piece in header.chunks(header.len().div_ceil(pieces)) {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let sent = rest(&mut stream).await;
        assert_eq!(closed_with(&sent), Some(TOO_BIG), "{header:?} in {pieces}: {sent:?}");
        assert!(sent.starts_with(&[0x82, 3]), "what came before is answered: {sent:?}");
    }
}

#[tokio::test]
async fn t55_a_frame_that_is_too_large_is_closed_with_1009_from_its_header() {
    let header = |length: u64| [&[0x82, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
    for length in [65_537, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX] {
        check_too_big(&header(length)).await;
    }
    // Five pieces of 64 KiB of one message.
    let pieces = [frame(0x02, 65_536), frame(0x00, 65_536).repeat(3), frame(0x00, 1)[..6].to_vec()].concat();
    let door = door(&Env::real()).await;
    let mut stream = raw(&door).await;
    stream.write_all(&pieces).await.unwrap();
    assert_eq!(closed_with(&rest(&mut stream).await), Some(TOO_BIG));
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the size of this process is the thing measured")]
async fn t55_a_length_of_2_to_the_63_takes_no_memory() {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    let door = door(&Env::real()).await;
    let header = [&[0x82, 0xff][..], &(1_u64 << 63).to_be_bytes(), &[0; 4]].concat();
    let round = async || {
        let mut stream = raw(&door).await;
        stream.write_all(&header).await.unwrap();
        assert_eq!(closed_with(&rest(&mut stream).await), Some(TOO_BIG));
    };
    for _ in 0..50 {
        round().await;
    }
    let before = resident();
    for _ in 0..200 {
        round().await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 1024 * 1024, "{grown} bytes after 200 connections");
}
