//! A GET over plain loopback, for `aitrading health`. Anything more than this is another crate's work.

use crate::HttpError;
use aitrading_env::Env;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{error::Error, net::SocketAddr, time::Duration};

/// Bytes of an answer that are read at most.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Asks a server on this machine.
///
/// # Errors
/// [`HttpError::NotLoopback`], [`HttpError::Unreachable`], [`HttpError::AnswerTimeout`].
pub async fn get(env: &Env, addr: SocketAddr, path: &str, timeout: Duration) -> Result<Answer, HttpError> {
    if !addr.ip().is_loopback() {
        return Err(HttpError::NotLoopback { addr });
    }
    let limit_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let answered = env.timeout(timeout, exchange(env, addr, path)).await;
    let answered = answered.map_err(|_| HttpError::AnswerTimeout { addr, limit_ms })?;
    answered.map_err(|source| HttpError::Unreachable { addr, source })
}

#[expect(clippy::disallowed_methods, reason = "the answer is read with a bound")]
async fn exchange(env: &Env, addr: SocketAddr, path: &str) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    let stream = env.net.connect(addr).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let host = HeaderValue::try_from(addr.to_string())?;
    let request = http::Request::get(path).header(header::HOST, host).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
        Ok(Answer { status, body })
    };
    // The connection is driven beside the exchange; when the exchange is over, it is dropped with it.
    tokio::select! {
        answer = exchange => answer,
        failed = drive(connection) => Err(failed),
    }
}

/// Only a failure ends this: after an orderly end of the connection the exchange still has to read what arrived.
async fn drive<T>(connection: http1::Connection<T, Empty<Bytes>>) -> Box<dyn Error + Send + Sync>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    match connection.await {
        Err(error) => error.into(),
        Ok(()) => std::future::pending().await,
    }
}
