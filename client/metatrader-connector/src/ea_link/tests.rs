//! The listener against programs that dial it well, badly, and with bad intent.

use super::{framed::FrameReader, *};
use aitrading_env::{BoxStream, Env};
use aitrading_error::Coded;
use aitrading_model::{AccountId, PositionTicket, Price, Side, Volume};
use aitrading_security::mac::{hmac_sha256, hmac_sha256_verify};
use aitrading_wire::ea::{
    Challenge, Filling, Heartbeat, Hello, Message, OrderRequest, ProofSide, Role, TradeAction, proof_input,
};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

const LIMIT: Duration = Duration::from_secs(10);
const SECRET: &[u8] = b"the secret of account 7";

struct World {
    env: Env,
    addr: std::net::SocketAddr,
    link: EaLink,
    _server: EaServer,
}

async fn world(times: LinkTimes) -> World {
    let env = Env::real();
    let account = |account: u64| EaAccount { account: AccountId(account), secret: Secret::new(SECRET.to_vec()) };
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = EaListener::bind(env.clone(), any, vec![account(7), account(8)], times).await.unwrap();
    let (addr, link) = (listener.local_addr().unwrap(), listener.link(AccountId(7)).unwrap());
    assert!(listener.link(AccountId(9)).is_none());
    World { env, addr, link, _server: listener.serve() }
}

/// An Expert Advisor by hand.
struct Peer {
    env: Env,
    reader: FrameReader<ReadHalf<BoxStream>>,
    half: WriteHalf<BoxStream>,
    challenge: Challenge,
}

impl Peer {
    async fn dial(world: &World) -> Self {
        let (read, half) = tokio::io::split(world.env.net.connect(world.addr).await.unwrap());
        let mut reader = FrameReader::new(read);
        let Message::Challenge(challenge) = reader.next(&world.env, LIMIT).await.unwrap().message else { panic!() };
        Self { env: world.env.clone(), reader, half, challenge }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.half.write_all(bytes).await.unwrap();
    }

    /// The next message that is no heartbeat; `None` when the connection ends.
    async fn next(&mut self) -> Option<Message> {
        loop {
            match self.reader.next(&self.env, LIMIT).await.ok()?.message {
                Message::Heartbeat(_) => {}
                message => return Some(message),
            }
        }
    }

    async fn hello(&mut self, hello: &Hello) -> Option<Message> {
        self.send(&Message::Hello(Box::new(hello.clone())).frame(hello.role)).await;
        self.next().await
    }
}

fn hello(role: u8, instance: u8, challenge: &Challenge, secret: &[u8]) -> Hello {
    let mut hello = Hello {
        role,
        account: AccountId(7),
        instance: [instance; 16],
        nonce: [4; 32],
        server: "Demo".into(),
        program: "by hand".into(),
        proof: [0; 32],
    };
    hello.proof = hmac_sha256(secret, &proof_input(ProofSide::Terminal, challenge, &hello));
    hello
}

async fn enter(world: &World, role: Role, instance: u8) -> (Peer, Option<Message>) {
    let mut peer = Peer::dial(world).await;
    let hello = hello(role as u8, instance, &peer.challenge, SECRET);
    let answer = peer.hello(&hello).await;
    (peer, answer)
}

fn check_refused(answer: Option<Message>, code: &str) {
    match answer {
        Some(Message::Refuse(refuse)) => assert_eq!(refuse.code, code),
        other => panic!("expected {code}, got {other:?}"),
    }
}

fn request() -> OrderRequest {
    OrderRequest {
        request_id: 1,
        action: TradeAction::Deal,
        magic: 2,
        symbol: "EURUSD".parse().unwrap(),
        side: Side::Buy,
        volume: Volume::ONE,
        price: Price::ZERO,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        deviation: 0,
        filling: Filling::Ioc,
        position: PositionTicket(0),
        comment: String::new(),
    }
}

#[tokio::test]
async fn both_sides_prove_the_secret() {
    let world = world(LinkTimes::default()).await;
    assert_eq!(world.link.status().borrow().phase, LinkPhase::NeverConnected);
    let mut peer = Peer::dial(&world).await;
    let hello = hello(Role::Ticks as u8, 1, &peer.challenge, SECRET);
    let Some(Message::Accept(accept)) = peer.hello(&hello).await else { panic!() };
    let input = proof_input(ProofSide::Connector, &peer.challenge, &hello);
    assert!(hmac_sha256_verify(SECRET, &input, &accept.proof));
    let status = *world.link.status().borrow();
    assert_eq!(status.phase, LinkPhase::Connecting);
    assert!(status.has(Role::Ticks) && !status.has(Role::Control));
}

#[tokio::test]
async fn whoever_does_not_prove_the_secret_stays_outside() {
    let world = world(LinkTimes::default()).await;
    let mut peer = Peer::dial(&world).await;
    let wrong = hello(1, 1, &peer.challenge, b"another secret");
    check_refused(peer.hello(&wrong).await, "BAD_PROOF");
    assert!(peer.next().await.is_none(), "and the connection ends");
    let mut peer = Peer::dial(&world).await;
    let replayed = hello(1, 1, &Challenge { nonce: [0; 32] }, SECRET);
    check_refused(peer.hello(&replayed).await, "BAD_PROOF");
    let mut peer = Peer::dial(&world).await;
    let stranger = Hello { account: AccountId(99), ..hello(1, 1, &peer.challenge, SECRET) };
    check_refused(peer.hello(&stranger).await, "BAD_PROOF");
    let mut peer = Peer::dial(&world).await;
    let other = Hello { account: AccountId(8), ..hello(1, 1, &peer.challenge, SECRET) };
    check_refused(peer.hello(&other).await, "BAD_PROOF");
    assert_eq!(world.link.status().borrow().phase, LinkPhase::NeverConnected);
}

