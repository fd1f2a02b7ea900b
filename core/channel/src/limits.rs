//! Every bound of a session, in one place.

use std::time::Duration;

/// Longest WebSocket message: the longest Noise message.
pub const MAX_MESSAGE: usize = 65_535;
/// Longest WebSocket message before the handshake is complete: no handshake message is longer.
pub(crate) const MAX_HANDSHAKE_MESSAGE: usize = 4096;
/// Streams that one side may open in one session.
pub const MAX_STREAMS: usize = 256;
/// Longest application part of a heartbeat.
pub const MAX_EXTRA: usize = 4096;
/// Frames written between two flushes.
pub(crate) const WRITE_FRAMES: usize = 256;
/// Bytes written between two flushes, give or take one frame.
pub(crate) const WRITE_BYTES: usize = 256 * 1024;
/// Messages read before they are worked off.
pub(crate) const READ_MESSAGES: usize = 128;
/// Bytes buffered by the WebSocket before it flushes on its own.
pub(crate) const FLUSH_THRESHOLD: usize = 1024 * 1024;
/// Sessions that one peer may keep for resuming.
pub(crate) const MAX_RESUMES_PER_PEER: usize = 8;

/// What a session allows. Both sides announce their windows; a sender keeps within the smaller one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Frames that may be unacknowledged.
    pub window_frames: u32,
    /// Body bytes that may be unacknowledged; one frame may always be under way.
    pub window_bytes: u64,
    /// Pause between a client's heartbeats.
    pub heartbeat: Duration,
    /// The session ends after so many heartbeat pauses without a word from the peer.
    pub missed_heartbeats: u32,
    /// Age at which the client renews the keys.
    pub rehandshake_after: Duration,
    /// Messages in one direction after which the client renews the keys.
    pub rehandshake_messages: u64,
    /// From dialling (or from the upgraded connection) to an established session.
    pub handshake_timeout: Duration,
    /// How long an orderly close may take.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window_frames: 4096,
            window_bytes: 8 * 1024 * 1024,
            heartbeat: Duration::from_secs(15),
            missed_heartbeats: 3,
            rehandshake_after: Duration::from_mins(15),
            rehandshake_messages: 1 << 20,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(3),
        }
    }
}

impl Limits {
    pub(crate) const fn window(&self) -> Window {
        Window { frames: self.window_frames, bytes: self.window_bytes }
    }

    /// Silence that ends the session.
    pub(crate) fn silence(&self) -> Duration {
        self.heartbeat.saturating_mul(self.missed_heartbeats.max(1))
    }
}

/// How much may be unacknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) frames: u32,
    pub(crate) bytes: u64,
}

impl Window {
    pub(crate) fn smaller(self, other: Self) -> Self {
        Self { frames: self.frames.min(other.frames).max(1), bytes: self.bytes.min(other.bytes) }
    }

    /// May `len` more bytes be added to what is under way? A lone frame always fits, or a small window would block for ever.
    pub(crate) fn admits(self, frames: usize, bytes: u64, len: u64) -> bool {
        frames == 0 || (frames < self.frames as usize && bytes.saturating_add(len) <= self.bytes)
    }
}
