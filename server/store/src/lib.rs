//! aitrading-store
