//! A server and instances of the cache on it.

use aitrading_database_link::{BreakerPolicy, Limits, SecretRef, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_env::{BoxFuture, Clock, Env, RealClock};
use aitrading_model::TenantId;
use aitrading_store::{CacheKey, StoreError};
use aitrading_store_redis::RedisCache;
use aitrading_testkit::servers::{Door, Redis};
use std::{
    future::Future,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Patience on a loaded machine; nothing waits that long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const LONG: Duration = Duration::from_secs(600);

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
pub(crate) fn settings(server: &Redis, address: SocketAddr) -> ServerSettings {
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

/// Bounds that a test can wait for.
pub(crate) const IMPATIENT: Limits = Limits {
    deadline: Duration::from_millis(500),
    connect: Duration::from_millis(500),
    retries: 1,
    breaker: BreakerPolicy { failures: 3, pause: Duration::from_millis(50), pause_max: Duration::from_millis(200) },
};

pub(crate) fn password_file(server: &Redis, password: &str) -> SecretRef {
    let path = server.folder().join("password");
    write_password(&path, password);
    format!("file:{}", path.display()).parse().unwrap()
}

pub(crate) fn write_password(path: &Path, password: &str) {
    Env::real().fs.write_atomic(path, password.as_bytes()).unwrap();
}

pub(crate) fn open(settings: &ServerSettings) -> RedisCache {
    RedisCache::open(&Env::real(), settings, &Secrets::default()).unwrap()
}

pub(crate) fn key(name: &str) -> CacheKey {
    CacheKey::new(TenantId(1), "test", name)
}

/// Says something to the server as an administrator would, and answers the first line.
pub(crate) fn admin(server: &Redis, line: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    if server.door() == Door::Password {
        let login = format!("AUTH {}\r\n", server.password());
        stream.write_all(login.as_bytes()).unwrap();
        read_line(&stream);
    }
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    read_line(&stream)
}

fn read_line(stream: &TcpStream) -> String {
    let mut said = String::new();
    BufReader::new(stream).read_line(&mut said).unwrap();
    said.trim_end().to_owned()
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
