//! The ports as they are asked for over HTTP.

mod answer;
pub(crate) mod scan;
pub(crate) mod subscription;

use crate::{
    carried::{Arg, Carried},
    message::{Message, Parts},
    table::{ANSWER_MAX, DEADLINE, Kind, Method, PATH, Port, Size},
};
use aitrading_database_link::{BackendHealth, BreakerPolicy, Guard, Limits, PoolUse, Repeat, Role};
use aitrading_env::Env;
use aitrading_http::{Caller, CallerConfig, ClientTls, HeaderName, HeaderValue, Post, Reply, header};
use aitrading_store::{PlatformStores, StoreError, Stores, memory::MemoryCache};
use answer::Ended;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What the other side is called in health.
const BACKEND: &str = "database-service";
/// What a call's error is about.
pub(crate) const DOING: &str = "asking the database service";
/// How much longer than the service we wait: its own word that it was too slow says more than our silence.
const GRACE: Duration = Duration::from_millis(500);
/// Shorter than the time after which the door closes a silent connection.
const IDLE: Duration = Duration::from_secs(3);

/// Where the database service is, and how it is asked.
#[derive(Clone)]
pub struct RemoteSettings {
    /// Its address.
    pub addr: SocketAddr,
    /// Our certificate, and whose we accept.
    pub tls: ClientTls,
    /// Deadline, repetitions and breaker of calls.
    pub limits: Limits,
    /// The deadline of calls that carry a batch (imports, ranges of ticks).
    pub batch_deadline: Duration,
    /// Most connections for calls.
    pub connections: usize,
    /// Most subscriptions: each waits on a connection of its own.
    pub subscriptions: usize,
}

impl RemoteSettings {
    /// With the usual bounds.
    #[must_use]
    pub fn new(addr: SocketAddr, tls: ClientTls) -> Self {
        let pause = Duration::from_secs(1);
        let breaker = BreakerPolicy { failures: 5, pause, pause_max: pause.saturating_mul(30) };
        let seconds = Duration::from_secs;
        let limits = Limits { deadline: seconds(5), connect: seconds(3), retries: 2, breaker };
        Self { addr, tls, limits, batch_deadline: seconds(60), connections: 16, subscriptions: 32 }
    }
}

impl fmt::Debug for RemoteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSettings").field("addr", &self.addr).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// All stores of a deployment, kept by another process. Cheap to clone.
#[derive(Clone)]
pub struct RemoteStores(Remote);

impl RemoteStores {
    /// Asks the service once, so that a wrong address or certificate is told at the start.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unauthorised`], [`StoreError::TooSlow`].
    pub async fn open(env: &Env, settings: RemoteSettings) -> Result<Self, StoreError> {
        let remote = Remote(Arc::new(Line::new(env, settings)));
        let durable = remote.call(&crate::ports::EVENTS, "is_durable")?.ask().await?;
        remote.0.durable.store(durable, Ordering::Relaxed);
        Ok(Self(remote))
    }

    /// The trading set. Its cache is this process's own: what may be forgotten is not worth a call.
    #[must_use]
    pub fn stores(&self) -> Stores {
        let remote = Arc::new(self.0.clone());
        let clock = Arc::clone(&self.0.0.env.clock);
        Stores {
            ticks: remote.clone(),
            signals: remote.clone(),
            subscriptions: remote.clone(),
            accounts: remote.clone(),
            devices: remote.clone(),
            meta: remote,
            cache: Arc::new(MemoryCache::new(move || clock.mono_ns())),
        }
    }

    /// The stores of the platform.
    #[must_use]
    pub fn platform(&self) -> PlatformStores {
        let remote = Arc::new(self.0.clone());
        PlatformStores {
            users: remote.clone(),
            invites: remote.clone(),
            login_sessions: remote.clone(),
            revocations: remote.clone(),
            lockouts: remote.clone(),
            idempotency: remote.clone(),
            orders: remote.clone(),
            positions: remote.clone(),
            risk: remote.clone(),
            sequences: remote.clone(),
            logs: remote.clone(),
            log_policies: remote.clone(),
            security_events: remote.clone(),
            audit: remote.clone(),
            chains: remote.clone(),
            chain_traces: remote.clone(),
            graph: remote.clone(),
            patterns: remote.clone(),
            events: remote.clone(),
            shared: remote,
        }
    }

