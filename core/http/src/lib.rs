//! aitrading-http
