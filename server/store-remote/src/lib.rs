//! The ports of the database service over HTTP, for other processes: [`PortsDoor`] serves the ports of `aitrading-store`,
//! [`RemoteStores`] is the same ports by asking it. docs/specs/ports.md describes what goes between the two.
//!
//! Both are made from one table ([`PORTS`]): what a method is called, whether it may be repeated, how much it carries.
#![warn(missing_docs)]

mod arrow;
mod carried;
mod client;
mod door;
mod message;
mod meters;
mod ports;
mod refusal;
mod table;

pub use client::{RemoteSettings, RemoteStores};
pub use door::{BATCHES_MAX, CALLS_MAX, DEADLINE_MAX, ITEMS_MAX, LEASE, PAGES_MAX, PortsDoor, SUBSCRIPTIONS_MAX};
pub use ports::PORTS;
pub use table::{
    ANSWER_MAX, BATCH_BODY_MAX, DEADLINE, Kind, Method, PAGE_BODY_MAX, PATH, Port, ROW_BODY_MAX, ROWS_MAX, SERVICES,
    SMALL_BODY_MAX, Size,
};
