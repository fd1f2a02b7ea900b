//! aitrading-config
