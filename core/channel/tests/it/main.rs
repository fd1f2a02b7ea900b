//! Sessions over connections: honest ones, tampered ones, and TLS.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]
#![expect(clippy::disallowed_methods, reason = "tests run their two sides as tasks of the test's own runtime")]

mod exchange;
mod lifecycle;
mod limits;
mod over_tls;
mod proxy;
mod sessions;
mod support;
mod tampering;
mod tls;
