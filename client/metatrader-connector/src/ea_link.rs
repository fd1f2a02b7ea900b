//! The connector's side of the loopback link: it listens, the Expert Advisor dials with five connections per account, both
//! prove that they know the account's secret, and an [`EaLink`] shows the terminal to the rest of the connector.
//!
//! Nothing is retried here. What became of an order is told apart exactly: answered, surely not sent, or unknown.

mod error;
pub(crate) mod framed;
mod link;
mod listener;
mod session;
mod slot;
#[cfg(test)]
mod tests;

pub use error::{EaLinkError, OrderLinkError};
pub use link::{EaLink, TickFeed};
pub use listener::{EaListener, EaServer};

use aitrading_model::{AccountId, AccountState, MarketTime, Permissions, Tick};
use aitrading_security::Secret;
use aitrading_wire::ea::{OrderResult, Role, Transaction};
use std::{sync::Arc, time::Duration};

/// An account whose terminal may connect.
#[derive(Debug)]
pub struct EaAccount {
    /// Login.
    pub account: AccountId,
    /// The secret that the Expert Advisor's inputs hold too.
    pub secret: Secret<Vec<u8>>,
}

/// Times of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTimes {
    /// A frame goes out at least this often.
    pub heartbeat: Duration,
    /// A peer that is silent for so long is gone, whatever its socket says.
    pub silence: Duration,
    /// A new connection must have said who it is by then.
    pub handshake: Duration,
}

impl Default for LinkTimes {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(1), silence: Duration::from_secs(5), handshake: Duration::from_secs(3) }
    }
}

/// How far a terminal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkPhase {
    /// No Expert Advisor of this account was ever here. Usual causes: it is not on a chart, 127.0.0.1 is not in the terminal's
    /// list of allowed addresses, or the secret differs.
    #[default]
    NeverConnected,
    /// Some of the five connections stand, or the first snapshots are missing.
    Connecting,
    /// All five stand, and account, specifications and permissions are known.
    Ready,
    /// It was here, and is gone.
    Lost,
}

/// What is known of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkStatus {
    /// Phase.
    pub phase: LinkPhase,
    /// Connections that stand, as bit `1 << role`.
    pub roles: u8,
}

impl LinkStatus {
    /// Does the connection for `role` stand?
    #[must_use]
    pub const fn has(&self, role: Role) -> bool {
        self.roles & (1 << role as u8) != 0
    }
}

/// Something that happened at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// The link became ready: reconcile now.
    Ready,
    /// The link is no longer ready.
    Lost,
    /// A transaction: a hint, never the truth.
    Transaction(Transaction),
    /// A fresh snapshot.
    Account(Arc<AccountState>),
    /// A result for which nobody waits any more.
    LateResult(Box<OrderResult>),
}

/// Where a tick feed begins: behind the first `count` ticks with exactly `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TickFrom {
    /// Time.
    pub time: MarketTime,
    /// Ticks of that time that are known already.
    pub count: u32,
}

impl From<aitrading_model::Cursor> for TickFrom {
    fn from(cursor: aitrading_model::Cursor) -> Self {
        Self { time: cursor.time, count: cursor.count_at_time }
    }
}

/// What a tick feed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// 1 to 256 ticks in order.
    Ticks {
        /// The ticks.
        ticks: Vec<Tick>,
        /// The feed stands still behind them until [`TickFeed::go_on`].
        stands: bool,
    },
    /// The history ends; nothing follows.
    End {
        /// Ticks that the history holds, from its beginning.
        total: u64,
    },
    /// The history was rewritten under the cursor; nothing follows. Record a discontinuity and start behind it.
    Rewritten {
        /// The cursor's time.
        time: MarketTime,
        /// Ticks that should have been there.
        wanted: u32,
        /// Ticks that are there.
        found: u32,
    },
    /// The terminal has no such symbol; nothing follows.
    Refused {
        /// Cause and cure, from the terminal.
        text: String,
    },
}

/// May it trade? All false unless the link is ready.
#[must_use]
pub(crate) fn permissions_of(info: Option<aitrading_wire::ea::TerminalInfo>) -> Permissions {
    info.map(|info| info.permissions).unwrap_or_default()
}
