//! What can go wrong with a channel, each with its cause and its cure.

use crate::CloseReason;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{io, time::Duration};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of the channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// No TCP connection, or it broke during the TLS handshake.
    #[error("the server could not be reached; check that it runs and that address and port are right")]
    Connect(#[source] io::Error),
    /// The connection closed right after the TLS handshake.
    #[error(
        "the server closed the connection before answering; it most likely refused this client's certificate: its log names the reason"
    )]
    ClosedEarly(#[source] io::Error),
    /// Certificates or keys do not make a TLS configuration.
    #[error("the TLS settings are not usable: {what}")]
    TlsSettings {
        /// What is wrong and what to do.
        what: &'static str,
        /// The TLS library's word.
        #[source]
        source: Option<Source>,
    },
    /// The chain is valid but the key is not one of the pinned ones.
    #[error(
        "the server's key is not one of the pinned keys although its certificate is valid; either it was renewed with a new key (update the pins from a trusted source) or somebody stands in between"
    )]
    PinMismatch,
    /// The peer's certificate is out of date by our clock.
    #[error("the peer's certificate is expired or not yet valid by this machine's clock; renew it, or set the clock")]
    PeerCertExpired(#[source] Source),
    /// The peer's certificate does not verify.
    #[error(
        "the peer's certificate is not acceptable: wrong authority, name or purpose; check the authority file and, on a client, the server name"
    )]
    PeerCertRefused(#[source] Source),
    /// The peer says that our certificate is out of date.
    #[error("the peer refused our certificate as expired or not yet valid; renew it, or compare both clocks")]
    OwnCertExpired(#[source] Source),
    /// The peer does not accept our certificate.
    #[error(
        "the peer refused our certificate: wrong authority, purpose or identity; issue it with the authority that the peer trusts"
    )]
    OwnCertRefused(#[source] Source),
    /// A certificate was demanded and none given.
    #[error("a client certificate is required and none was presented; configure certificate and key")]
    NoCertificate(#[source] Source),
    /// No common TLS version or cipher, or a malformed hello.
    #[error(
        "the TLS handshake failed: both sides must speak TLS 1.3 with X25519 and AES-GCM; check that the port belongs to this service"
    )]
    Tls(#[source] Source),
    /// The server did not switch to a WebSocket.
    #[error("the server did not open the channel; check that the address belongs to the data bridge")]
    Upgrade(#[source] Source),
    /// The Noise handshake failed.
    #[error(
        "the inner handshake failed: the server's Noise key, the policy id or the TLS connection differ from what the other side expects; check the pinned Noise key"
    )]
    HandshakeRefused,
    /// The handshake took too long.
    #[error("the session was not established within {0:?}; the peer or the network is too slow")]
    HandshakeTimeout(Duration),
    /// An exchange took too long altogether.
    #[error("the exchange was not finished within {0:?}; begin it again")]
    ExchangeTimeout(Duration),
    /// An exchange had more questions than it may have, or one out of turn.
    #[error("the peer asked more often than an exchange allows, or out of turn; begin it again, and look at the peer")]
    ExchangeTurns,
    /// A message did not decrypt.
    #[error(
        "a message was altered, repeated, reordered or left out on the way; the connection is closed and can be resumed"
    )]
    Decrypt,
    /// A frame broke the format.
    #[error("the peer sent a malformed frame ({0}); it runs another version or is faulty")]
    BadFrame(&'static str),
    /// A frame or message is too long.
    #[error("a frame of {len} bytes exceeds the limit of {limit}; send smaller batches")]
    FrameTooLarge {
        /// Bytes.
        len: usize,
        /// At most.
        limit: usize,
    },
    /// A frame's number was not the one after the last.
    #[error("stream {stream} expected frame {expected} and got {got}; the peer is faulty")]
    SeqGap {
        /// Stream.
        stream: u16,
        /// The next number.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The peer sent more than the window allows.
    #[error("the peer sent more unacknowledged frames than the window allows; it is faulty")]
    WindowExceeded,
    /// Nothing was heard for several heartbeats.
    #[error("nothing was heard from the peer for {0:?}; the network or the peer is down")]
    HeartbeatLost(Duration),
    /// The connection ended without an authenticated close.
    #[error("the connection ended without a proper close; it was cut, and can be resumed")]
    Truncated,
    /// The session has ended.
    #[error("the session is closed ({reason}); connect again")]
    Closed {
        /// Why it ended.
        reason: CloseReason,
    },
    /// Both sides remember different things about the session.
    #[error("the server's memory of this session contradicts ours; connect again to start afresh")]
    ResumeMismatch,
    /// A newer connection took the session over.
    #[error("a newer connection took this session over")]
    Superseded,
    /// The client did not renew the keys in time.
    #[error("the client did not renew the keys in time; it is faulty")]
    RehandshakeOverdue,
    /// The server keeps as many sessions as it may.
    #[error(
        "the server keeps as many sessions as it may, for this peer or altogether; close others or raise the limit"
    )]
    Capacity,
}

