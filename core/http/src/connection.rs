//! One accepted connection: TLS, then HTTP/1.1 until it ends, is told to finish, or is cut.

use crate::{
    Body, DoorConfig, Handler, HttpError, Limits, Peer, Request, Response, TlsPeer,
    guard::HeadGuard,
    meters,
    slots::{HeldStream, Slot, Slots},
    timer::ClockTimer,
};
use aitrading_env::{BoxStream, Env};
use http::{HeaderValue, Method, StatusCode, Version, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Label of the exported keying material (RFC 9266).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What connections are told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Serve,
    Finish,
    Cut,
}

/// What all connections of one door share.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) slots: Slots,
    env: Env,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    handler: Arc<dyn Handler>,
    http: http1::Builder,
}

impl Service {
    pub(crate) fn new(env: Env, config: &DoorConfig, handler: Arc<dyn Handler>, slots: Slots) -> Self {
        let limits = config.limits;
        let mut http = http1::Builder::new();
        http.timer(ClockTimer::new(Arc::clone(&env.clock)))
            .header_read_timeout(limits.header_read)
            .max_headers(limits.headers)
            // hyper refuses less than 8 KiB by panicking.
            .max_buf_size(limits.header_bytes.max(8192));
        let tls = config.tls.clone().map(TlsAcceptor::from);
        Self { name: config.name, slots, env, limits, tls, handler, http }
    }

    pub(crate) async fn serve(
        &self,
        stream: BoxStream,
        slot: Slot,
        addr: SocketAddr,
        mut orders: watch::Receiver<Order>,
    ) {
        meters::connections(self.name).increment(1);
        let held = HeldStream::new(stream, slot, Arc::clone(&self.env.clock), self.limits.write_stall);
        let Some(acceptor) = &self.tls else {
            return self.converse(held, Peer { addr, tls: None }, orders).await;
        };
        let handshake = Self::handshake(acceptor, held);
        let accepted = tokio::select! {
            biased;
            _ = orders.wait_for(|o| *o != Order::Serve) => return,
            accepted = self.env.timeout(self.limits.handshake, handshake) => accepted,
        };
        match accepted {
            Ok(Ok((stream, tls))) => self.converse(stream, Peer { addr, tls: Some(tls) }, orders).await,
            Ok(Err(error)) => self.refused("tls", addr, &error.to_string()),
            Err(_) => self.refused("tls_timeout", addr, "the handshake took too long"),
        }
    }

    async fn handshake(acceptor: &TlsAcceptor, held: HeldStream) -> std::io::Result<(TlsStream<HeldStream>, TlsPeer)> {
        let stream = acceptor.accept(held).await?;
        let (_, session) = stream.get_ref();
        let exported = session.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[]));
        let exporter = exported.map_err(std::io::Error::other)?;
        let certificates = session.peer_certificates().unwrap_or_default().iter().map(|c| c.to_vec()).collect();
        Ok((stream, TlsPeer { exporter, certificates }))
    }

    async fn converse<S>(&self, stream: S, peer: Peer, mut orders: watch::Receiver<Order>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let addr = peer.addr;
        let peer = Arc::new(peer);
        let answer = service_fn(|request| self.answer(request, Arc::clone(&peer)));
        let connection = self.http.serve_connection(TokioIo::new(HeadGuard::new(stream)), answer).with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            _ = orders.wait_for(|o| *o != Order::Serve) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    _ = orders.wait_for(|o| *o == Order::Cut) => return,
                }
            }
        };
        if let Err(error) = ended {
            self.refused(reason(&error), addr, &aitrading_error::chain(&error).to_string());
        }
    }

    async fn answer(&self, request: http::Request<Incoming>, peer: Arc<Peer>) -> Result<Response, Infallible> {
        let started = self.env.clock.mono_ns();
        let (head, body) = request.into_parts();
        let last = head.headers.contains_key(header::UPGRADE);
        let (mut response, last) = match framing(&head) {
            Ok(()) => {
                let body = Body::incoming(body, self.env.clone(), self.limits.body_read);
                (self.handler.handle(Request { head, body, peer }).await, last)
            }
            Err(error) => (Response::from(error), true),
        };
        // The guard follows the connection no further than to such a request.
        if last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.headers_mut().remove(header::SERVER);
        let took_ns = self.env.clock.mono_ns().saturating_sub(started);
        let class = class(response.status());
        meters::requests(self.name, class).increment(1);
        meters::request_seconds(self.name).record(std::time::Duration::from_nanos(took_ns).as_secs_f64());
        Ok(response)
    }

    fn refused(&self, reason: &'static str, addr: SocketAddr, error: &str) {
        meters::broken(self.name, reason).increment(1);
        tracing::debug!(door = self.name, peer = %addr, reason, error, "connection ended");
    }
}

/// Refuses what two parsers could read in two ways.
///
/// hyper hides a Content-Length that comes with a Transfer-Encoding, so the smuggler's pair cannot be told from an honest
/// chunked body here: every Transfer-Encoding is refused. Our clients announce their lengths.
fn framing(head: &http::request::Parts) -> Result<(), HttpError> {
    let refuse = |why| Err(HttpError::BadRequest { why });
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        return refuse("Transfer-Encoding is not taken; send the body with a Content-Length");
    }
    // A target with a host of its own would have two of them.
    if head.method == Method::CONNECT || head.uri.authority().is_some() || !head.uri.path().starts_with('/') {
        return refuse("the target is a path; send `GET /path` and the host in the Host header");
    }
    let codings = head.headers.get_all(header::CONTENT_ENCODING);
    if codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(HttpError::EncodingRefused);
    }
    let hosts = head.headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && head.version == Version::HTTP_11) {
        return refuse("a request names its Host exactly once; send one Host header");
    }
    Ok(())
}

fn reason(error: &hyper::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_parse() {
        "parse"
    } else {
        "io"
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
