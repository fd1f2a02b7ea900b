//! Sessions over connections: honest ones, tampered ones, and TLS.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails panics")]

mod lifecycle;
mod limits;
mod proxy;
mod sessions;
mod support;
mod tampering;
mod throughput;
mod tls;
