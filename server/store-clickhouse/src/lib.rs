//! The tick store on a ClickHouse server: ticks, bars, gaps, refusals and cursors, each commit all or nothing.
//!
//! ClickHouse has no transactions over several tables, and an insert whose answer was lost may still take effect later. So
//! every row carries the number of its commit and the rank of the attempt that wrote it, and nothing counts before a row of
//! the table `marks` says so. [`ClickHouseTicks`] says why that neither loses nor doubles a tick.
#![warn(missing_docs)]

mod codec;
mod commit;
mod door;
mod imports;
mod marks;
mod prepare;
mod query;
mod refusal;
mod rows;
mod schema;
mod store;
mod take_over;
mod upkeep;
mod version;
mod writer;

pub use store::{ClickHouseSettings, ClickHouseTicks, VisitNumbers};
pub use take_over::TakeOver;