#[tokio::test]
async fn unknown_roles_versions_and_messages_are_refused_by_name() {
    let world = world(LinkTimes::default()).await;
    let mut peer = Peer::dial(&world).await;
    let role = hello(9, 1, &peer.challenge, SECRET);
    check_refused(peer.hello(&role).await, "UNKNOWN_ROLE");
    let mut peer = Peer::dial(&world).await;
    peer.send(&Message::Heartbeat(Heartbeat { number: 1 }).frame(1)).await;
    check_refused(peer.next().await, "UNEXPECTED_MESSAGE");
    let mut peer = Peer::dial(&world).await;
    let mut newer = Message::Heartbeat(Heartbeat { number: 1 }).frame(1);
    newer[4] += 1;
    peer.send(&newer).await;
    check_refused(peer.next().await, "VERSION");
}

#[tokio::test]
async fn garbage_and_oversize_end_the_connection() {
    let world = world(LinkTimes::default()).await;
    let mut oversize = Message::Heartbeat(Heartbeat { number: 1 }).frame(1);
    oversize[10] = 0xff;
    let mut damaged = Message::Heartbeat(Heartbeat { number: 1 }).frame(1);
    damaged[20] ^= 1;
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), oversize, damaged] {
        let mut peer = Peer::dial(&world).await;
        peer.send(&bytes).await;
        assert!(peer.next().await.is_none());
        // And the same from one that was let in.
        let (mut peer, answer) = enter(&world, Role::Events, 1).await;
        assert!(matches!(answer, Some(Message::Accept(_))));
        peer.send(&bytes).await;
        assert!(peer.next().await.is_none());
        world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    }
}

#[tokio::test]
async fn a_hello_may_arrive_byte_by_byte() {
    let world = world(LinkTimes::default()).await;
    let mut peer = Peer::dial(&world).await;
    let hello = hello(1, 1, &peer.challenge, SECRET);
    for byte in Message::Hello(Box::new(hello)).frame(1) {
        peer.send(&[byte]).await;
    }
    assert!(matches!(peer.next().await, Some(Message::Accept(_))));
}

#[tokio::test]
async fn a_second_program_is_refused_as_long_as_the_first_is_there() {
    let world = world(LinkTimes::default()).await;
    let (first, answer) = enter(&world, Role::Commands, 1).await;
    assert!(matches!(answer, Some(Message::Accept(_))));
    let (_, answer) = enter(&world, Role::Events, 2).await;
    check_refused(answer, "ALREADY_CONNECTED");
    drop(first);
    world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    let (_second, answer) = enter(&world, Role::Events, 2).await;
    assert!(matches!(answer, Some(Message::Accept(_))));
}

#[tokio::test]
async fn a_programs_new_connection_replaces_its_old_one() {
    let world = world(LinkTimes::default()).await;
    let (mut old, _) = enter(&world, Role::Commands, 1).await;
    let (_new, answer) = enter(&world, Role::Commands, 1).await;
    assert!(matches!(answer, Some(Message::Accept(_))));
    assert!(old.next().await.is_none(), "the old one is closed");
    assert!(world.link.status().borrow().has(Role::Commands));
}

#[tokio::test]
async fn a_silent_peer_is_gone_whatever_its_socket_says() {
    let times = LinkTimes {
        heartbeat: Duration::from_millis(10),
        silence: Duration::from_millis(100),
        handshake: Duration::from_millis(100),
    };
    let world = world(times).await;
    let mut mute = Peer::dial(&world).await;
    assert!(mute.next().await.is_none(), "a hello that does not come");
    let (mut peer, answer) = enter(&world, Role::Commands, 1).await;
    assert!(matches!(answer, Some(Message::Accept(_))));
    assert!(peer.next().await.is_none(), "heartbeats that do not come");
    world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
}

#[tokio::test]
async fn messages_on_the_wrong_connection_end_it() {
    let world = world(LinkTimes::default()).await;
    for frame in [
        Message::Heartbeat(Heartbeat { number: 1 }).frame(Role::Ticks as u8),
        Message::OrderRequest(Box::new(request())).frame(Role::Commands as u8),
    ] {
        let (mut peer, _) = enter(&world, Role::Commands, 1).await;
        peer.send(&frame).await;
        assert!(peer.next().await.is_none());
        world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_terminal_nothing_is_sent_and_that_is_certain() {
    let world = world(LinkTimes::default()).await;
    let (_peer, _) = enter(&world, Role::Commands, 1).await;
    let sent = world.link.order(request(), LIMIT).await;
    assert!(matches!(sent, Err(OrderLinkError::NotSent(_))), "one connection of five is not a terminal");
    assert_eq!(sent.unwrap_err().dna().code, "ORDER_NOT_SENT");
    assert!(matches!(world.link.lookup(1, LIMIT).await, Err(EaLinkError::NotConnected)));
    let feed = world.link.subscribe("EURUSD".parse().unwrap(), TickFrom::default(), aitrading_wire::ea::FeedMode::Live);
    assert!(matches!(feed.await, Err(EaLinkError::NotConnected)));
    assert_eq!(world.link.permissions(), Permissions::default());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let world = world(LinkTimes::default()).await;
    let again = EaListener::bind(world.env.clone(), world.addr, Vec::new(), LinkTimes::default()).await;
    let error = again.unwrap_err();
    assert_eq!(error.dna().code, "EA_LINK_BIND");
    assert!(error.to_string().contains(&world.addr.to_string()));
}
