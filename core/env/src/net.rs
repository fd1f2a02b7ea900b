//! Sockets as an argument.

use crate::BoxFuture;
use std::{fmt::Debug, io, net::SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream between two ends.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A boxed byte stream.
pub type BoxStream = Box<dyn Stream>;
/// A boxed listener.
pub type BoxListener = Box<dyn Listener>;

/// An open listening socket.
pub trait Listener: Send + Sync {
    /// Waits for the next connection.
    fn accept(&self) -> BoxFuture<'_, io::Result<(BoxStream, SocketAddr)>>;
    /// The address that it listens on, with the port that the system chose if 0 was asked for.
    ///
    /// # Errors
    /// If the socket is gone.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Opens sockets. No delay (Nagle off) everywhere: frames are written whole.
pub trait Net: Send + Sync + Debug {
    /// Dials `addr`.
    fn connect(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<BoxStream>>;
    /// Listens on `addr`.
    fn listen(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<BoxListener>>;
}

/// The machine's TCP.
#[derive(Debug, Clone, Copy)]
pub struct RealNet;

struct RealListener(tokio::net::TcpListener);

impl Listener for RealListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(BoxStream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, peer) = self.0.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as BoxStream, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Net for RealNet {
    #[expect(clippy::disallowed_methods, reason = "the one place that dials")]
    fn connect(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that listens")]
    fn listen(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<BoxListener>> {
        Box::pin(async move {
            let listener = tokio::net::TcpListener::bind(addr).await?;
            Ok(Box::new(RealListener(listener)) as BoxListener)
        })
    }
}
