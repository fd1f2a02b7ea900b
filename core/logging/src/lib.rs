//! aitrading-logging
