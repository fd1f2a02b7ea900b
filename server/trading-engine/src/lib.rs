//! aitrading-trading-engine
