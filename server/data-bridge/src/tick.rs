//! What the bridge decides about ticks, as pure functions: no clock, no files, no tasks.

mod checkpoint;
mod gate;
mod history;
mod record;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use checkpoint::Checkpoint;
pub(crate) use gate::Gate;
pub use gate::{Refused, Rules};
pub(crate) use history::{HistoryRecord, Record, changed_bars, missing};
pub(crate) use record::BatchRecord;
pub use state::{Counters, SourceState};
