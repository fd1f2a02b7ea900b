//! Codecs, the session's memory, and the table, without a connection.

mod codec;
mod memory;
