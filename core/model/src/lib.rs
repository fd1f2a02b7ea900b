//! aitrading-model
