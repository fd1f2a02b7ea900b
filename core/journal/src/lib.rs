//! aitrading-journal
