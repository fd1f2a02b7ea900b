//! POSTs to one door of ours over connections that are kept, for those who ask often.

use crate::{
    ClientTls, HttpError, Reply,
    call::{Connection, Source, connect, late, request},
};
use aitrading_env::Env;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::Full;
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whom a [`Caller`] calls, and how.
#[derive(Clone)]
pub struct CallerConfig {
    /// Who.
    pub addr: SocketAddr,
    /// Our certificate, and whose we accept.
    pub tls: ClientTls,
    /// Most connections at a time.
    pub connections: usize,
    /// Time for opening a connection, and for waiting until there may be one more.
    pub connect: Duration,
    /// A connection that was idle for longer is not used again. Shorter than the door's own patience.
    pub idle: Duration,
}

impl fmt::Debug for CallerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerConfig").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// What is posted.
#[derive(Debug)]
pub struct Post<'a> {
    /// The path.
    pub path: &'a str,
    /// Headers beside Host and Content-Length.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// The body.
    pub body: Bytes,
    /// Longest silence: until the answer begins, and between two pieces of it.
    pub silence: Duration,
}

/// Calls one door. A connection serves one call at a time, and the next one when the answer was read to its end. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    env: Env,
    config: CallerConfig,
    kept: Arc<Mutex<Vec<Kept>>>,
    permits: Arc<Semaphore>,
}

struct Kept {
    connection: Connection,
    since_ns: u64,
}

/// Where a connection goes when its answer has ended.
pub(crate) struct Home {
    caller: Caller,
    _permit: OwnedSemaphorePermit,
}

impl Home {
    pub(crate) fn take_back(self, connection: Connection) {
        let since_ns = self.caller.env.clock.mono_ns();
        self.caller.kept().push(Kept { connection, since_ns });
    }
}

/// A request of which nothing left, because the connection had ended before.
struct Unsent {
    request: http::Request<Full<Bytes>>,
    home: Home,
    error: Source,
}

impl Caller {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(env: &Env, config: CallerConfig) -> Self {
        let permits = Arc::new(Semaphore::new(config.connections));
        Self { env: env.clone(), config, kept: Arc::default(), permits }
    }

    /// Posts, and returns when the answer begins.
    ///
    /// # Errors
    /// [`HttpError::Unreachable`]: nothing was sent, so it may be posted again. [`HttpError::AnswerTimeout`] and
    /// [`HttpError::AnswerBroken`]: it may have arrived.
    pub async fn post(&self, post: Post<'_>) -> Result<Reply, HttpError> {
        let Post { path, headers, body, silence } = post;
        let mut home = Home { caller: self.clone(), _permit: self.permit().await? };
        let mut request = request(path, headers, body).map_err(|error| self.unreachable(error.into()))?;
        while let Some(connection) = self.idle() {
            match self.send(connection, request, silence, home).await? {
                Ok(reply) => return Ok(reply),
                Err(unsent) => (request, home) = (unsent.request, unsent.home),
            }
        }
        let opening = connect(&self.env, self.config.addr, Arc::clone(&self.config.tls));
        let opened = self.env.timeout(self.config.connect, opening).await;
        let opened = opened.map_err(|_| self.unreachable("no connection in time".into()))?;
        let connection = opened.map_err(|error| self.unreachable(error))?;
        self.send(connection, request, silence, home).await?.map_err(|unsent| self.unreachable(unsent.error))
    }

    /// Connections in use, and those that wait to be used.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        (self.config.connections.saturating_sub(self.permits.available_permits()), self.kept().len())
    }

    async fn send(
        &self,
        mut connection: Connection,
        request: http::Request<Full<Bytes>>,
        silence: Duration,
        home: Home,
    ) -> Result<Result<Reply, Unsent>, HttpError> {
        let addr = self.config.addr;
        if let Err(error) = connection.sender.ready().await {
            return Ok(Err(Unsent { request, home, error: error.into() }));
        }
        let answered = self.env.timeout(silence, connection.sender.try_send_request(request)).await;
        match answered.map_err(|_| late(addr, silence))? {
            Ok(answer) => Ok(Ok(Reply::new(&self.env, answer, addr, silence, connection, Some(home)))),
            Err(mut failed) => match failed.take_message() {
                Some(request) => Ok(Err(Unsent { request, home, error: failed.into_error().into() })),
                None => Err(HttpError::AnswerBroken { addr, source: failed.into_error().into() }),
            },
        }
    }

    /// The connection that was used last; those that are too old go.
    fn idle(&self) -> Option<Connection> {
        let idle_ns = u64::try_from(self.config.idle.as_nanos()).unwrap_or(u64::MAX);
        let oldest = self.env.clock.mono_ns().saturating_sub(idle_ns);
        let mut kept = self.kept();
        kept.retain(|kept| kept.since_ns >= oldest && !kept.connection.sender.is_closed());
        kept.pop().map(|kept| kept.connection)
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, HttpError> {
        let permit = self.env.timeout(self.config.connect, Arc::clone(&self.permits).acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => Err(self.unreachable("all connections are in use".into())),
        }
    }

    fn unreachable(&self, source: Source) -> HttpError {
        HttpError::Unreachable { addr: self.config.addr, source }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("addr", &self.config.addr).finish_non_exhaustive()
    }
}
