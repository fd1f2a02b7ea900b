//! aitrading-settings
