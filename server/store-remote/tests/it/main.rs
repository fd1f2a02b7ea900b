//! The ports through a real door with mutual TLS on loopback, over the in-memory twins.
#![expect(clippy::disallowed_methods, reason = "broken connections are of the real world")]

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod document;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod world;
