//! Read-only SQL over the tick files, with limits.
//!
//! One statement at a time, over three tables that belong to the asking tenant: `ticks`, `bars` and `logs`. The store that owns
//! the data hands it over through [`TickFilesView`]; this crate opens no file that the view did not list, writes nothing, and
//! is the only one that names DataFusion or Arrow. Nothing is built before the first query, and nothing of a query stays.
#![warn(missing_docs)]

mod check;
mod engine;
mod error;
mod functions;
mod home;
pub mod layout;
mod limits;
mod output;
mod plan;
mod query;
mod scan;
mod tables;
mod view;
mod worker;

pub use engine::{SqlEngine, SqlSession};
pub use error::SqlError;
pub use limits::SqlLimits;
pub use output::Format;
pub use query::{Chunks, QueryStream};
pub use view::{
    BarRow, BarWish, ListedFile, LogRow, LogWish, Rows, TickFilesView, TickSnapshot, TickWish, WaitingTicks,
};
