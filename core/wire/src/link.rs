//! The messages between a client and the data bridge, by stream.
//!
//! Life of a session: the client says [`Control::Hello`], the bridge answers [`Control::Welcome`] or [`Control::Refused`]. The
//! client asks with [`Control::TickOpen`] where its sources stand and gets [`Control::TickCursors`]. A source whose cursor has
//! the client's own epoch goes on at `seq + 1`; otherwise the client starts a higher epoch with [`Control::EpochStart`], names
//! the cursor it was told, reads the terminal's history from there, and counts from 1. If the cursor has moved meanwhile the
//! bridge answers with fresh cursors and takes nothing of that epoch. So a new epoch can never make an old tick look new.

mod control;
mod heartbeat;
mod history;
mod ticks;

pub use control::{Control, Hello, Pacing, Welcome};
pub use heartbeat::{Heartbeat, SubscriptionState};
pub use history::{History, Wanted};
pub use ticks::{decode_ticks, encode_ticks};

/// The version of the messages below. 2: specifications tell when a symbol trades. 3: history can be asked for.
pub const LINK_VERSION: u16 = 3;

/// Stream numbers of the client link (0 belongs to the channel itself).
pub mod stream {
    /// [`super::Control`], both ways.
    pub const CONTROL: u16 = 1;
    /// Tick batches, client to server. A frame's acknowledgement means: durable.
    pub const TICKS: u16 = 2;
    /// [`crate::SignalEnvelope`], server to client. A frame's acknowledgement means: in the client's ledger.
    pub const SIGNALS: u16 = 3;
    /// [`crate::ReportEnvelope`], client to server. A frame's acknowledgement means: audited.
    pub const REPORTS: u16 = 4;
    /// [`super::History`], both ways. The acknowledgement of a client's frame means: durable.
    pub const HISTORY: u16 = 5;
}

/// Kind byte of frames on the streams that carry one kind of message.
pub const KIND_DEFAULT: u8 = 1;
