//! The data bridge: client sessions, tick ingest, journal, gaps, bars and fan-out.
//!
//! A tick is acknowledged when its journal record survived `fdatasync`, and only then. What is durable goes on: to the
//! latest-price table, into bars, to the engine, and in the background to the tick store.
#![warn(missing_docs)]

mod away;
mod background;
mod bridge;
mod desk;
mod door;
mod drain;
mod error;
mod gaps;
mod imports;
mod ingest;
mod meters;
mod prices;
mod publish;
mod pulse;
mod recovery;
mod seats;
mod session;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod tick;

pub use away::{STORE_SEEN, forget_store};
pub use bridge::{Bridge, Keys, Ports};
pub use error::BridgeError;
pub use prices::{Prices, Quoted};
pub use recovery::unstored_records;
pub use seats::Seats;
pub use settings::{Backfill, RawSettings, Settings};
pub use tick::{Counters, Refused, Rules, SourceState};
