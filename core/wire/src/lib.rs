//! What crosses a process boundary: the client link's messages, signals and reports as bytes to be signed, the link to the
//! Expert Advisor, and the interfaces through which services meet. No sockets, no policy.
#![warn(missing_docs)]

mod checkpoint;
mod codec;
pub mod ea;
mod error;
pub mod identity;
pub mod limits;
pub mod link;
mod report;
pub mod services;
mod signal;
mod tables;
#[cfg(test)]
mod tests;
mod values;

pub use checkpoint::CheckpointNote;
pub use codec::{Reader, Writer};
pub use error::WireError;
pub use report::{REPORT_DOMAIN, ReportEnvelope, decode_report, encode_report};
pub use signal::{SIGNAL_DOMAIN, SignalEnvelope, decode_signal, encode_signal};
