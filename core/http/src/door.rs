//! A listening socket, its limits, and the loop that accepts connections.

use crate::{
    Handler, HttpError,
    connection::{Order, Service},
    meters,
    slots::Slots,
};
use aitrading_env::{BoxFuture, BoxListener, BoxStream, Env};
use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long the loop rests after the system refused to accept (no file handles, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What one door allows its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections, upgraded ones included.
    pub connections: usize,
    /// Open connections from one address.
    pub connections_per_address: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for a request's head; also how long a connection may stay idle between requests.
    pub header_read: Duration,
    /// Time for a request's body.
    pub body_read: Duration,
    /// How long a peer may take nothing off our hands.
    pub write_stall: Duration,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// From the order to drain until connections are cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 1024,
            connections_per_address: 256,
            handshake: seconds(5),
            header_read: seconds(5),
            body_read: seconds(10),
            write_stall: seconds(10),
            header_bytes: 16 * 1024,
            headers: 64,
            drain: seconds(5),
        }
    }
}

/// TLS as a door takes it, made by the channel.
pub type Tls = Arc<rustls::ServerConfig>;

/// Where a door is and who may come in.
#[derive(Clone)]
pub struct DoorConfig {
    /// Name in logs and metrics: `api-gateway`.
    pub name: &'static str,
    /// Where to listen; port 0 lets the system choose.
    pub addr: SocketAddr,
    /// TLS with its rules on client certificates; `None` is plain HTTP, for loopback alone.
    pub tls: Option<Tls>,
    /// What peers may do.
    pub limits: Limits,
}

impl DoorConfig {
    /// A plain door with default limits.
    #[must_use]
    pub fn plain(name: &'static str, addr: SocketAddr) -> Self {
        Self { name, addr, tls: None, limits: Limits::default() }
    }
}

impl fmt::Debug for DoorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = self.tls.is_some();
        f.debug_struct("DoorConfig")
            .field("name", &self.name)
            .field("addr", &self.addr)
            .field("tls", &tls)
            .finish_non_exhaustive()
    }
}

/// A door that listens already, but answers only once it runs.
pub struct Door {
    env: Env,
    config: DoorConfig,
    listener: BoxListener,
    addr: SocketAddr,
}

impl Door {
    /// Listens.
    ///
    /// # Errors
    /// [`HttpError::PortInUse`], [`HttpError::PortDenied`], [`HttpError::Bind`]. A plain door elsewhere than on loopback
    /// is refused as [`HttpError::NotLoopback`].
    pub async fn bind(env: &Env, config: DoorConfig) -> Result<Self, HttpError> {
        let addr = config.addr;
        if config.tls.is_none() && !addr.ip().is_loopback() {
            return Err(HttpError::NotLoopback { addr });
        }
        let listener = env.net.listen(addr).await.map_err(|source| bind_error(addr, source))?;
        let addr = listener.local_addr().map_err(|source| HttpError::Bind { addr, source })?;
        Ok(Self { env: env.clone(), config, listener, addr })
    }

    /// The address, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `begin` completes, then closes the socket, lets running requests finish, and cuts what is left after
    /// the drain limit. Upgraded connections belong to whoever upgraded them and are not waited for.
    pub async fn run(self, handler: Arc<dyn Handler>, begin: BoxFuture<'static, ()>) {
        let Self { env, config, listener, addr } = self;
        let limits = config.limits;
        let slots = Slots::new(limits.connections, limits.connections_per_address);
        let (order, orders) = watch::channel(Order::Serve);
        let service = Arc::new(Service::new(env.clone(), &config, handler, slots));
        tracing::info!(door = config.name, %addr, tls = config.tls.is_some(), "door open");
        let mut begin = begin;
        loop {
            tokio::select! {
                biased;
                () = &mut begin => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => admit(&env, &service, stream, peer, &orders),
                    Err(error) => rest(&env, config.name, &error).await,
                },
            }
        }
        drop((listener, orders));
        order.send_replace(Order::Finish);
        if env.timeout(limits.drain, order.closed()).await.is_err() {
            order.send_replace(Order::Cut);
            order.closed().await;
        }
        tracing::info!(door = config.name, %addr, "door closed");
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("name", &self.config.name).field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Gives the connection a task, or closes it if a cap is reached: before TLS, so that a flood costs us nothing but the accept.
fn admit(env: &Env, service: &Arc<Service>, stream: BoxStream, peer: SocketAddr, orders: &watch::Receiver<Order>) {
    match service.slots.take(peer.ip()) {
        Ok(slot) => {
            let (service, orders) = (Arc::clone(service), orders.clone());
            let serve = async move { service.serve(stream, slot, peer, orders).await };
            drop(env.spawn.task("http-connection", Box::pin(serve)));
        }
        Err(cap) => {
            meters::refused(service.name, cap).increment(1);
            tracing::debug!(door = service.name, %peer, cap, open = service.slots.open(), "connection refused");
        }
    }
}

async fn rest(env: &Env, name: &'static str, error: &io::Error) {
    meters::accept_errors(name).increment(1);
    tracing::warn!(door = name, %error, "accepting a connection failed");
    env.clock.sleep(ACCEPT_PAUSE).await;
}

fn bind_error(addr: SocketAddr, source: io::Error) -> HttpError {
    match source.kind() {
        io::ErrorKind::AddrInUse => HttpError::PortInUse { addr },
        io::ErrorKind::PermissionDenied => HttpError::PortDenied { addr },
        _ => HttpError::Bind { addr, source },
    }
}
