//! aitrading-data-bridge
