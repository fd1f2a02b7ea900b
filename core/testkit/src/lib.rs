//! aitrading-testkit