    /// How calls go, by the database behind them.
    #[must_use]
    pub fn health(&self) -> Vec<BackendHealth> {
        let line = &self.0.0;
        let (used, idle) = line.calls.connections();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let pool = PoolUse { size: count(used.saturating_add(idle)), idle: count(idle), max: count(line.connections) };
        line.guards.iter().map(|(_, guard)| BackendHealth { pool: Some(pool), ..guard.health() }).collect()
    }
}

impl fmt::Debug for RemoteStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStores").finish_non_exhaustive()
    }
}

/// The way to the service.
pub(crate) struct Line {
    env: Env,
    calls: Caller,
    waits: Caller,
    /// One for each database behind the service: the failure of one does not pause the calls of the others.
    guards: Vec<(Role, Guard)>,
    limits: Limits,
    batch_deadline: Duration,
    connections: usize,
    durable: AtomicBool,
}

impl Line {
    fn new(env: &Env, settings: RemoteSettings) -> Self {
        let RemoteSettings { addr, tls, limits, batch_deadline, connections, subscriptions } = settings;
        let caller = |connections: usize| {
            let (tls, connections) = (Arc::clone(&tls), connections.max(1));
            Caller::new(env, CallerConfig { addr, tls, connections, connect: limits.connect, idle: IDLE })
        };
        let guards = Role::ALL.into_iter().map(|role| (role, Guard::new(env, role, BACKEND, limits))).collect();
        let (calls, waits) = (caller(connections), caller(subscriptions));
        Self {
            env: env.clone(),
            calls,
            waits,
            guards,
            limits,
            batch_deadline,
            connections,
            durable: AtomicBool::new(false),
        }
    }
}

/// Every port, by asking the service.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Line>);

/// A call that is put together.
pub(crate) struct Call<'a> {
    line: &'a Line,
    port: &'static Port,
    method: &'static Method,
    head: Map<String, Value>,
    parts: Parts,
}

/// A call as it is sent.
struct Sending {
    path: String,
    media: &'static str,
    body: Bytes,
}

impl Remote {
    pub(crate) fn call(&self, port: &'static Port, method: &str) -> Result<Call<'_>, StoreError> {
        let method = port.method(method).ok_or(StoreError::Invalid { what: "the port has no such method" })?;
        Ok(Call { line: &self.0, port, method, head: Map::new(), parts: Parts::default() })
    }

    pub(crate) fn is_bus_durable(&self) -> bool {
        self.0.durable.load(Ordering::Relaxed)
    }
}

impl Call<'_> {
    pub(crate) fn put<'b, A: Arg<'b>>(mut self, name: &str, argument: &A) -> Result<Self, StoreError> {
        let value = argument.write(&mut self.parts).map_err(|_| StoreError::Invalid { what: "it cannot be sent" })?;
        self.head.insert(name.to_owned(), value);
        Ok(self)
    }

    /// Calls, and reads the answer.
    pub(crate) async fn ask<T: Carried>(mut self) -> Result<T, StoreError> {
        let (line, kind) = (self.line, self.method.kind);
        let sending = self.sending()?;
        let message = self.guarded(|left| whole(line, &line.calls, &sending, left)).await?;
        answer::read(message).map_err(|error| match kind.is_write() {
            true => StoreError::TooSlow { doing: DOING },
            false => error,
        })
    }

