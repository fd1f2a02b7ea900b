//! aitrading-hub
