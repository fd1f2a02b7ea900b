//! Exchanges over connections in memory.

use super::*;
use aitrading_env::sim::{ManualClock, SeededRng};
use aitrading_error::Coded;
use bytes::Bytes;

const EXPORTER: [u8; 32] = [0x5a; 32];

struct World {
    env: Env,
    clock: ManualClock,
    host: Host,
    client: NoiseKeyPair,
    code: EnrolmentCode,
}

type Ended = (Result<Asking, ChannelError>, Result<Answering, ChannelError>);

fn world() -> World {
    let clock = ManualClock::new(1);
    let env = Env { clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(3)), ..Env::real() };
    let host = Host {
        env: env.clone(),
        noise_static: NoiseKeyPair::generate(&env),
        limits: ExchangeLimits::default(),
        work: Arc::new(Semaphore::new(1)),
    };
    let (client, code) = (NoiseKeyPair::generate(&env), EnrolmentCode::generate(env.rng.as_ref()));
    World { env, clock, host, client, code }
}

fn pipes() -> (BoxStream, BoxStream) {
    let (a, b) = tokio::io::duplex(1 << 16);
    (Box::new(a), Box::new(b))
}

impl World {
    /// Both ends of an enrolment.
    async fn enrolment(&self) -> Ended {
        let (a, b) = pipes();
        let psk_of = |id| {
            assert_eq!(id, self.code.id());
            async { Some(self.code.psk()) }
        };
        let (client, server) = tokio::join!(
            enrol_over(&self.env, self.host.limits, (a, EXPORTER), &self.client, &self.code),
            serve_enrolment(&self.host, (b, EXPORTER), psk_of),
        );
        (client, server.map(|(answering, _)| answering))
    }

    /// What a client learns whose enrolment does not come about, by asking; the server has `psk` for it.
    async fn refusal(&self, psk: Option<Secret<[u8; 32]>>, exporter: [u8; 32]) -> &'static str {
        let (a, b) = pipes();
        let client = async {
            let mut client = enrol_over(&self.env, self.host.limits, (a, exporter), &self.client, &self.code).await?;
            client.ask(b"?").await
        };
        let (client, server) = tokio::join!(client, serve_enrolment(&self.host, (b, EXPORTER), |_| async { psk }));
        assert_eq!(code(server), "HANDSHAKE_REFUSED");
        code(client)
    }

    async fn login(&self, server_key: &[u8; 32], exporters: [[u8; 32]; 2]) -> Ended {
        let (a, b) = pipes();
        tokio::join!(
            login_over(&self.env, self.host.limits, (a, exporters[0]), &self.client, server_key),
            serve_login(&self.host, (b, exporters[1])),
        )
    }
}

fn code<T: std::fmt::Debug>(ended: Result<T, ChannelError>) -> &'static str {
    ended.unwrap_err().dna().code
}

/// A question reaches the server, its answer the client, and both know each other.
async fn check_talks(world: &World, (client, server): Ended) {
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(client.hash(), server.hash());
    assert_eq!(client.peer_key(), world.host.noise_static.public());
    assert_eq!(server.peer_key(), world.client.public());
    for n in 0..QUESTIONS_MAX {
        let long = vec![u8::try_from(n).unwrap(); if n == 0 { 0 } else { MESSAGE_MAX }];
        let serve = async {
            assert_eq!(server.question().await.unwrap(), long);
            server.answer(&long).await.unwrap();
        };
        let (answer, ()) = tokio::join!(client.ask(&long), serve);
        assert_eq!(answer.unwrap(), long);
    }
    assert_eq!(code(client.ask(b"one too many").await), "EXCHANGE_TURNS");
}

#[tokio::test]
async fn an_enrolment_with_the_right_code_and_a_login_talk() {
    let world = world();
    check_talks(&world, world.enrolment().await).await;
    let server = world.host.noise_static.public();
    check_talks(&world, world.login(&server, [EXPORTER; 2]).await).await;
}

#[tokio::test]
async fn a_wrong_code_and_an_unknown_invitation_fail_in_the_same_way() {
    let world = world();
    // The right id with another key is what a guesser has who saw the id on the way.
    let wrong = world.refusal(Some(Secret::new([9; 32])), EXPORTER).await;
    let unknown = world.refusal(None, EXPORTER).await;
    assert_eq!((unknown, wrong), ("HANDSHAKE_REFUSED", "HANDSHAKE_REFUSED"));
}

#[tokio::test]
async fn a_login_at_another_server_fails() {
    let world = world();
    let other = NoiseKeyPair::generate(&world.env).public();
    let (client, server) = world.login(&other, [EXPORTER; 2]).await;
    assert_eq!((code(client), code(server)), ("HANDSHAKE_REFUSED", "HANDSHAKE_REFUSED"));
}

