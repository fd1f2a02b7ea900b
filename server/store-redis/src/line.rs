//! One connection to the server, logged in and speaking RESP3.

use crate::{dial::dial, errors};
use aitrading_database_link::Link;
use aitrading_env::{Env, Task};
use aitrading_store::StoreError;
use redis::{
    AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
    RedisResult, Value, aio::MultiplexedConnection,
};
use secrecy::ExposeSecret;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::watch;

const DOING: &str = "connecting to the shared cache";
/// Commands in a row that were given up without any answer, after which a connection counts as dead. One is not enough: a
/// new connection would overtake what the old one still has to do.
const SILENT_MAX: u32 = 3;
/// Requests that wait to be written on one connection.
const REQUESTS_MAX: usize = 256;
/// Longest version text that is kept.
const VERSION_CHARS_MAX: usize = 64;

/// What a connection does with what the server tells unasked.
pub(crate) type Push = Box<dyn Fn(PushInfo) + Send + Sync>;

/// A logged-in connection. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Line {
    connection: MultiplexedConnection,
    // In a lock only because a task cannot be looked at from two threads.
    driver: Mutex<Task>,
    over: watch::Receiver<bool>,
    ended: watch::Sender<bool>,
    silent: AtomicU32,
    generation: u64,
    version: Option<String>,
}

impl Line {
    /// Dials, checks the server's certificate and logs in with the credentials as they are now.
    pub(crate) async fn open(env: &Env, link: &Link, push: Option<Push>) -> Result<Self, StoreError> {
        let limit = link.connect_limit();
        let opened = env.timeout(limit, Self::log_in(env, link, push)).await;
        opened.unwrap_or_else(|_| Err(errors::late(DOING, limit)))
    }

    async fn log_in(env: &Env, link: &Link, push: Option<Push>) -> Result<Self, StoreError> {
        let credentials = link.credentials().map_err(|error| error.unavailable(DOING))?;
        let mut info = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        if let Some(password) = &credentials.password {
            info = info.set_username(&credentials.user).set_password(password.expose_secret());
        }
        let stream =
            dial(env, link).await.map_err(|e| StoreError::Unavailable { doing: DOING, source: Box::new(e) })?;
        // Deadlines are the guard's, on the clock of our world.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let mut config = config.set_pipeline_buffer_size(REQUESTS_MAX);
        if let Some(push) = push {
            config = config.set_push_sender(move |info| {
                push(info);
                Ok::<(), RedisError>(())
            });
        }
        let opened = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (connection, driver) = opened.map_err(|error| errors::told(DOING, error))?;
        let (ended, over) = watch::channel(false);
        let end = ended.clone();
        let driver = Mutex::new(env.spawn.task(
            "redis-connection",
            Box::pin(async move {
                driver.await;
                end.send_replace(true);
            }),
        ));
        let generation = credentials.generation;
        let mut line = Self { connection, driver, over, ended, silent: AtomicU32::new(0), generation, version: None };
        line.version = line.ask_version().await?;
        Ok(line)
    }

    /// `HELLO` and not `INFO`: every user may say it.
    async fn ask_version(&self) -> Result<Option<String>, StoreError> {
        let hello: RedisResult<BTreeMap<String, Value>> = self.ask(redis::cmd("HELLO").arg(3)).await;
        let mut hello = hello.map_err(|error| errors::told(DOING, error))?;
        let mut text = |key: &str| hello.remove(key).and_then(|value| redis::from_redis_value::<String>(value).ok());
        let version = text("dragonfly_version").or_else(|| text("version"));
        Ok(version.map(|version| version.chars().take(VERSION_CHARS_MAX).collect()))
    }

    /// Sends a command and waits for its answer. Giving up the wait does not take the command back.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let waiting = Waiting(self);
        let answer = command.query_async(&mut self.connection.clone()).await;
        waiting.answered(&answer);
        answer
    }

    /// As [`Line::ask`], for commands that are sent at once.
    pub(crate) async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> RedisResult<T> {
        let waiting = Waiting(self);
        let answer = commands.query_async(&mut self.connection.clone()).await;
        waiting.answered(&answer);
        answer
    }

    /// Listens to a channel; what comes goes to the [`Push`] that the connection was opened with.
    pub(crate) async fn subscribe(&self, channel: &str) -> RedisResult<()> {
        self.connection.clone().subscribe(channel).await
    }

    /// Can it be used by who has credentials of this generation?
    pub(crate) fn is_good(&self, generation: u64) -> bool {
        !*self.over.borrow() && self.silent.load(Ordering::Relaxed) < SILENT_MAX && self.generation >= generation
    }

    /// Waits until the connection has ended.
    pub(crate) async fn ended(&self) {
        // The sender is this line's own: it is not gone before.
        drop(self.over.clone().wait_for(|over| *over).await);
    }

    /// The server's release.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.get_mut().unwrap_or_else(PoisonError::into_inner).abort();
    }
}

/// A command without an answer so far. Dropped so, it counts against the connection.
struct Waiting<'a>(&'a Line);

impl Waiting<'_> {
    fn answered<T>(self, answer: &RedisResult<T>) {
        let line = self.0;
        std::mem::forget(self);
        line.silent.store(0, Ordering::Relaxed);
        if answer.as_ref().is_err_and(errors::ends_connection) {
            line.ended.send_replace(true);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.silent.fetch_add(1, Ordering::Relaxed);
    }
}

/// A line that several callers use at once.
pub(crate) type SharedLine = Arc<Line>;
