//! The link between connector and Expert Advisor: frames that MQL5 can write, little-endian, checked by CRC-32C.
//!
//! Five connections, one per [`Role`], all dialled by the terminal. Layouts: `docs/specs/ea-link.md`. The proofs of the
//! handshake are computed by the callers; here they are 32 bytes.

mod fields;
mod frame;
mod handshake;
mod history;
mod message;
mod orders;
#[cfg(test)]
mod tests;
mod ticks;
mod values;

pub use frame::{Decoder, FLAG_STANDS, Frame, HEADER_BYTES, MAGIC, VERSION};
pub use handshake::{Accept, Challenge, Hello, ProofSide, Refuse, proof_input};
pub use history::{HistoryEnd, HistoryRequest, HistoryTicks};
pub use message::{Heartbeat, Message, TerminalInfo};
pub use orders::{
    Filling, Lookup, LookupResult, OrderInfo, OrderRequest, OrderResult, OrderState, ROWS_MAX, Reason, TradeAction,
    Transaction, TransactionKind,
};
pub use ticks::{FeedMode, FeedNumber, TickEnd, TickRefused, TickRewritten, TickSubscribe, Ticks, push_tick_frame};
pub use values::Specs;

/// What one of the five connections is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Orders and their results.
    Commands = 1,
    /// What happened on the account without being asked for.
    Events = 2,
    /// Tick feeds.
    Ticks = 3,
    /// Lookups in orders, deals and positions; ticks of the past.
    History = 4,
    /// Specifications, permissions, account snapshots.
    Control = 5,
}

impl Role {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Commands, Self::Events, Self::Ticks, Self::History, Self::Control];

    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| *role as u8 == number)
    }

    /// The name, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Events => "events",
            Self::Ticks => "ticks",
            Self::History => "history",
            Self::Control => "control",
        }
    }
}
