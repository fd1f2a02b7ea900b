//! What can go wrong on the loopback link.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{io, net::SocketAddr, sync::Arc};

/// Why the link cannot do something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EaLinkError {
    /// The port cannot be had.
    #[error(
        "cannot listen on {addr} for the Expert Advisor; is another connector running? end it or choose another port"
    )]
    Bind {
        /// Address.
        addr: SocketAddr,
        /// As the operating system says.
        #[source]
        source: Arc<io::Error>,
    },
    /// The terminal is not there, or not ready.
    #[error(
        "the terminal is not connected; check that the Expert Advisor runs and that 127.0.0.1 is an allowed address"
    )]
    NotConnected,
    /// The connection ended before the answer came.
    #[error("the connection to the terminal was lost; it comes back by itself")]
    Lost,
    /// No answer in time.
    #[error("the terminal did not answer in time; check whether it hangs")]
    Timeout,
    /// The queue to the terminal is full.
    #[error("the terminal does not keep up; wait until it has taken earlier requests")]
    Busy,
}

impl Coded for EaLinkError {
    fn dna(&self) -> Dna {
        let network = |code| Dna::new("metatrader-connector", code, Category::Network).side(FaultSide::Dependency);
        match self {
            Self::Bind { .. } => network("EA_LINK_BIND").side(FaultSide::Caller),
            Self::NotConnected => network("EA_NOT_CONNECTED").severity(Severity::Warning).retry(Retry::Later),
            Self::Lost => network("EA_CONNECTION_LOST").severity(Severity::Warning).retry(Retry::Later),
            Self::Timeout => network("EA_TIMEOUT").severity(Severity::Warning).retry(Retry::Later),
            Self::Busy => network("EA_BUSY").severity(Severity::Warning).retry(Retry::Later),
        }
    }
}

/// Why an order has no answer. The difference is what at-most-once rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderLinkError {
    /// Not one byte of it left: it may be tried again.
    #[error("the order was not sent: {0}; it may be tried again")]
    NotSent(&'static str),
    /// It may have left, and may have been executed: look it up, never send it again.
    #[error("the order's outcome is unknown: {0}; look it up before anything else")]
    Unknown(&'static str),
}

impl Coded for OrderLinkError {
    fn dna(&self) -> Dna {
        let dna = |code| Dna::new("metatrader-connector", code, Category::Network).side(FaultSide::Dependency);
        match self {
            Self::NotSent(_) => dna("ORDER_NOT_SENT").severity(Severity::Warning).retry(Retry::Later),
            Self::Unknown(_) => dna("ORDER_UNKNOWN").retry(Retry::VerifyFirst),
        }
    }
}
