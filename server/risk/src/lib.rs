//! aitrading-risk
