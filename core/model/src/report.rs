//! What a client says became of a signal.

use crate::{
    AccountId, Deal, DeviceId, Fence, MarketTime, Price, Retcode, SignalId, TenantId, Ticket, Timestamp, TraceId,
    Volume,
};

/// The outcome, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReportState {
    /// The client's own checks refused it; nothing was sent to the terminal.
    Refused = 0,
    /// The terminal or broker refused it; no deal exists.
    Rejected = 1,
    /// Executed; the deals are listed.
    Executed = 2,
    /// Sent, and nobody knows yet. A final report follows.
    Unknown = 3,
    /// It expired before it could be sent.
    Expired = 4,
    /// Looked up after an unknown outcome and found not executed.
    NotExecuted = 5,
}

impl ReportState {
    /// Is the outcome settled?
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Refused,
            1 => Self::Rejected,
            2 => Self::Executed,
            3 => Self::Unknown,
            4 => Self::Expired,
            5 => Self::NotExecuted,
            _ => return None,
        })
    }
}

/// When each hop happened, in server time as the client estimates it; 0 where it did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HopTimes {
    /// The signal's bytes arrived at the client.
    pub received: Timestamp,
    /// All client checks passed.
    pub validated: Timestamp,
    /// The intent was durable in the client's ledger.
    pub intent: Timestamp,
    /// The terminal called `OrderSend`.
    pub order_send: Timestamp,
    /// The result came back.
    pub result: Timestamp,
    /// Half-width of the client's clock estimate, nanoseconds.
    pub clock_error_ns: i64,
}

/// A client's account of one signal, signed with the device key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Whose.
    pub tenant: TenantId,
    /// Which account.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
    /// Its fencing number.
    pub fence: Fence,
    /// Number among the device's reports; starts at 1.
    pub seq: u64,
    /// The signal.
    pub signal: SignalId,
    /// Joins it to its cause.
    pub trace: TraceId,
    /// Outcome.
    pub state: ReportState,
    /// The trade server's return code; 0 if the order never got there.
    pub retcode: Retcode,
    /// A stable code that says why, empty when executed: `EXPIRED`, `BAD_SIGNATURE`, `PRICE_OUT_OF_BOUNDS`...
    pub reason: String,
    /// The order's ticket; 0 if none.
    pub order: Ticket,
    /// At most [`Report::MAX_DEALS`] deals.
    pub deals: Vec<Deal>,
    /// Lots executed.
    pub volume: Volume,
    /// Volume-weighted price; 0 if nothing was executed.
    pub price: Price,
    /// Market time at the terminal when the order was sent.
    pub market_time: MarketTime,
    /// Hop times.
    pub times: HopTimes,
}

impl Report {
    /// Most deals in one report.
    pub const MAX_DEALS: usize = 32;
    /// Longest reason in bytes.
    pub const MAX_REASON: usize = 64;
}
