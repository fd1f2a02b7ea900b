//! Doors on real loopback sockets.

mod door;
mod framing;
mod limits;
mod observe;
mod tls;
mod upgrade;
mod world;
