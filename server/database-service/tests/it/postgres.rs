//! The stores of rows on a real PostgreSQL server: the ports' promises, and what happens when the server does not keep up.

mod conformance;
mod door;
mod faults;
mod figures;
mod platform;
mod schema;
mod ways;
mod writers;

use crate::world::block_on;
use aitrading_database_link::{BreakerPolicy, Limits, SecretRef, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_database_service::PostgresStores;
use aitrading_env::{BoxFuture, Clock, Env, RealClock};
use aitrading_error::Coded;
use aitrading_store::StoreError;
use aitrading_testkit::servers::Postgres;
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
const PATIENCE: Duration = Duration::from_secs(60);

/// Bounds that a test can wait for.
const IMPATIENT: Limits = Limits {
    deadline: Duration::from_millis(1_500),
    connect: Duration::from_millis(1_500),
    retries: 1,
    breaker: BreakerPolicy { failures: 3, pause: Duration::from_millis(50), pause_max: Duration::from_millis(200) },
};

/// How the server is to be spoken to at `address`: with its own authority and its own password.
pub(crate) fn settings(server: &Postgres, address: SocketAddr) -> ServerSettings {
    let transport = Transport::Tls(TlsFiles { ca: server.ca_file().to_owned(), client: None });
    let mut settings = ServerSettings::new("127.0.0.1", address.port(), transport);
    server.database().clone_into(&mut settings.database);
    settings.limits = Limits { deadline: PATIENCE, connect: PATIENCE / 2, ..settings.limits };
    settings.password = Some(password_file(server, server.password()));
    settings
}

fn password_file(server: &Postgres, password: &str) -> SecretRef {
    let path = server.folder().join("client-password");
    write_password(&path, password);
    format!("file:{}", path.display()).parse().unwrap()
}

fn write_password(path: &Path, password: &str) {
    Env::real().fs.write_atomic(path, password.as_bytes()).unwrap();
}

pub(crate) async fn open(settings: &ServerSettings) -> Result<PostgresStores, StoreError> {
    PostgresStores::open(&Env::real(), settings, &Secrets::default()).await
}

/// What opening is refused with.
fn refused(settings: &ServerSettings) -> StoreError {
    block_on(open(settings)).map(drop).unwrap_err()
}

fn code<T>(answer: Result<T, StoreError>) -> &'static str {
    answer.map_or_else(|error| error.dna().code, |_| "done")
}

/// Asks again and again until the answer is good.
async fn eventually<T, F: Future<Output = Result<T, StoreError>>>(mut ask: impl FnMut() -> F) -> T {
    let (env, watch) = (Env::real(), Stopwatch::start());
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(watch.elapsed() < PATIENCE, "still: {error}"),
        }
        env.clock.sleep(Duration::from_millis(20)).await;
    }
}

/// Measures on the machine's clock.
struct Stopwatch(RealClock);

impl Stopwatch {
    fn start() -> Self {
        Self(RealClock::new())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.mono_ns())
    }
}

/// The machine's clock, that can be set forward.
#[derive(Debug)]
struct Ahead {
    real: RealClock,
    by_ns: AtomicU64,
}

impl Ahead {
    fn new() -> Arc<Self> {
        Arc::new(Self { real: RealClock::new(), by_ns: AtomicU64::new(0) })
    }

    fn advance(&self, by: Duration) {
        self.by_ns.fetch_add(u64::try_from(by.as_nanos()).unwrap(), Ordering::SeqCst);
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
