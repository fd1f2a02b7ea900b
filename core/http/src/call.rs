//! A POST over mutual TLS to a door of ours, for the operator's tool. The answer is read piece by piece.

use crate::{HeaderMap, HttpError, StatusCode, caller::Home};
use aitrading_env::{BoxStream, Env, Task};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::{error::Error, fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio_rustls::TlsConnector;

/// What every certificate of our servers is good for.
pub(crate) const SERVER: &str = "localhost";

pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// TLS as a caller takes it, made by the channel.
pub type ClientTls = Arc<rustls::ClientConfig>;

/// What is asked of whom.
pub struct Call<'a> {
    /// Who.
    pub addr: SocketAddr,
    /// Our certificate, and whose we accept.
    pub tls: ClientTls,
    /// The path.
    pub path: &'a str,
    /// Headers beside Host and Content-Length.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// The body.
    pub body: Bytes,
    /// Longest silence: until the answer begins, and between two pieces of it.
    pub silence: Duration,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("addr", &self.addr).field("path", &self.path).finish_non_exhaustive()
    }
}

/// An answer that arrives.
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    trailers: HeaderMap,
    env: Env,
    addr: SocketAddr,
    silence: Duration,
    /// Held while the answer arrives.
    connection: Option<Connection>,
    /// Where the connection goes behind the answer's end.
    home: Option<Home>,
}

/// An open connection.
pub(crate) struct Connection {
    pub(crate) sender: http1::SendRequest<Full<Bytes>>,
    _driver: Driver,
}

/// Ends the connection with its owner.
struct Driver(Task);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("addr", &self.addr).field("status", &self.status).finish_non_exhaustive()
    }
}

/// Asks, and returns when the answer begins.
///
/// # Errors
/// [`HttpError::Unreachable`] also if TLS fails on either side, [`HttpError::AnswerTimeout`].
pub async fn call(env: &Env, call: Call<'_>) -> Result<Reply, HttpError> {
    let (addr, silence) = (call.addr, call.silence);
    let answered = env.timeout(silence, begin(env, call)).await;
    answered.map_err(|_| late(addr, silence))?.map_err(|source| HttpError::Unreachable { addr, source })
}

pub(crate) fn late(addr: SocketAddr, silence: Duration) -> HttpError {
    HttpError::AnswerTimeout { addr, limit_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX) }
}

async fn begin(env: &Env, call: Call<'_>) -> Result<Reply, Source> {
    let mut connection = connect(env, call.addr, call.tls).await?;
    let answer = connection.sender.send_request(request(call.path, call.headers, call.body)?).await?;
    Ok(Reply::new(env, answer, call.addr, call.silence, connection, None))
}

/// Opens a connection to a server of ours.
pub(crate) async fn connect(env: &Env, addr: SocketAddr, tls: ClientTls) -> Result<Connection, Source> {
    let stream: BoxStream = env.net.connect(addr).await?;
    let name = ServerName::try_from(SERVER)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let drive = async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a server of ours ended");
        }
    };
    Ok(Connection { sender, _driver: Driver(env.spawn.task("http-call", Box::pin(drive))) })
}

pub(crate) fn request(
    path: &str,
    headers: &[(HeaderName, HeaderValue)],
    body: Bytes,
) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let mut request = http::Request::post(path).header(header::HOST, HeaderValue::from_static(SERVER));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(Full::new(body))
}

impl Reply {
    pub(crate) fn new(
        env: &Env,
        answer: http::Response<Incoming>,
        addr: SocketAddr,
        silence: Duration,
        connection: Connection,
        home: Option<Home>,
    ) -> Self {
        let (head, body) = answer.into_parts();
        let (status, headers, trailers) = (head.status, head.headers, HeaderMap::new());
        Self { status, headers, body, trailers, env: env.clone(), addr, silence, connection: Some(connection), home }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`HttpError::AnswerBroken`] if it ends before its end, [`HttpError::AnswerTimeout`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let addr = self.addr;
        loop {
            let frame = self.env.timeout(self.silence, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| late(addr, self.silence))? else {
                if let (Some(home), Some(connection)) = (self.home.take(), self.connection.take()) {
                    home.take_back(connection);
                }
                return Ok(None);
            };
            let frame = frame.map_err(|source| HttpError::AnswerBroken { addr, source: source.into() })?;
            match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(frame) => self.trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
    }

    /// All of an answer that is short.
    ///
    /// # Errors
    /// As [`Reply::chunk`]; what is longer than `limit` bytes is broken.
    pub async fn read(&mut self, limit: usize) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len().saturating_add(chunk.len()) > limit {
                return Err(HttpError::AnswerBroken { addr: self.addr, source: "it is too long".into() });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// What was said behind the body, once its end is reached.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<String> {
        self.trailers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}
