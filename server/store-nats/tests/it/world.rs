//! A server and instances of the bus on it.

use aitrading_database_link::{BreakerPolicy, Limits, SecretRef, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_env::{BoxFuture, Clock, Env, RealClock};
use aitrading_model::{TenantId, Timestamp, TraceId};
use aitrading_store::{Delivery, Event, EventBus, EventStream, StoreError, Topic};
use aitrading_store_nats::{EventLimits, NatsEvents};
use aitrading_testkit::servers::{Door, Nats};
use std::{
    future::Future,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Patience on a loaded machine; nothing waits that long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const ONE: TenantId = TenantId(1);
/// Small enough for a test's server, short enough to be waited for.
pub(crate) const LIMITS: EventLimits =
    EventLimits { bytes_max: 32 << 20, age_max: None, acknowledge_within: Duration::from_secs(2), replicas: 1 };
/// Bounds that a test can wait for.
pub(crate) const IMPATIENT: Limits = Limits {
    deadline: Duration::from_millis(600),
    connect: Duration::from_millis(600),
    retries: 1,
    breaker: BreakerPolicy { failures: 3, pause: Duration::from_millis(50), pause_max: Duration::from_millis(200) },
};

/// Measures on the machine's clock.
pub(crate) struct Stopwatch(RealClock);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(RealClock::new())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.mono_ns())
    }
}

/// The machine's clock, that can be set forward.
#[derive(Debug)]
pub(crate) struct Ahead {
    real: RealClock,
    by_ns: AtomicU64,
}

impl Ahead {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { real: RealClock::new(), by_ns: AtomicU64::new(0) })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.by_ns.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn wall_ns(&self) -> i64 {
        self.real.wall_ns()
    }

    fn mono_ns(&self) -> u64 {
        self.real.mono_ns() + self.by_ns.load(Ordering::SeqCst)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.real.sleep(duration)
    }
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// How the server is to be spoken to at `address`: through its own door, with its own password.
pub(crate) fn settings(server: &Nats, address: SocketAddr) -> ServerSettings {
    let transport = match server.door() {
        Door::Tls => Transport::Tls(TlsFiles { ca: server.ca_file().to_owned(), client: None }),
        Door::Open | Door::Password => Transport::Plaintext,
    };
    let mut settings = ServerSettings::new("127.0.0.1", address.port(), transport);
    settings.limits = Limits { deadline: PATIENCE, connect: PATIENCE / 2, ..settings.limits };
    if server.door() != Door::Open {
        settings.password = Some(password_file(server, server.password()));
    }
    settings
}

pub(crate) fn password_file(server: &Nats, password: &str) -> SecretRef {
    let path = server.folder().join("password");
    write_password(&path, password);
    format!("file:{}", path.display()).parse().unwrap()
}

pub(crate) fn write_password(path: &Path, password: &str) {
    Env::real().fs.write_atomic(path, password.as_bytes()).unwrap();
}

pub(crate) fn open_with(settings: &ServerSettings, limits: EventLimits) -> NatsEvents {
    NatsEvents::open(&Env::real(), settings, &Secrets::default(), limits).unwrap()
}

pub(crate) fn open(settings: &ServerSettings) -> NatsEvents {
    open_with(settings, LIMITS)
}

pub(crate) fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

pub(crate) fn event(n: u64) -> Event {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    let (at, body) = (Timestamp(1_700_000_000_123_456_789), n.to_be_bytes().to_vec());
    Event { tenant: ONE, topic: topic("signals.issued"), id, trace: TraceId([7; 16]), at, body }
}

pub(crate) async fn subscribe(bus: &NatsEvents) -> Box<dyn EventStream> {
    bus.subscribe(ONE, &topic("signals.issued"), "reader").await.unwrap()
}

pub(crate) async fn publish(bus: &NatsEvents, numbers: impl Iterator<Item = u64>) {
    for n in numbers {
        assert!(bus.publish(event(n)).await.unwrap(), "event {n} is new");
    }
}

/// The next event, without acknowledging it.
pub(crate) async fn next(stream: &mut Box<dyn EventStream>) -> Delivery {
    let next = Env::real().timeout(PATIENCE, stream.next()).await;
    next.expect("an event in time").unwrap().expect("an open bus")
}

/// The next events are these, in this order; acknowledges them.
pub(crate) async fn check_next(stream: &mut Box<dyn EventStream>, numbers: impl Iterator<Item = u64>) {
    for n in numbers {
        let delivery = next(stream).await;
        assert_eq!(delivery.event, event(n), "place {}", delivery.place);
        stream.acknowledge(delivery.place).await.unwrap();
    }
}

/// Asks again and again until the answer is good.
pub(crate) async fn eventually<T, F: Future<Output = Result<T, StoreError>>>(mut ask: impl FnMut() -> F) -> T {
    let (env, watch) = (Env::real(), Stopwatch::start());
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(watch.elapsed() < PATIENCE, "still: {error}"),
        }
        env.clock.sleep(Duration::from_millis(20)).await;
    }
}

/// The server as an operator sees it, through an open door.
pub(crate) async fn jetstream_of(server: &Nats) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(async_nats::connect(server.address().to_string()).await.unwrap())
}
