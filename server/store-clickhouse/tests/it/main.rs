//! The tick store against the real ClickHouse engine.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "servers, delays and data files are of the real world")]

#[cfg(test)]
mod access;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod line;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod world;
