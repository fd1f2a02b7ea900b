//! Why a session ends, as both sides name it: a WebSocket close code and an error code as its reason text.

use std::fmt;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The work is done.
    Normal,
    /// The side that closes is shutting down or lost interest.
    GoingAway,
    /// A message did not decrypt: it was altered, repeated, reordered or left out on the way.
    Decrypt,
    /// A frame broke the format.
    BadFrame,
    /// A frame or message is longer than allowed.
    FrameTooLarge,
    /// A frame's number was not the one after the last.
    SeqGap,
    /// More was sent than the window allows.
    WindowExceeded,
    /// Nothing was heard for several heartbeats.
    HeartbeatLost,
    /// The handshake took too long.
    HandshakeTimeout,
    /// The Noise handshake failed.
    HandshakeRefused,
    /// A newer connection took the session over.
    Superseded,
    /// The keys were not renewed in time.
    RehandshakeOverdue,
    /// The server keeps as many sessions as it may.
    Capacity,
    /// The application refuses this peer or what it does.
    Policy,
    /// A defect of the side that closes.
    Internal,
    /// The peer gave a reason that this version does not know.
    Unknown,
}

/// WebSocket code, error code, reason: the order has no meaning.
const TABLE: [(CloseReason, u16, &str); 16] = [
    (CloseReason::Normal, 1000, "NORMAL"),
    (CloseReason::GoingAway, 1001, "GOING_AWAY"),
    (CloseReason::Decrypt, 1008, "DECRYPT"),
    (CloseReason::BadFrame, 1002, "BAD_FRAME"),
    (CloseReason::FrameTooLarge, 1009, "FRAME_TOO_LARGE"),
    (CloseReason::SeqGap, 1002, "SEQ_GAP"),
    (CloseReason::WindowExceeded, 1008, "WINDOW_EXCEEDED"),
    (CloseReason::HeartbeatLost, 1008, "HEARTBEAT_LOST"),
    (CloseReason::HandshakeTimeout, 1008, "HANDSHAKE_TIMEOUT"),
    (CloseReason::HandshakeRefused, 1008, "HANDSHAKE_REFUSED"),
    (CloseReason::Superseded, 1008, "SUPERSEDED"),
    (CloseReason::RehandshakeOverdue, 1008, "REHANDSHAKE_OVERDUE"),
    (CloseReason::Capacity, 1013, "RESUME_CAPACITY"),
    (CloseReason::Policy, 1008, "POLICY"),
    (CloseReason::Internal, 1011, "INTERNAL"),
    (CloseReason::Unknown, 1002, "UNKNOWN"),
];

impl CloseReason {
    /// The WebSocket close code that stands for it.
    #[must_use]
    pub fn websocket_code(self) -> u16 {
        TABLE.iter().find(|row| row.0 == self).map_or(1002, |row| row.1)
    }

    /// The error code that stands for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).map_or("UNKNOWN", |row| row.2)
    }

    /// The reason that a peer named.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        TABLE.iter().find(|row| row.2 == code).map_or(Self::Unknown, |row| row.0)
    }

    /// What a WebSocket close frame without one of our texts says.
    pub(crate) fn from_websocket(code: u16, text: &str) -> Self {
        match Self::from_code(text) {
            Self::Unknown if code == 1009 => Self::FrameTooLarge,
            Self::Unknown if code == 1002 => Self::BadFrame,
            other => other,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
