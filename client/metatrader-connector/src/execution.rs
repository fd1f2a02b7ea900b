//! From a signed signal to a settled outcome: prove it, check it, write the intent, send one order, look at what became of it.
//!
//! What is sent was written down before as an intent, and an intent is sent once. Whatever leaves the outcome open (no answer,
//! a vague code, a crash) is resolved by looking in the terminal's lists by magic number, and never by sending again.

mod desk;
mod evidence;
mod resolve;
#[cfg(test)]
mod tests;

pub use desk::{Desk, DeskParts, Intended, Patience, Quotes, Received, Terms};
pub use evidence::{Execution, Sight};