#[tokio::test]
async fn t27_an_exchange_belongs_to_one_tls_connection() {
    let world = world();
    assert_eq!(world.refusal(Some(world.code.psk()), [1; 32]).await, "HANDSHAKE_REFUSED");
    let (client, server) = world.login(&world.host.noise_static.public(), [EXPORTER, [1; 32]]).await;
    assert_eq!((code(client), code(server)), ("HANDSHAKE_REFUSED", "HANDSHAKE_REFUSED"));
}

#[tokio::test]
async fn an_exchange_is_never_taken_for_a_session_nor_one_kind_for_the_other() {
    let world = world();
    let server = world.host.noise_static.public();
    // A session's first message has the same form as a login's; with no policy its prologue comes nearest.
    let (a, b) = pipes();
    let session = async {
        let mut socket = taken_over(a);
        let prologue = crate::noise::prologue(&EXPORTER, b"");
        let mut shake = crate::noise::initiator(&world.env, &world.client, &server, &prologue).unwrap();
        pipe::send(&mut socket, shake.write().unwrap()).await.unwrap();
        pipe::receive(&mut socket).await.map(drop)
    };
    let (client, served) = tokio::join!(session, serve_login(&world.host, (b, EXPORTER)));
    assert_eq!((code(client), code(served)), ("HANDSHAKE_REFUSED", "HANDSHAKE_REFUSED"));
    let (a, b) = pipes();
    let psk_of = |_| async { Some(world.code.psk()) };
    let (client, served) = tokio::join!(
        login_over(&world.env, world.host.limits, (a, EXPORTER), &world.client, &server),
        serve_enrolment(&world.host, (b, EXPORTER), psk_of),
    );
    assert_eq!((code(client), code(served)), ("HANDSHAKE_REFUSED", "HANDSHAKE_REFUSED"));
}

#[tokio::test]
async fn a_damaged_question_ends_the_exchange() {
    let world = world();
    for at in [0, 7, 20] {
        let (client, server) = world.login(&world.host.noise_static.public(), [EXPORTER; 2]).await;
        let (client, mut server) = (client.unwrap(), server.unwrap());
        let mut line = client.0;
        let mut sealed = line.transport_for_test(b"hello");
        sealed[at] ^= 1;
        pipe::send(line.socket_for_test(), Bytes::from(sealed)).await.unwrap();
        assert_eq!(code(server.question().await), "DECRYPT", "byte {at}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_neither_sent_nor_taken() {
    let world = world();
    let (client, server) = world.login(&world.host.noise_static.public(), [EXPORTER; 2]).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(code(client.ask(&vec![0; MESSAGE_MAX + 1]).await), "FRAME_TOO_LARGE");
    let mut line = client.0;
    let sealed = line.transport_for_test(&vec![0; MESSAGE_MAX + 1]);
    let (sent, question) = tokio::join!(pipe::send(line.socket_for_test(), Bytes::from(sealed)), server.question());
    drop(sent);
    assert_eq!(code(question), "FRAME_TOO_LARGE");
}

#[tokio::test]
async fn one_deadline_stands_over_all_of_an_exchange() {
    let world = world();
    let (client, server) = world.login(&world.host.noise_static.public(), [EXPORTER; 2]).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let half = world.host.limits.whole / 2;
    let serve = async {
        server.question().await.unwrap();
        server.answer(b"!").await.unwrap();
    };
    world.clock.advance(half);
    let (answer, ()) = tokio::join!(client.ask(b"?"), serve);
    assert_eq!(answer.unwrap(), Bytes::from("!"));
    let (question, ()) = tokio::join!(server.question(), async { world.clock.advance(half) });
    assert_eq!(code(question), "EXCHANGE_TIMEOUT", "a word in between gives no more time");
    assert_eq!(code(client.ask(b"?").await), "EXCHANGE_TIMEOUT");
}

#[tokio::test]
async fn answers_and_questions_take_turns() {
    let world = world();
    let (client, server) = world.login(&world.host.noise_static.public(), [EXPORTER; 2]).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(code(server.answer(b"unasked").await), "EXCHANGE_TURNS");
    let serve = async {
        server.question().await.unwrap();
        assert_eq!(code(server.question().await), "EXCHANGE_TURNS");
        server.close(crate::CloseReason::Policy).await;
    };
    // The client goes when it has read the close: nobody waits for anybody then.
    let (answer, ()) = tokio::join!(async move { client.ask(b"?").await }, serve);
    assert_eq!(code(answer), "CLOSED");
}

#[tokio::test]
async fn t59_a_handshake_waits_until_there_is_room_to_compute() {
    let world = world();
    let room = Arc::clone(&world.host.work).acquire_owned().await.unwrap();
    let server = world.host.noise_static.public();
    let mut waiting = std::pin::pin!(world.login(&server, [EXPORTER; 2]));
    let early = futures_util::future::poll_immediate(&mut waiting).await;
    assert!(early.is_none());
    for _ in 0..32 {
        tokio::task::yield_now().await;
        assert!(futures_util::future::poll_immediate(&mut waiting).await.is_none(), "no room, no handshake");
    }
    drop(room);
    let (client, served) = waiting.await;
    assert!(client.is_ok() && served.is_ok());
}
