//! aitrading-security
