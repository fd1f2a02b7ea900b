//! The servers and the proxy themselves: they come up, guard their doors, keep their data, and leave nothing behind.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]
#![expect(clippy::disallowed_methods, reason = "servers and delays are of the real world")]

mod proxy;
mod servers;
