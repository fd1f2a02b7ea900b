//! aitrading-audit
