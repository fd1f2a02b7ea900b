//! Read-only SQL: what the engine is shown of the stores, and the door at which it is asked.

mod answer;
mod door;
mod error;
mod question;
#[cfg(test)]
mod tests;
mod view;

pub use answer::Answer;
pub use door::{ERROR_CODE, ERROR_DETAIL, LEFT_OUT, PATH};
pub use question::Question;

pub(crate) use door::SqlDoor;
pub(crate) use view::SqlView;
