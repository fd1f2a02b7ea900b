//! Every bound of the wire, by name.

/// Ticks in one batch.
pub const TICKS_PER_BATCH_MAX: usize = 256;
/// Symbols that one session may send.
pub const SYMBOLS_PER_SESSION_MAX: usize = 256;
/// Different tables of sessions in one list of specifications.
pub const SESSION_TABLES_MAX: usize = 24;
/// Bytes of a text (server name, message).
pub const TEXT_BYTES_MAX: usize = 256;
/// Bytes of one message's body on the client link; one Noise message holds it.
pub const BODY_BYTES_MAX: usize = 60 * 1024;
/// Bytes of a checkpoint as a signed note; the longest origin leaves room.
pub const CHECKPOINT_BYTES_MAX: usize = 1_024;
/// Market time that one question for history may span: an hour of ticks.
pub const HISTORY_SPAN_MS_MAX: i64 = 3_600_000;
/// Ticks in one answer to a question for history.
pub const HISTORY_TICKS_MAX: usize = 262_144;
/// Bytes of one frame's body on the EA link.
pub const EA_BODY_BYTES_MAX: usize = 64 * 1024;
