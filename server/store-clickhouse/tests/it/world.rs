//! A server, the way to it, and commits that continue a history.

use aitrading_database_link::{BreakerPolicy, Link, LinkError, Role, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_env::Env;
use aitrading_model::{Source, TenantId, Tick};
use aitrading_store::{
    SourceCommit, TickCommit, TickStore,
    conformance::sample::{mark, part, source, ticks},
};
use aitrading_store_clickhouse::{ClickHouseSettings, ClickHouseTicks};
use aitrading_testkit::servers::{ClickHouse, Door, USER};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::runtime::Runtime;

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;

pub(crate) struct World {
    pub(crate) server: ClickHouse,
    runtime: Runtime,
}

impl World {
    pub(crate) fn start(door: Door) -> Option<Self> {
        let server = ClickHouse::start(door)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = Self { server, runtime };
        world.set_password(world.server.password());
        Some(world)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn password_file(&self) -> PathBuf {
        self.server.folder().join("word")
    }

    pub(crate) fn set_password(&self, word: &str) {
        Env::real().fs.write_atomic(&self.password_file(), word.as_bytes()).unwrap();
    }

    /// What an operator would write, with a breaker that lets every call through.
    pub(crate) fn settings(&self, address: SocketAddr) -> ServerSettings {
        let (host, transport) = if self.server.door() == Door::Tls {
            ("localhost", Transport::Tls(TlsFiles { ca: self.server.ca_file().to_owned(), client: None }))
        } else {
            ("127.0.0.1", Transport::Plaintext)
        };
        let mut settings = ServerSettings::new(host, address.port(), transport);
        settings.user = USER.to_owned();
        settings.password = Some(format!("file:{}", self.password_file().display()).parse().unwrap());
        settings.limits.deadline = Duration::from_secs(60);
        settings.limits.breaker = BreakerPolicy { failures: 1_000, pause: MS(10), pause_max: MS(10) };
        settings
    }

    pub(crate) fn store(&self) -> ClickHouseTicks {
        self.store_at(self.server.address())
    }

    pub(crate) fn store_at(&self, address: SocketAddr) -> ClickHouseTicks {
        open(&self.settings(address)).unwrap()
    }

    /// The server's own view, past everything that the store does.
    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default()
            .with_url(self.server.url())
            .with_user(USER)
            .with_password(self.server.password())
            .with_database("aitrading")
    }
}

pub(crate) fn open(settings: &ServerSettings) -> Result<ClickHouseTicks, LinkError> {
    open_with(settings, ClickHouseSettings::default())
}

pub(crate) fn open_with(settings: &ServerSettings, more: ClickHouseSettings) -> Result<ClickHouseTicks, LinkError> {
    let env = Env::real();
    let link = Link::open(&env, Role::Ticks, ClickHouseTicks::BACKEND, settings, &Secrets::default())?;
    Ok(ClickHouseTicks::new(&env, link, more))
}

/// A source's history as it has to be, and commits that continue it.
pub(crate) struct History {
    pub(crate) source: Source,
    pub(crate) done: Vec<Tick>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { source: source(1, "GBPJPY"), done: Vec::new() }
    }

    /// The next `n` ticks, up to the mark that is as far as there are ticks.
    pub(crate) fn next(&self, n: usize) -> TickCommit {
        let from = i64::try_from(self.done.len()).unwrap();
        let more = ticks(from * 250, i64::try_from(n).unwrap());
        let mut part: SourceCommit = part(self.source, self.done.len() as u64 + 1, more);
        part.duplicates = n as u64;
        TickCommit { mark: mark((self.done.len() + n) as u64), sources: vec![part] }
    }

    pub(crate) fn add(&mut self, commit: TickCommit) {
        self.done.extend(commit.sources.into_iter().flat_map(|part| part.ticks));
    }

    /// Stores the next `n`.
    pub(crate) async fn grow(&mut self, store: &ClickHouseTicks, n: usize) {
        let commit = self.next(n);
        store.commit(commit.clone()).await.unwrap();
        self.add(commit);
    }

    /// Everything once, and nothing else.
    pub(crate) async fn check(&self, store: &ClickHouseTicks, case: &str) {
        let mut stored = Vec::new();
        store.scan(self.source, &mut |page| stored.extend_from_slice(page)).await.unwrap();
        assert_eq!(stored.len(), self.done.len(), "{case}: number of ticks");
        assert!(stored == self.done, "{case}: another history");
        let counts = store.counts(TenantId(1)).await.unwrap();
        assert_eq!((counts.stored, counts.duplicates), (self.done.len() as u64, self.done.len() as u64), "{case}");
        let cursors = store.cursors().await.unwrap();
        let read: Vec<_> = cursors.iter().map(|(source, cursor)| (*source, cursor.seq)).collect();
        assert_eq!(read, [(self.source, self.done.len() as u64)], "{case}");
    }
}
