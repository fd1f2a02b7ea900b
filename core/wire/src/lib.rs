//! aitrading-wire
