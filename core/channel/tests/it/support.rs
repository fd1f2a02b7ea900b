//! A client, a server, and connections between them in memory.

use aitrading_channel::{
    ChannelError, ClientSettings, Event, Limits, Resume, ResumeTable, ServerSettings, Session, StreamId, accept,
    connect_over, tls,
};
use aitrading_env::sim::{ManualClock, SeededRng};
use aitrading_env::{BoxStream, Env};
use aitrading_security::{
    NoiseKeyPair, PeerIdentity,
    identity::{AccountId, DeviceId, TenantId},
    pki::Authority,
};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc, time::Duration};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const S1: StreamId = StreamId(1);
pub(crate) const EXPORTER: [u8; 32] = [0x5a; 32];
/// 2026-01-01T00:00:00Z.
pub(crate) const NOW_NS: i64 = 1_767_225_600_000_000_000;

/// Both sides' settings and one clock.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) clock: ManualClock,
    pub(crate) client: ClientSettings,
    pub(crate) server: ServerSettings,
    pub(crate) table: ResumeTable,
    pub(crate) resume: Arc<Resume>,
}

impl World {
    pub(crate) fn new(limits: &Limits) -> Self {
        let clock = ManualClock::new(NOW_NS);
        let env = Env { clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(7)), ..Env::real() };
        Self::with(env, clock, limits)
    }

    pub(crate) fn with(env: Env, clock: ManualClock, limits: &Limits) -> Self {
        let noise = NoiseKeyPair::generate(&env);
        let authority = Authority::generate(&env, 90 * DAY).unwrap();
        let device = authority.issue_device(&env, TenantId(1), DeviceId([2; 16]), AccountId(3), DAY).unwrap();
        let ca = authority.certificate().unwrap();
        let client = ClientSettings {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            server_name: "localhost".into(),
            tls: tls::client_config(&env, &ca, device.chain(), device.key(), &[[0; 32]]).unwrap(),
            noise_static: NoiseKeyPair::generate(&env),
            server_noise_key: noise.public(),
            policy_id: b"policy-1".to_vec(),
            limits: limits.clone(),
        };
        let server = ServerSettings { noise_static: noise, policy_id: b"policy-1".to_vec(), limits: limits.clone() };
        let table = ResumeTable::new(16, Duration::from_secs(300));
        let resume = Resume::new(&env);
        Self { env, clock, client, server, table, resume }
    }

    /// Both ends over two given byte streams.
    pub(crate) async fn open(
        &self,
        client: BoxStream,
        server: BoxStream,
    ) -> (Result<Session, ChannelError>, Result<Session, ChannelError>) {
        tokio::join!(
            connect_over(&self.env, &self.client, client, EXPORTER, &self.resume),
            accept(&self.env, &self.server, server, EXPORTER, peer(), &self.table),
        )
    }

    /// Both ends over a clean connection.
    pub(crate) async fn pair(&self) -> (Session, Session) {
        let (a, b) = tokio::io::duplex(1 << 16);
        let (client, server) = self.open(Box::new(a), Box::new(b)).await;
        (client.unwrap(), server.unwrap())
    }
}

pub(crate) fn peer() -> PeerIdentity {
    PeerIdentity::Device { tenant: TenantId(1), device: DeviceId([2; 16]), account: AccountId(3) }
}

/// The body of the n-th frame of these tests.
pub(crate) fn body(n: u64) -> Bytes {
    Bytes::from(format!("frame {n}"))
}

/// Queues frames `from..=to` and checks their numbers.
pub(crate) async fn send(session: &Session, from: u64, to: u64) {
    for n in from..=to {
        assert_eq!(session.sender.send(S1, 9, body(n)).await.unwrap(), n);
    }
}

/// Takes events until the session is over: the numbers of the frames, and how it ended.
pub(crate) async fn drain(session: &mut Session) -> (Vec<u64>, Result<Event, ChannelError>) {
    let mut seen = vec![];
    loop {
        match session.receiver.recv().await {
            Ok(Event::Frame { stream, seq, kind, body: got }) => {
                assert_eq!((stream, kind, got), (S1, 9, body(seq)), "a frame arrives whole or not at all");
                seen.push(seq);
            }
            Ok(Event::Acked { .. } | Event::Heartbeat { .. }) => {}
            end => return (seen, end),
        }
    }
}

/// Waits for the next frame.
pub(crate) async fn next_frame(session: &mut Session) -> (u64, Bytes) {
    loop {
        if let Event::Frame { seq, body, .. } = session.receiver.recv().await.unwrap() {
            return (seq, body);
        }
    }
}

/// The code of an ending.
pub(crate) fn code(end: &Result<Event, ChannelError>) -> &'static str {
    match end {
        Ok(Event::Closed { reason }) => reason.code(),
        Ok(_) => "NOT_AN_END",
        Err(error) => error_code(error),
    }
}

pub(crate) fn error_code(error: &ChannelError) -> &'static str {
    aitrading_error::Coded::dna(error).code
}