    /// Calls, and answers as soon as the answer begins.
    pub(crate) async fn begin(mut self) -> Result<Reply, StoreError> {
        let line = self.line;
        let sending = self.sending()?;
        let sending = &sending;
        self.guarded(|left| async move {
            let limit = left.saturating_add(GRACE);
            let reply = line.env.timeout(limit, post(&line.calls, sending, left)).await.map_err(|_| Ended::Late)??;
            answer::good(reply).await
        })
        .await
    }

    /// Calls without guard and repetition: a subscription has its own way with a lost connection.
    pub(crate) async fn wait<T: Carried>(mut self, within: Duration) -> Result<T, Ended> {
        let sending = self.sending().map_err(|error| Ended::Told(Box::new(error)))?;
        let message = whole(self.line, &self.line.waits, &sending, within).await?;
        answer::read(message).map_err(|error| Ended::Told(Box::new(error)))
    }

    /// Its bytes. What the door would refuse as too long is not sent.
    fn sending(&mut self) -> Result<Sending, StoreError> {
        let message =
            Message { head: Value::Object(std::mem::take(&mut self.head)), parts: std::mem::take(&mut self.parts) };
        let encoded = message.encode().map_err(|_| StoreError::Invalid { what: "it cannot be sent" });
        let (media, body) = encoded?;
        if body.len() > self.method.size.body_max() {
            return Err(StoreError::Invalid { what: "it is larger than one call may be; send it in parts" });
        }
        Ok(Sending { path: format!("{PATH}{}/{}", self.port.name, self.method.name), media, body })
    }

    async fn guarded<T, F, A>(&self, mut attempt: F) -> Result<T, StoreError>
    where
        F: FnMut(Duration) -> A + Send,
        A: Future<Output = Result<T, Ended>> + Send,
    {
        let Some((_, guard)) = self.line.guards.iter().find(|(role, _)| *role == self.port.role) else {
            return Err(StoreError::Invalid { what: "the port has no database" });
        };
        let clock = &self.line.env.clock;
        let deadline =
            if self.method.size == Size::Batch { self.line.batch_deadline } else { self.line.limits.deadline };
        let end_ns = clock.mono_ns().saturating_add(u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX));
        let repeat = if self.method.kind.is_repeatable() { Repeat::Idempotent } else { Repeat::Once };
        // Did a call perhaps arrive whose answer did not?
        let arrived = AtomicBool::new(false);
        let attempt = || {
            let left = Duration::from_nanos(end_ns.saturating_sub(clock.mono_ns()));
            let asked = attempt(left);
            let arrived = &arrived;
            async move {
                asked.await.map_err(|ended| {
                    arrived.fetch_or(ended.is_lost(), Ordering::Relaxed);
                    StoreError::from(ended)
                })
            }
        };
        // The attempts end by themselves before this: what they say is more exact.
        let within = deadline.saturating_add(GRACE.saturating_mul(2));
        match guard.call_within(within, DOING, repeat, attempt).await {
            Err(StoreError::Unavailable { .. })
                if self.method.kind != Kind::Read && arrived.load(Ordering::Relaxed) =>
            {
                Err(StoreError::TooSlow { doing: DOING })
            }
            other => other,
        }
    }
}

async fn post(caller: &Caller, sending: &Sending, left: Duration) -> Result<Reply, Ended> {
    let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
    let headers = [
        (HeaderName::from_static(DEADLINE), HeaderValue::from(ms)),
        (header::CONTENT_TYPE, HeaderValue::from_static(sending.media)),
    ];
    let silence = left.saturating_add(GRACE);
    let post = Post { path: &sending.path, headers: &headers, body: sending.body.clone(), silence };
    caller.post(post).await.map_err(Ended::from)
}

async fn whole(line: &Line, caller: &Caller, sending: &Sending, left: Duration) -> Result<Message, Ended> {
    let asking = async {
        let mut reply = answer::good(post(caller, sending, left).await?).await?;
        answer::message(&mut reply, ANSWER_MAX).await
    };
    line.env.timeout(left.saturating_add(GRACE), asking).await.map_err(|_| Ended::Late)?
}
