//! Codecs, the session's memory, the table, and a peer that has the keys and breaks the rules.

mod codec;
mod hostile;
mod memory;
