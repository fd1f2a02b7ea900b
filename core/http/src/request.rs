//! What a handler gets: the request's head, its bounded body, and who sent it.

use crate::{Body, Response};
use async_trait::async_trait;
use http::{HeaderMap, Method, request::Parts};
use std::{fmt, net::SocketAddr, sync::Arc};

/// Answers requests. One handler serves all connections of a door.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Dropped if the peer goes away: what changes the world belongs on a task of its own.
    async fn handle(&self, request: Request) -> Response;
}

/// Who is at the other end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub addr: SocketAddr,
    /// What TLS knows; `None` on a plain door.
    pub tls: Option<TlsPeer>,
}

/// What TLS knows of a peer.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsPeer {
    /// Keying material of label `EXPORTER-Channel-Binding` with an empty context (RFC 9266): binds what is inside the
    /// connection to this connection.
    pub exporter: [u8; 32],
    /// The client's certificate (DER), followed by what it sent of its chain; empty if it showed none.
    pub certificates: Vec<Vec<u8>>,
}

impl fmt::Debug for TlsPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The exporter is secret to the two ends.
        f.debug_struct("TlsPeer").field("certificates", &self.certificates.len()).finish_non_exhaustive()
    }
}

/// One request.
pub struct Request {
    /// Method, target, headers.
    pub head: Parts,
    /// The body, unread.
    pub body: Body,
    /// Who sent it.
    pub peer: Arc<Peer>,
}

impl Request {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// A header's value, if it is there once and is text. Twice is as good as never: nobody can say which one counts.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() { None } else { value.to_str().ok() }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path) = (self.method(), self.path());
        f.debug_struct("Request").field("method", method).field("path", &path).finish_non_exhaustive()
    }
}
