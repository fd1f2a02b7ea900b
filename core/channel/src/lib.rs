//! The channel between a client and a server: TLS 1.3 with mutual certificates and an SPKI pin, a WebSocket in it, and in each
//! WebSocket message one Noise_IK transport message bound to that TLS connection.
//!
//! It carries numbered frames on streams, acknowledges them cumulatively and selectively, resumes after a reconnect, keeps a
//! heartbeat and renews its keys. What the frames mean is none of its business. The format is docs/specs/channel.md.
//!
//! Before there is a session there is an [`exchange`]: a few questions and answers, for enrolment and login, of which [`identity`]
//! has the client's half (docs/specs/enrolment.md).
#![warn(missing_docs)]

mod accept;
mod client;
mod clock;
mod close;
mod control;
mod error;
pub mod exchange;
mod frame;
pub mod identity;
mod limits;
mod link;
mod noise;
mod pipe;
mod receive;
mod resume;
mod session;
mod table;
#[cfg(test)]
mod tests;
pub mod tls;
mod transmit;

pub use accept::{ServerSettings, accept};
pub use client::{ClientSettings, PATH, connect, connect_over};
pub use clock::ClockEstimate;
pub use close::CloseReason;
pub use error::ChannelError;
pub use frame::{MAX_BODY, StreamId};
pub use limits::{Limits, MAX_EXTRA, MAX_MESSAGE, MAX_STREAMS};
pub use resume::Resume;
pub use session::{Event, Receiver, Sender, Session};
pub use table::ResumeTable;