impl ChannelError {
    /// How this error is told to the peer.
    #[must_use]
    pub const fn close_reason(&self) -> CloseReason {
        match self {
            Self::HandshakeRefused => CloseReason::HandshakeRefused,
            Self::HandshakeTimeout(_) | Self::ExchangeTimeout(_) => CloseReason::HandshakeTimeout,
            Self::ExchangeTurns => CloseReason::Policy,
            Self::Decrypt => CloseReason::Decrypt,
            Self::BadFrame(_) | Self::ResumeMismatch => CloseReason::BadFrame,
            Self::FrameTooLarge { .. } => CloseReason::FrameTooLarge,
            Self::SeqGap { .. } => CloseReason::SeqGap,
            Self::WindowExceeded => CloseReason::WindowExceeded,
            Self::HeartbeatLost(_) => CloseReason::HeartbeatLost,
            Self::Superseded => CloseReason::Superseded,
            Self::RehandshakeOverdue => CloseReason::RehandshakeOverdue,
            Self::Capacity => CloseReason::Capacity,
            Self::Closed { reason } => *reason,
            _ => CloseReason::GoingAway,
        }
    }
}

impl Coded for ChannelError {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("channel", code, category);
        let peer = |code, category| dna(code, category).side(FaultSide::Caller);
        match self {
            Self::Connect(_) | Self::ClosedEarly(_) => {
                dna("CONNECT_FAILED", Category::Network).side(FaultSide::Dependency).retry(Retry::Later)
            }
            Self::TlsSettings { .. } => dna("TLS_SETTINGS", Category::Config),
            Self::PinMismatch => dna("PIN_MISMATCH", Category::Crypto).severity(Severity::Critical),
            Self::PeerCertExpired(_) => dna("CERT_EXPIRED", Category::Crypto).side(FaultSide::Dependency),
            Self::PeerCertRefused(_) => dna("CERT_REFUSED", Category::Crypto).side(FaultSide::Dependency),
            Self::OwnCertExpired(_) => dna("CERT_EXPIRED", Category::Access),
            Self::OwnCertRefused(_) => dna("CERT_REFUSED", Category::Access),
            Self::NoCertificate(_) => peer("TLS_NO_CERT", Category::Access),
            Self::Tls(_) => peer("TLS_REFUSED", Category::Network),
            Self::Upgrade(_) => peer("UPGRADE_REFUSED", Category::Network),
            Self::HandshakeRefused => peer("HANDSHAKE_REFUSED", Category::Crypto),
            Self::HandshakeTimeout(_) => peer("HANDSHAKE_TIMEOUT", Category::Network).retry(Retry::Later),
            Self::ExchangeTimeout(_) => peer("EXCHANGE_TIMEOUT", Category::Network).retry(Retry::Later),
            Self::ExchangeTurns => peer("EXCHANGE_TURNS", Category::Input),
            Self::Decrypt => peer("DECRYPT", Category::Crypto).severity(Severity::Critical).retry(Retry::Later),
            Self::BadFrame(_) => peer("BAD_FRAME", Category::Input),
            Self::FrameTooLarge { .. } => peer("FRAME_TOO_LARGE", Category::Input),
            Self::SeqGap { .. } => peer("SEQ_GAP", Category::Input),
            Self::WindowExceeded => peer("WINDOW_EXCEEDED", Category::Capacity),
            Self::HeartbeatLost(_) => {
                dna("HEARTBEAT_LOST", Category::Network).side(FaultSide::Dependency).retry(Retry::Later)
            }
            Self::Truncated => dna("TRUNCATED", Category::Network).side(FaultSide::Dependency).retry(Retry::Later),
            Self::Closed { .. } => dna("CLOSED", Category::Network).severity(Severity::Info).retry(Retry::Later),
            Self::ResumeMismatch => peer("RESUME_MISMATCH", Category::Internal).retry(Retry::Later),
            Self::Superseded => peer("SUPERSEDED", Category::Network).severity(Severity::Info),
            Self::RehandshakeOverdue => peer("REHANDSHAKE_OVERDUE", Category::Crypto),
            Self::Capacity => dna("RESUME_CAPACITY", Category::Capacity).retry(Retry::Later),
        }
    }
}
