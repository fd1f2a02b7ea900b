//! aitrading-channel
