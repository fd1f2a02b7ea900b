//! aitrading-app
