//! An authenticated but faulty peer: it has the keys and breaks the rules, with plaintexts that our own client never writes.

use crate::{
    Event, Limits, ResumeTable, ServerSettings, Session, accept,
    frame::CONTROL,
    noise::{self, Transport},
};
use aitrading_env::{
    Env,
    sim::{ManualClock, SeededRng},
};
use aitrading_error::Coded;
use aitrading_security::{NoiseKeyPair, PeerIdentity, identity::TenantId};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::{sync::Arc, time::Duration};
use tokio::io::DuplexStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

/// A client that writes its own plaintext frames.
struct Faulty {
    socket: WebSocketStream<DuplexStream>,
    noise: Box<dyn Transport>,
}

impl Faulty {
    async fn open(limits: &Limits) -> (Self, Session) {
        let env = Env { clock: Arc::new(ManualClock::new(1)), rng: Arc::new(SeededRng::new(5)), ..Env::real() };
        let (own, keys) = (NoiseKeyPair::generate(&env), NoiseKeyPair::generate(&env));
        let server = ServerSettings { noise_static: keys.clone(), policy_id: b"p".to_vec(), limits: limits.clone() };
        let (a, b) = tokio::io::duplex(1 << 20);
        let faulty = async {
            let mut socket = ClientBuilder::new().take_over(a);
            let prologue = noise::prologue(&[3; 32], b"p");
            let mut handshake = noise::initiator(&env, &own, &keys.public(), &prologue).unwrap();
            socket.send(Message::binary(handshake.write().unwrap())).await.unwrap();
            handshake.read(socket.next().await.unwrap().unwrap().as_payload()).unwrap();
            let mut faulty = Self { socket, noise: handshake.finish().unwrap().transport };
            // Hello: a new session, a wide window, no streams.
            let hello = [&[9; 16][..], &[0], &u32::MAX.to_be_bytes(), &u64::MAX.to_be_bytes(), &[0; 8]].concat();
            faulty.send(&frame(1, CONTROL.0, 1, &hello)).await;
            faulty
        };
        let table = ResumeTable::new(4, Duration::from_secs(1));
        let peer = PeerIdentity::Service { tenant: TenantId(1), name: "faulty".into() };
        let (session, faulty) = tokio::join!(accept(&env, &server, Box::new(b), [3; 32], peer, &table), faulty);
        (faulty, session.unwrap())
    }

    async fn send(&mut self, plain: &[u8]) {
        let sealed = self.noise.seal(plain).unwrap();
        // The server may have hung up on an earlier frame.
        drop(self.socket.send(Message::binary(sealed)).await);
    }
}

fn body(seq: u64) -> Bytes {
    format!("frame {seq}").into()
}

fn frame(kind: u8, stream: u16, seq: u64, body: &[u8]) -> Vec<u8> {
    let mut out = vec![1, kind];
    out.extend_from_slice(&stream.to_be_bytes());
    out.push(1);
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(16), 0);
    out
}

fn data(seq: u64) -> Vec<u8> {
    frame(9, 1, seq, &body(seq))
}

/// What the server says after these plaintexts, and the frames that it took before.
async fn check_faulty(limits: &Limits, plaintexts: &[Vec<u8>]) -> (Vec<u64>, &'static str) {
    let (mut faulty, mut session) = Faulty::open(limits).await;
    for plain in plaintexts {
        faulty.send(plain).await;
    }
    let mut seen = vec![];
    loop {
        match session.receiver.recv().await {
            Ok(Event::Frame { seq, body: got, .. }) => {
                assert_eq!(got, body(seq));
                seen.push(seq);
            }
            Ok(_) => {}
            Err(error) => return (seen, error.dna().code),
        }
    }
}

/// The sequence check on its own: here the tags are right. Without it the second and third case would be delivered.
#[tokio::test]
async fn t01_numbers_that_repeat_or_skip_are_refused_even_under_the_right_keys() {
    let limits = Limits::default();
    assert_eq!(check_faulty(&limits, &[data(1), data(1)]).await, (vec![1], "SEQ_GAP"));
    assert_eq!(check_faulty(&limits, &[data(1), data(3)]).await, (vec![1], "SEQ_GAP"));
    assert_eq!(check_faulty(&limits, &[data(2)]).await, (vec![], "SEQ_GAP"));
    assert_eq!(check_faulty(&limits, &[frame(4, 0, 5, &[0; 8])]).await, (vec![], "SEQ_GAP"), "stream 0 as well");
}

/// Without the check the peer could fill the server's memory.
#[tokio::test]
async fn more_than_the_window_is_refused() {
    let limits = Limits { window_frames: 3, ..Limits::default() };
    let many: Vec<_> = (1..=9).map(data).collect();
    let (seen, code) = check_faulty(&limits, &many).await;
    assert_eq!(code, "WINDOW_EXCEEDED");
    assert!(seen.len() <= 3);
}

#[tokio::test]
async fn malformed_frames_under_the_right_keys_are_refused() {
    let limits = Limits::default();
    let cases: [(Vec<u8>, &str); 9] = [
        (vec![], "BAD_FRAME"),
        (vec![0; 16], "BAD_FRAME"),
        (frame(99, 0, 2, &[]), "BAD_FRAME"),
        (frame(1, 0, 2, &[0; 37]), "BAD_FRAME"),
        (frame(3, 0, 2, &[0; 18]), "BAD_FRAME"),
        (frame(5, 0, 2, &[0; 16]), "BAD_FRAME"),
        (frame(6, 0, 2, &[0; 96]), "HANDSHAKE_REFUSED"),
        (frame(8, 0, 2, &[]), "BAD_FRAME"),
        (frame(9, 1, 1, &[0; 61_441]), "FRAME_TOO_LARGE"),
    ];
    for (plain, wanted) in cases {
        let start = plain.get(..2.min(plain.len())).unwrap().to_vec();
        assert_eq!(check_faulty(&limits, &[plain]).await, (vec![], wanted), "{start:?}");
    }
}

/// Good frames before the fault are kept: what was delivered stays delivered.
#[tokio::test]
async fn frames_before_a_fault_are_delivered() {
    let (seen, code) = check_faulty(&Limits::default(), &[data(1), data(2), vec![0xff; 32]]).await;
    assert_eq!((seen, code), (vec![1, 2], "BAD_FRAME"));
}
